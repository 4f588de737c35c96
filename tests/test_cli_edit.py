"""`rtq edit`, `rtq refine` and `rtq summarize` with a tiny random policy, written here."""

import hashlib
import json
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from rtq import cli, cli_photo, cli_words, photos
from rtq.data.options import POCKET
from rtq.editor import Crop, Local, Mask, Plan, render
from rtq.eval import policy
from rtq.text import facts, grammar
from tests.eval import policy_folder

LOOK = {"v": 1, "Exposure": 0.5, "Contrast": 20}


def scene(dtype=np.uint8):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[:24, :32] / np.array([24, 32])[:, None, None]
    return np.rint(np.iinfo(dtype).max * np.stack([x, y, 0.2 + 0.6 * x * (1 - y)], -1)).astype(dtype)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return policy_folder.write(tmp_path_factory.mktemp("weights") / "policy-sft")


@pytest.fixture
def desk(folder, tmp_path, monkeypatch):
    """A folder with photos and a plan, as the current folder; the tiny policy stands in for the embedded one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(policy, "ASSETS", folder.parent)
    block = Image.Exif()
    block[0x010F] = "Maker"
    photos.write("photo.png", photos.Photo(scene(), exif=block.tobytes().removeprefix(b"Exif\0\0")))
    photos.write("deep.tif", photos.Photo(scene(np.uint16), bits=16))
    pathlib.Path("look.json").write_text(json.dumps(LOOK))
    return tmp_path


def run(*argv):
    return cli.main([str(x) for x in argv])


def printed(capsys, *argv):
    """What a command prints with --json."""
    assert run(*argv, "--json") == 0
    return json.loads(capsys.readouterr().out)


def hashes():
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in pathlib.Path().rglob("*") if p.is_file()}


# edit


def test_edit_renders_the_answer_and_keeps_everything(desk, folder, capsys):
    before = hashes()
    facts_ = printed(capsys, "edit", "photo.png", "warmer", "--plan-out", "plan.json")
    assert set(facts_) == {"ok", "photos", "notes"}
    (done,) = facts_["photos"]
    assert set(done) == {"input", "output", "width", "height", "seconds", "plan", "reasoning", "sees", "does"}
    assert (done["input"], done["output"], done["width"], done["height"]) == ("photo.png", "photo-rtq.png", 32, 24)
    after = hashes()
    assert set(after) - set(before) == {"photo-rtq.png", "plan.json"}
    assert {name: after[name] for name in before} == before
    plan = Plan.from_json(done["plan"])
    assert grammar.permitted(plan, POCKET)
    assert json.loads(pathlib.Path("plan.json").read_text()) == done["plan"]
    result = photos.read("photo-rtq.png")
    np.testing.assert_array_equal(result.pixels, render(scene(), plan))
    assert b"Maker" in result.exif
    again = printed(capsys, "edit", "photo.png", "warmer", "-o", "new/", "--policy", folder)["photos"][0]
    assert again["output"] == "new/photo-rtq.png"
    assert again["plan"] == done["plan"]


def test_sixteen_bits_stay_and_the_amount_counts(desk, capsys):
    (whole,) = printed(capsys, "edit", "deep.tif", "warmer")["photos"]
    deep = photos.read("deep-rtq.tif")
    assert deep.pixels.dtype == np.uint16
    np.testing.assert_array_equal(deep.pixels, render(scene(np.uint16), Plan.from_json(whole["plan"])))
    (half,) = printed(capsys, "edit", "deep.tif", "warmer", "--amount", "0", "-o", "same.tif")["photos"]
    assert half["plan"] == {**whole["plan"], "amount": 0}
    np.testing.assert_array_equal(photos.read("same.tif").pixels, scene(np.uint16))


def test_versions_are_numbered(desk, capsys):
    done = printed(capsys, "edit", "photo.png", "moody", "--samples", "2", "--amount", "0", "-o", "moody.jpg",
                   "--plan-out", "moody.json", "--seed", "4")["photos"]
    assert [x["output"] for x in done] == ["moody-1.jpg", "moody-2.jpg"]
    plans = [json.loads(pathlib.Path(f"moody-{i}.json").read_text()) for i in (1, 2)]
    assert plans == [x["plan"] for x in done]
    assert plans[0] != plans[1]
    assert run("edit", "photo.png", "moody", "--samples", "2", "-o", "moody.jpg") == 5
    assert "moody-1.jpg: exists already" in capsys.readouterr().err


def test_why_is_said_in_words(desk, capsys):
    assert run("edit", "photo.png", "warmer", "--amount", "0", "--why") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("photo.png → photo-rtq.png  32 × 24")
    assert "  does:" in lines
    assert lines[-1] == "    all of it at 0 %"
    assert "[" not in out
    assert err == ""


@pytest.mark.parametrize(("code", "argv", "words"), [
    (2, ["edit", "photo.png"], "arguments are required: REQUEST"),
    (2, ["edit", "photo.png", "  "], "the request is empty"),
    (2, ["edit", "photo.png", "warmer", "--samples", "0"], "1 to 16"),
    (2, ["edit", "photo.png", "warmer", "--samples", "2", "--temperature", "0"], "all the same"),
    (2, ["edit", "photo.png", "warmer", "-o", "a.gif"], "cannot write .gif"),
    (2, ["edit", "photo.png", "warmer", "--plan-out", "no/plan.json"], "no does not exist"),
    (3, ["edit", "missing.png", "warmer"], "missing.png: no such file"),
    (3, ["edit", "look.json", "warmer"], "look.json: not a photo"),
    (5, ["edit", "photo.png", "warmer", "-o", "photo.png"], "is itself an input"),
    (5, ["edit", "photo.png", "warmer", "-o", "photo.png", "--overwrite"], "which is never replaced"),
    (5, ["edit", "photo.png", "warmer", "--plan-out", "photo.png", "--overwrite"], "which is never replaced"),
    (5, ["edit", "photo.png", "warmer", "--plan-out", "deep.tif", "--overwrite"], "replaces .json files only"),
    (2, ["edit", "photo.png", "warmer", "-o", "a.png", "--plan-out", "a.png"], "is where the photo goes"),
    (2, ["edit", "photo.png", "warmer", "-o", "a.png", "--plan-out", "here/a.png"], "is where the photo goes"),
    (2, ["edit", "photo.png", "warmer", "--samples", "some"], "'some' is no number; allowed: 1 to 16"),
    (5, ["edit", "photo.png", "warmer", "--plan-out", "look.json"], "look.json: exists already"),
    (1, ["edit", "photo.png", "warmer", "--policy", "none"], "none: no such folder"),
    (1, ["edit", "photo.png", "warmer", "--policy", "."], "no config.json"),
    (1, ["edit", "photo.png", "warmer " * 5000], "the words are too long"),
    (2, ["refine", "photo.png", "look.json", ""], "the feedback is empty"),
    (5, ["refine", "photo.png", "look.json", "less", "--plan-out", "look.json", "--overwrite"], "is itself an input"),
    (5, ["refine", "photo.png", "small.png", "less", "-o", "small.png", "--overwrite"], "is itself an input"),
    (4, ["refine", "photo.png", "none.json", "less"], "none.json: cannot be read"),
    (4, ["refine", "photo.png", "sky.json", "less"], "has the mask sky"),
    (3, ["refine", "photo.png", "small.png", "less"], "differ in size"),
    (3, ["summarize", "photo.png", "missing.png"], "missing.png: no such file"),
    (1, ["summarize", "photo.png", "photo.png", "--policy", "none"], "none: no such folder"),
])
def test_refusals_are_one_line_with_the_right_code_and_touch_nothing(desk, capsys, code, argv, words):
    Image.new("RGB", (8, 8)).save("small.png")
    os.symlink(".", "here")
    pathlib.Path("sky.json").write_text('{"v":1,"local":[{"mask":[{"region":"sky"}],"Exposure":1}]}')
    before = hashes()
    assert run(*argv) == code
    assert hashes() == before
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("rtq: ")
    assert err.count("\n") == 1, err


def test_without_weights_one_line_says_what_helps(desk, capsys, monkeypatch):
    monkeypatch.setattr(policy, "ASSETS", desk / "none")
    for argv in (["edit", "photo.png", "warmer"], ["refine", "photo.png", "look.json", "less"],
                 ["summarize", "photo.png", "photo.png"]):
        assert run(*argv, "--json") == 1
        out, err = capsys.readouterr()
        assert "embedded weights are missing" in err
        assert "Hugging Face folder" in err
        assert err.count("\n") == 1
        assert json.loads(out) == {"ok": False, "error": err.removeprefix("rtq: ").rstrip(), "code": 1}


# refine and summarize


def test_refine_goes_on_from_the_plan(desk, capsys, monkeypatch):
    def refined(plan, *argv):
        name = "previous.json"
        if plan is not None:
            pathlib.Path(name).write_text(plan.to_json())
        return printed(capsys, "refine", "photo.png", name, "too much", "--amount", "0", "--overwrite", *argv)

    frame = Crop(left=250, right=750)
    plans = [Plan.from_json(LOOK), Plan({"Saturation": -60}), Plan({"Temperature": 80, "Fade": 30}), Plan()]
    answers = [refined(plan)["photos"][0] for plan in plans]
    assert len({str(answer["plan"]) + answer["reasoning"] for answer in answers}) > 1
    cropped = refined(Plan.from_json({**LOOK, "crop": {"left": 250, "right": 750},
                                      "curves": {"rgb": [[0, 10], [255, 255]]}}))
    assert Plan.from_json(cropped["photos"][0]["plan"]).crop == frame
    assert cropped["photos"][0]["width"] == 16
    assert "no curves" in cropped["notes"][0]
    # The edited photo itself stands for the plan that is fitted to it.
    photos.write("edited.png", photos.Photo(scene()))
    fitted = {"fitted": {"l1": 0.001}}
    monkeypatch.setattr(cli_photo, "fit_pair", lambda before, after, names: (plans[1], fitted))
    assert run("refine", "photo.png", "edited.png", "too much", "--amount", "0", "--overwrite", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["photos"][0]["plan"] == answers[1]["plan"]
    assert 'edited.png: its plan, fitted to L1 0.0010: {"v":1,"Saturation":-60}' in err


def test_summarize_prints_the_request(desk, capsys):
    photos.write("edited.png", photos.Photo(render(scene(), Plan.from_json(LOOK))))
    assert run("summarize", "photo.png", "edited.png") == 0
    text = capsys.readouterr().out
    assert text.strip()
    facts_ = printed(capsys, "summarize", "photo.png", "edited.png")
    assert facts_ == {"ok": True, "request": text.rstrip("\n"), "notes": []}


# words


def test_facts_become_words():
    text = facts.facts_text({"luma": 1, "spread": 3, "cast": 7, "chroma": 14}) + " dark. more warmth."
    assert cli_words.sees(text) == {"luma": "dark", "spread": "rather flat", "cast": "neither warm nor cool",
                                    "chroma": "vivid"}
    assert cli_words.thoughts(text) == "dark. more warmth."
    for name, words in cli_words.LEVEL_WORDS.items():
        said = [cli_words.level_words(name, level) for level in range(facts.LEVELS)]
        assert list(dict.fromkeys(said)) == [words[0], f"rather {words[0]}", words[1], f"rather {words[2]}", words[2]]


def test_plans_become_words():
    sky = Local((Mask("linear", (500, 600, 500, 0)), Mask("color", (16, 32, 255, 20), op="intersect", invert=True)),
                {"Exposure": -0.5}, 50)
    plan = Plan({"Shadows": 20, "Exposure": 0.5, "Fade": 10}, (sky,), crop=Crop(left=100), amount=80)
    lines = cli_words.steps(plan)
    assert lines[0].startswith("Exposure +0.5 EV: Brightness")
    assert lines[1].startswith("Shadows +20: ")
    assert lines[2].startswith("Fade 10: ")
    assert lines[3] == ("along a gradient, none at 50 % from the left and 60 % from the top, all at 50 % from the left "
                        "and 0 % from the top, only everywhere but where the colour is near #1020ff, at 50 %:")
    assert lines[4].startswith("  Exposure -0.5 EV: ")
    assert lines[5:] == ["crop", "all of it at 80 %"]
    assert cli_words.steps(Plan()) == ["nothing: the photo stays as it is"]


def test_help_has_examples(capsys):
    for verb in ("edit", "refine", "summarize", "chat"):
        with pytest.raises(SystemExit) as stop:
            run(verb, "--help")
        assert stop.value.code == 0
        out = capsys.readouterr().out
        assert "examples:\n" in out
        assert f"\n  rtq {verb} " in out
        assert max(map(len, out.splitlines())) <= 92
