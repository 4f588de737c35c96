"""A round of PGRT from photos to weights and report, and the same round cut in two."""

import pathlib
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from experiments import pgrt as experiment
from rtq.data import correction, studio
from rtq.eval import policy
from rtq.models.qwen25vl import params
from rtq.text.grammar import Options
from rtq.train import appraisal, grpo, pgrt, policy_turn, sft, weights, writer
from rtq.train.optim import path_of
from tests.data.data_photos import write_scenes
from tests.rl import tiny_policy as tiny

PROMPTS = len(jax.devices())


def config(folder: pathlib.Path):
    """One step of each model; photos, models and plans are tiny."""
    out = experiment.get_config("smoke")
    out.batch, out.rounds.buffer = PROMPTS, 3 * PROMPTS
    out.data.photos, out.data.dir = str(folder / "photos"), str(folder / "data")
    out.data.count, out.data.validation_count = 24, 12
    out.policy.checkpoint = out.reward.checkpoint = str(folder / "start")
    out.sampling.new_tokens, out.sampling.score_tokens, out.sampling.metrics_tokens = 32, 16, 40
    out.checkpoint.every, out.checkpoint.keep, out.rounds.margin = 1, 2, 0.5
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(folder of the run, its configuration), an uninterrupted run."""
    folder = tmp_path_factory.mktemp("pgrt")
    write_scenes(folder / "photos", 6)
    weights.save(folder / "start", tiny.CFG, tiny.params(), photo=tiny.SIDE)
    patch = pytest.MonkeyPatch()
    patch.setattr(studio, "PILOTS", 32)
    patch.setattr(studio, "CHUNK", 32)
    patch.setattr(grpo, "POCKET", tiny.OPTIONS)
    patch.setattr(sft, "SPOILS", Options(correction.FAMILY[2:4], (), 0, ()))
    options = config(folder)
    (folder / "run").mkdir()
    pgrt.train(options, folder / "run")
    yield folder / "run", options
    patch.undo()


def leaves(folder: pathlib.Path) -> list[bytes]:
    """Both models at the end."""
    return [np.asarray(x).tobytes() for name in ("policy", "reward")
            for x in jax.tree.leaves(params.load(folder / name, params.read_config(folder / name)))]  # fmt: skip


def arrays(folder: pathlib.Path, step: int) -> dict[str, bytes]:
    """Everything in a checkpoint: both models, references, moments, and the buffer."""
    tree = ocp.PyTreeCheckpointer().restore(folder / "checkpoints" / f"{step:09d}" / "arrays")
    return {path_of(keys): np.asarray(x).tobytes() for keys, x in jax.tree_util.tree_leaves_with_path(tree)}


def test_a_round_trains_both_and_reports(whole):
    run, _ = whole
    rows = {row["step"]: row for row in writer.read(run / "metrics.jsonl")}
    assert list(rows) == [0, 1, 2]
    assert {"validation/delta_e", "validation/truth", "validation/truth_gap", "validation/perturbed_accuracy",
            "validation/reward"} <= set(rows[0])  # before the first step
    assert set(rows[2]) >= {name for name in rows[0] if name.startswith("validation/")}
    assert rows[1]["policy/sampler_gap"] < 1e-2
    assert rows[2]["reward/sampler_gap"] < 1e-2
    assert 0 < rows[1][f"policy/{policy_turn.HOST}"] < 1
    assert 0 <= rows[2]["reward/accuracy"] <= 1
    assert 0 <= rows[0]["validation/readable"] <= 1
    ours, start = leaves(run), leaves_of_start(run)
    for part in (ours[: len(start)], ours[len(start) :]):
        assert any(a != b for a, b in zip(part, start, strict=True))
    page = (run / "report" / "index.html").read_text()
    for words in ("Validation photos", "policy&#x27;s edit", "Reward model on fresh pairs", "Gap to truth", "step 2"):
        assert words in page, words
    assert policy.load(run / "policy").settings.photo == tiny.SIDE


def leaves_of_start(run: pathlib.Path) -> list[bytes]:
    tree = params.load(run.parent / "start", params.read_config(run.parent / "start"))
    return [np.asarray(x).tobytes() for x in jax.tree.leaves(tree)]


def test_it_goes_on_between_the_turns_to_the_bit(whole):
    """As if killed after the policy's step: the buffer, both optimizers and the place in the data come back."""
    run, options = whole
    cut = run.parent / "cut"
    shutil.copytree(run, cut)
    shutil.rmtree(cut / "checkpoints" / "000000002")
    for name in ("policy", "reward", "report"):
        shutil.rmtree(cut / name)
    pgrt.train(options, cut)
    one, other = arrays(run, 2), arrays(cut, 2)
    assert any("buffer" in name for name in one)
    assert [name for name in one if one[name] != other.get(name)] == []
    assert leaves(cut) == leaves(run)
    rows, again = (writer.read(folder / "metrics.jsonl") for folder in (run, cut))
    for row in rows + again:
        for name in [name for name in row if name.endswith(policy_turn.HOST)]:
            del row[name]
    assert rows == again
    shutil.rmtree(cut / "report")
    pgrt.train(options, cut)
    assert "policy&#x27;s edit" in (cut / "report" / "index.html").read_text()
    found = pgrt.perturbed_accuracy(options, cut, 4)
    assert 0 <= min(found.values()) <= max(found.values()) <= 1


@pytest.mark.parametrize(("key", "value", "words"), [
    ("rounds.reward_steps", 0, "policy_steps and reward_steps must be at least 1"),
    ("rounds.perturbed", 1.5, "rounds.perturbed is 1.5, allowed is a share from 0 to 1"),
    ("scorer.learned", 0.0, "scorer.learned is 0, but PGRT trains the learned reward"),
    ("sampling.group", 1, "sampling.group at least 2"),
    ("reward.checkpoint", "", "reward.checkpoint is missing"),
    ("steps", 0, "warmup is 1, but there are 0 updates"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(tmp_path, key, value, words):
    out = config(tmp_path)
    out.update_from_flattened_dict({key: value})
    with pytest.raises(ValueError, match=words):
        pgrt.train(out, tmp_path)


def test_means_of_batches_leave_out_what_counts_nothing():
    rows = [{"a": (1, 2), "b": (0, 0), policy_turn.HOST: (1, 2)}, {"a": (5, 2), "b": (0, 0)}]
    assert appraisal.means(rows) == {"validation/a": 1.5}
