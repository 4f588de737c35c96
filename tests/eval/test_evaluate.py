"""The whole evaluation of two tiny policies and a reward model, and its parts on plans whose figures are known."""

import json

import numpy as np
import pytest

from experiments import evaluate as experiment
from rtq.data import drafts, options, studio
from rtq.editor import Mask
from rtq.eval import cases, evaluate, held_out, pictures, policy
from tests.data.data_photos import write_scenes
from tests.eval import policy_folder
from tests.rl import tiny_policy as tiny

SIDE = 2 * policy_folder.SIDE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos and a policy; the studio's examples and the policy's plans need few programs."""
    patch = pytest.MonkeyPatch()
    patch.setattr(studio, "PILOTS", 24)
    patch.setattr(studio, "CHUNK", 16)
    patch.setattr(drafts, "KINDS", {"one": 0.8, "vague": 0.2})
    patch.setattr(options, "POCKET", tiny.OPTIONS)
    out = tmp_path_factory.mktemp("evaluate")
    write_scenes(out / "photos", 5)
    policy_folder.write(out / "policy")
    yield out
    patch.undo()


def test_figures_and_report_of_a_run(folder, tmp_path, monkeypatch):
    config = experiment.get_config("smoke")
    config.photos, config.split, config.regressor = str(folder / "photos"), "all", str(folder / "photos")
    config.policies = f"one={folder / 'policy'},two={folder / 'policy'}"
    config.rewards, config.metrics_tokens, config.score_tokens = f"judge={folder / 'policy'}", 40, 16
    monkeypatch.setattr(held_out, "WORDS", {key: held_out.WORDS[key] for key in (("brightness", 1), ("warmth", -1))})
    _killed_at_the_end_and_resumed(config, tmp_path)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["photos"] == 5
    assert found["examples"] == 4
    assert found["users"]["delta_e"] == [0, 0]
    assert found["users"]["o"][0] > found["untouched"]["o"][0]
    one, two = found["policies"]["one"], found["policies"]["two"]
    assert one == two
    assert two["lead"]["delta_e"] == [0, 0]
    assert one["delta_e"][0] > 0
    assert 0 <= one["o"][0] <= 10
    assert 0 <= one["unconstrained"]["share"] <= 1
    assert one["constrained"] == {"share": 1.0, "failures": {}}
    assert one["frames"]["count"] == one["combinations"]["count"] == 4
    assert 0 <= one["frames"]["right"][0] <= 1
    assert one["refined"][0] > 0 < one["summarised"][0]
    assert -1 <= found["annotator"] <= 1
    assert found["spoiled_l1"][0] > 1
    assert one["looking"][0] < found["regressor"][0]  # which was fitted to these very photos
    assert found["rewards"]["judge"]["one"]["pairs"] <= 6  # of two requests, the likeliest answer and two samples
    assert -1 <= found["rewards"]["judge"]["one"]["rank_correlation"][0] <= 1
    assert found["rewards"]["judge"]["one"]["lead"] == [0, 0]
    assert one["sampled"]["delta_e"][0] > 0
    assert 0 <= one["sampled"]["o"][0] <= 10
    page = (tmp_path / "report" / "index.html").read_text()
    for words in ("user&#x27;s edit", "untouched photo", "gain with another photo", "rank correlation with truth"):
        assert words in page, words


def _killed_at_the_end_and_resumed(config, workdir):
    """What was measured before is not measured again."""

    def never(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "write_report", never)
        with pytest.raises(KeyboardInterrupt):
            evaluate.evaluate(config, workdir)
    assert (workdir / "progress.json").is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "measure", never)
        evaluate.evaluate(config, workdir)
    assert not (workdir / "progress.json").exists()


def test_edits_alone(folder, tmp_path):
    config = experiment.get_config("smoke")
    config.photos, config.split, config.edits_only = str(folder / "photos"), "all", True
    config.policies = f"one={folder / 'policy'}"
    evaluate.evaluate(config, tmp_path)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert set(found["policies"]["one"]) == {"delta_e", "sc", "pq", "o", "lead", "sampled"}
    page = (tmp_path / "report" / "index.html").read_text()
    assert "sampled: O" in page
    assert "gain with another photo" not in page


def test_something_must_be_sampled(tmp_path):
    config = experiment.get_config("smoke")
    config.ordered = 0
    with pytest.raises(ValueError, match="ordered is 0, samples 2; both must be at least 1"):
        evaluate.evaluate(config, tmp_path)


def test_examples_are_photos_with_a_request_and_the_users_edit(folder):
    test, known = held_out.sources(str(folder / "photos"), "all", 0)
    held = held_out.examples(test, known, count=4, seed=1, side=SIDE)
    assert held.before.shape == held.user.shape == (4, SIDE, SIDE, 3)
    assert all(request in example.requests for request, example in zip(held.requests, held.examples, strict=True))
    plans = [example.plan for example in held.examples]
    users, untouched = (evaluate.edits(held, x) for x in (pictures.rendered(held.before, plans), held.before))
    assert users.figures(held.keys)["delta_e"][0] == pytest.approx(0, abs=0.05)
    assert min(v.o for v in users.verdicts) > 9
    lead = users.lead(untouched, held.keys)
    assert lead["o"][0] == pytest.approx(np.mean(users.values["o"]) - np.mean(untouched.values["o"]))
    assert lead["delta_e"][0] < 0
    keys, squares = held_out.squares(test, SIDE)
    assert squares.shape == (len(keys), SIDE, SIDE, 3)
    with pytest.raises(ValueError, match="split is 'nothing'; choose from train, validation, test, all"):
        held_out.sources("", "nothing", 0)


def test_gradings_ask_for_the_same_thing_three_times():
    items = held_out.graded(0, 2)
    assert len(items) > 30
    assert {item.sign for item in items} == {-1, 1}
    assert all(len(set(item.requests)) == 3 for item in items)
    three = ("slightly more contrast", "more contrast", "a lot more contrast")
    assert three in {item.requests for item in held_out.graded(0, 99)}
    assert {"brightness", "warmth", "contrast", "saturation"} <= {item.attribute for item in items}
    known = held_out.known_words(10)
    assert {"brighter", "warmer", "contrast"} <= known
    assert "xylophone" not in known


def test_places_are_where_the_studios_masks_say():
    photo = np.zeros((20, 30, 3), np.float32)
    photo[:, 15:] = 1
    sky = cases.region(photo, Mask("linear", (500, 600, 500, 200)))
    assert sky[0].min() > 0.99
    assert sky[-1].max() < 0.01
    light = cases.region(photo, Mask("luminance", (70, 100, 20)))
    assert light[:, 16:].min() > 0.99
    assert light[:, :14].max() < 0.01
    np.testing.assert_allclose(cases.region(photo, Mask("luminance", (70, 100, 20), invert=True)), 1 - light)


@pytest.mark.parametrize("text", ["folder", "a=x,a=y", "=x", "a=,b=y"])
def test_names_of_models(text):
    with pytest.raises(ValueError, match="needed is NAME=FOLDER"):
        evaluate.named(text)
    assert evaluate.named("") == {"embedded": policy.DEFAULT}
    assert evaluate.named("a=x/y,b=z") == {"a": "x/y", "b": "z"}


def test_a_reward_model_judges_edits_alike_wherever_they_stand(folder):
    """Padding of the last batch, and the order of the edits, change nothing."""
    worth = evaluate.Reward(policy.load(folder / "policy", batch=2), batch=2, metrics_tokens=40, score_tokens=16)
    photos = policy_folder.photos(3)
    edits = np.stack([np.clip(photos * factor, 0, 1) for factor in (0.5, 1.0)], 1)
    requests = ["darker", "brighter please", "fix this"]
    scores = worth(photos, requests, edits)
    assert scores.shape == (3, 2)
    assert ((scores > 0) & (scores < 1)).all()
    np.testing.assert_allclose(worth(photos[2:], requests[2:], edits[2:, ::-1]), scores[2:, ::-1], atol=1e-5)
