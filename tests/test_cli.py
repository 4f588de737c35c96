"""The command as a person or a script uses it: results, refusals, exit codes, and what is printed where."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from rtq import cli, cli_base, cli_photo, cli_plans, photos
from rtq.editor import SLIDERS, Plan, crop, render
from rtq.interop import photo_info
from rtq.photos import icc

PLAN = {"v": 1, "Exposure": 0.5, "Contrast": 20}
PRESET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
 crs:ProcessVersion="11.0" crs:Exposure2012="+0.50" crs:Contrast2012="+20" crs:LensProfileEnable="1"/>
</rdf:RDF></x:xmpmeta>"""
LRTEMPLATE = b"""s = { id = "X", internalName = "soft", title = "soft", type = "Develop",
value = { settings = { Exposure2012 = 0.5, Contrast2012 = 20, ProcessVersion = "6.7" }, uuid = "X" }, version = 0 }"""


def scene(height=24, width=32, dtype=np.uint8):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    return np.rint(np.iinfo(dtype).max * np.stack([x, y, 0.2 + 0.6 * x * (1 - y)], -1)).astype(dtype)


def exif():
    """EXIF with a camera."""
    block = Image.Exif()
    block[0x010F], block[0x0112] = "Maker", 1
    return block.tobytes().removeprefix(b"Exif\0\0")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a photo in it, a plan and presets, as the current folder."""
    monkeypatch.chdir(tmp_path)
    photos.write("photo.png", photos.Photo(scene(), exif=exif()), xmp=PRESET)
    photos.write("photo.jpg", photos.Photo(scene(), exif=exif()))
    pathlib.Path("plan.json").write_text(json.dumps(PLAN))
    pathlib.Path("preset.xmp").write_bytes(PRESET)
    pathlib.Path("preset.lrtemplate").write_bytes(LRTEMPLATE)
    return tmp_path


def run(*argv):
    """The exit code."""
    return cli.main([str(x) for x in argv])


def hashes(folder="."):
    """File name → SHA-256 of everything in a folder."""
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def refused(capsys, code, *argv):
    """The one line on stderr of a command that ends with `code`, prints nothing else and changes no file."""
    before = hashes()
    assert run(*argv) == code
    assert hashes() == before
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rtq: ")
    assert err.count("\n") == 1, err
    return err


# render


def test_render_writes_beside_the_photo_and_keeps_everything(desk, capsys):
    before = hashes()
    assert run("render", "photo.png", "--plan", "plan.json") == 0
    out, err = capsys.readouterr()
    assert out.startswith("photo.png → photo-rtq.png  32 × 24")
    assert err == ""
    after = hashes()
    assert set(after) - set(before) == {"photo-rtq.png"}
    assert {k: after[k] for k in before} == before
    result = photos.read("photo-rtq.png")
    np.testing.assert_array_equal(result.pixels, render(scene(), Plan.from_json(PLAN)))
    assert b"Maker" in result.exif
    assert b"Exposure2012" not in (result.xmp or b"")


def test_a_second_run_needs_overwrite(desk, capsys):
    argv = ("render", "photo.jpg", "--set", "Exposure=+0.5")
    assert run(*argv) == 0
    capsys.readouterr()
    assert "photo-rtq.jpg: exists already" in refused(capsys, 5, *argv)
    assert "is itself an input" in refused(capsys, 5, *argv, "-o", "photo.jpg")
    first = hashes()["photo-rtq.jpg"]
    assert run(*argv[:-1], "Exposure=-1", "--overwrite") == 0
    assert hashes()["photo-rtq.jpg"] != first
    capsys.readouterr()
    assert "which is never replaced" in refused(capsys, 5, *argv, "-o", "photo.jpg", "--overwrite")


@pytest.mark.parametrize("argv", [
    ["render", "photo.jpg", "--plan", "photo.png", "-o", "photo.png"],
    ["render", "photo.jpg", "--plan", "photo.png", "-o", "./photo.png"],
    ["render", "photo.jpg", "--plan", "sky.json", "--mask", "sky=mask.png", "-o", "mask.png"],
    ["fit", "photo.jpg", "photo.png", "-o", "photo.png"],
    ["fit", "photo.jpg", "photo.png", "-o", "link.json"],
    ["import", "photo.png", "-o", "photo.png"],
    ["import", "preset.xmp", "--photo", "photo.jpg", "-o", "photo.jpg"],
    ["export", "preset.xmp", "--to", "preset", "-o", "preset.xmp"],
    ["export", "photo.png", "--to", "xmp", "--photo", "photo.png", "-o", "photo.png"],
    ["export", "plan.json", "--to", "pp3", "--photo", "look-hald.tif", "-o", "look.pp3"],
])
def test_what_a_command_reads_is_never_replaced(desk, capsys, argv):
    photos.write("mask.png", photos.Photo(scene()))
    photos.write("look-hald.tif", photos.Photo(scene()))
    os.symlink("photo.png", "link.json")
    pathlib.Path("sky.json").write_text('{"v":1,"local":[{"mask":[{"region":"sky"}],"Exposure":1}]}')
    assert "is itself an input, which is never replaced" in refused(capsys, 5, *argv, "--overwrite")


def test_a_plan_replaces_json_only(desk, capsys):
    for name in ("photo.jpg", "preset.lrtemplate"):
        assert "replaces .json files only" in refused(capsys, 5, "import", "preset.xmp", "-o", name, "--overwrite")
    assert run("import", "preset.xmp", "-o", "new") == 0
    assert json.loads(pathlib.Path("new").read_text()) == PLAN


@pytest.mark.parametrize("name", ["plan.json", "preset.xmp", "preset.lrtemplate", "photo.png"])
def test_every_kind_of_plan_renders_the_same(desk, capsys, name):
    assert run("render", "photo.png", "--plan", name, "-o", "out.png") == 0
    np.testing.assert_array_equal(photos.read("out.png").pixels, render(scene(), Plan.from_json(PLAN)))
    err = capsys.readouterr().err
    assert ("dropped       LensProfileEnable" in err) == (name in ("preset.xmp", "photo.png"))


def test_stdin_set_and_amount(desk, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(PLAN).encode())))
    assert run("render", "photo.png", "--plan", "-", "--set", "Contrast=0", "--set", "Exposure=-0.5", "--amount", "60",
               "-o", "out.tif", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["photos"][0] | {"seconds": 0} == {
        "input": "photo.png", "output": "out.tif", "width": 32, "height": 24, "seconds": 0, "notes": [],
        "plan": {"v": 1, "Exposure": -0.5, "amount": 60}}
    np.testing.assert_array_equal(photos.read("out.tif").pixels, render(scene(), Plan({"Exposure": -0.5}, amount=60)))


def test_several_photos_go_to_a_folder_and_a_broken_one_does_not_stop_them(desk, capsys):
    pathlib.Path("broken.jpg").write_bytes(pathlib.Path("photo.jpg").read_bytes()[:300])
    before = hashes()
    too_long = "a" * 300 + ".jpg"  # which the system refuses to look for
    assert run("render", "photo.png", "broken.jpg", "missing.jpg", too_long, "photo.jpg", "--plan", "plan.json",
               "-o", "new/out", "--json") == 6
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert not facts["ok"]
    assert [x.get("code") for x in facts["photos"]] == [None, 3, 3, 3, None]
    assert err.count("rtq: ") == 3
    assert {k: v for k, v in hashes().items() if not k.startswith("new")} == before
    assert sorted(os.listdir("new/out")) == ["photo-rtq.jpg", "photo-rtq.png"]


def test_a_folder_of_photos_with_sidecars_and_notes(desk, capsys):
    """A raw photo beside its JPEG gets a name of its own; a sidecar or a text changes no photo's name."""
    for name in ("photo.NEF", "photo.xmp", "photo.txt", "lone.nef", "lone.xmp"):
        pathlib.Path(name).write_bytes(PRESET)
    os.remove("photo.png")
    assert run("render", *sorted(os.listdir()), "--plan", "preset.xmp", "--json") == 6
    found = json.loads(capsys.readouterr().out)["photos"]
    assert [x["output"] for x in found if "output" in x] == ["photo-rtq.jpg"]
    paths = cli_photo.targets(["photo.NEF", "photo.jpg", "photo.xmp", "lone.nef", "lone.xmp", "photo.png"], "o/", None)
    assert [path.name for path in paths] == ["photo.NEF-rtq.jpg", "photo-rtq.jpg", "photo.xmp-rtq.jpg", "lone-rtq.jpg",
                                             "lone.xmp-rtq.jpg", "photo-rtq.png"]
    pair = cli_photo.targets(["a.nef", "a.dng"], None, None)
    assert [path.name for path in pair] == ["a.nef-rtq.jpg", "a.dng-rtq.jpg"]


def test_of_two_photos_of_one_name_the_later_fails(desk, capsys):
    os.mkdir("other")
    os.link("photo.jpg", "other/photo.jpg")
    argv = ("render", "photo.jpg", "other/photo.jpg", "--set", "Exposure=1", "-o", "done/", "--overwrite", "--json")
    for _ in range(2):
        assert run(*argv) == 6
        first, second = json.loads(capsys.readouterr().out)["photos"]
        assert first["output"] == "done/photo-rtq.jpg"
        assert "photo.jpg went there; render other/photo.jpg by itself" in second["error"]


def test_sixteen_bits_of_a_format_with_eight_become_a_tiff(desk):
    assert run("render", "photo.jpg", "photo.png", "--set", "Exposure=1", "--bits", "16", "-o", "deep/") == 0
    assert sorted(os.listdir("deep")) == ["photo-rtq.png", "photo-rtq.tif"]
    assert photos.read("deep/photo-rtq.tif").pixels.dtype == np.uint16


def test_all_failing_gives_their_common_code(desk, capsys):
    pathlib.Path("empty.jpg").touch()
    assert run("render", "empty.jpg", "plan.json", "--set", "Exposure=1") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "empty.jpg: the file is empty" in err
    assert "plan.json: not a photo" in err


def test_depth_profile_and_suffix(desk, capsys):
    photos.write("deep.png", photos.Photo(scene(dtype=np.uint16), bits=16))
    assert run("render", "deep.png", "--set", "Exposure=0.5") == 0
    deep = photos.read("deep-rtq.png")
    np.testing.assert_array_equal(deep.pixels, render(scene(dtype=np.uint16), Plan({"Exposure": 0.5})))
    assert run("render", "photo.png", "--set", "Exposure=0.5", "--bits", "16", "--profile", "srgb", "-o", "d.tif") == 0
    wide = photos.read("d.tif")
    assert wide.pixels.dtype == np.uint16
    assert len(np.unique(wide.pixels % 257)) > 10
    assert icc.is_srgb(icc.parse(wide.icc))
    assert run("render", "photo.jpg", "--set", "Exposure=0.5", "--quality", "20") == 0
    assert os.path.getsize("photo-rtq.jpg") < os.path.getsize("photo.jpg")


def test_crop_takes_alpha_along(desk):
    alpha = scene()[..., 0] // 2
    photos.write("alpha.png", photos.Photo(scene(), alpha))
    frame = {"left": 100, "top": 200, "right": 900, "bottom": 800, "angle": 4, "rotate": 90}
    pathlib.Path("crop.json").write_text(json.dumps({"v": 1, "crop": frame}))
    assert run("render", "alpha.png", "--plan", "crop.json") == 0
    result = photos.read("alpha-rtq.png")
    wanted = Plan.from_json({"v": 1, "crop": frame}).crop
    assert result.pixels.shape[:2] == result.alpha.shape != scene().shape[:2]
    np.testing.assert_array_equal(result.pixels, crop.apply(scene(), wanted))
    np.testing.assert_allclose(result.alpha, result.pixels[..., 0] // 2, atol=1)  # alpha was half of red


def test_grey_photos_stay_grey(desk):
    Image.fromarray(scene()[..., 0]).save("grey.png")
    assert run("render", "grey.png", "--set", "Contrast=30") == 0
    assert Image.open("grey-rtq.png").mode == "L"
    assert run("render", "grey.png", "--set", "Temperature=50", "-o", "warm.png") == 0
    assert Image.open("warm.png").mode == "RGB"


def test_masks(desk, capsys):
    local = {"v": 1, "local": [{"mask": [{"region": "sky"}], "Exposure": 1}]}
    pathlib.Path("sky.json").write_text(json.dumps(local))
    mask = np.zeros((24, 32), np.uint8)
    mask[:, 16:] = 255
    Image.fromarray(mask).save("mask.png")
    argv = ("render", "photo.png", "--plan", "sky.json")
    assert "--mask sky=FILE" in refused(capsys, 2, *argv)
    assert "no such mask; it has: sky" in refused(capsys, 2, *argv, "--mask", "sky=mask.png", "--mask", "sea=mask.png")
    assert "write NAME=FILE" in refused(capsys, 2, *argv, "--mask", "sky")
    assert "has a mask already" in refused(capsys, 2, *argv, "--mask", "sky=mask.png", "--mask", "sky=photo.png")
    assert "no such file" in refused(capsys, 3, *argv, "--mask", "sky=nothing.png")
    pathlib.Path("odd.json").write_text(json.dumps(local).replace("sky", "a=b"))
    odd = ("render", "photo.png", "--plan", "odd.json", "-o", "odd.png")
    assert "give --mask a=b=FILE" in refused(capsys, 2, *odd)
    assert run(*odd, "--mask", "a=b=mask.png") == 0
    assert run(*argv, "--mask", "sky=mask.png") == 0
    pixels = photos.read("photo-rtq.png").pixels
    np.testing.assert_array_equal(pixels[:, :16], scene()[:, :16])
    assert pixels[:, 16:].mean() > scene()[:, 16:].mean() + 20
    Image.fromarray(np.dstack([np.full((24, 32, 3), 255, np.uint8), mask])).save("cut-out.png")  # white on transparent
    assert run(*argv, "--mask", "sky=cut-out.png", "--overwrite") == 0
    np.testing.assert_array_equal(photos.read("photo-rtq.png").pixels, pixels)


@pytest.mark.parametrize(("code", "argv", "words"), [
    (2, ["render", "photo.png"], "give --plan FILE"),
    (2, ["render", "--plan", "plan.json"], "arguments are required: IN"),
    (2, ["render", "photo.png", "--plan", "plan.json", "--amount", "201"], "0 to 200"),
    (2, ["render", "photo.png", "--plan", "plan.json", "--quality", "0"], "1 to 100"),
    (2, ["render", "photo.png", "--plan", "plan.json", "--loud"], "arguments: --loud (`rtq render --help` explains)"),
    (2, ["render", "photo.png", "--plan", "plan.json", "-o", "out.gif"], "cannot write .gif"),
    (2, ["render", "photo.png", "--plan", "plan.json", "-o", "no/where.png"], "no does not exist"),
    (2, ["render", "photo.jpg", "--plan", "plan.json", "--bits", "16", "-o", "out.jpg"], ".jpg holds 8 bits"),
    (2, ["render", "photo.jpg", "photo.png", "--plan", "plan.json", "-o", "out.png"], "need a folder"),
    (2, ["render", "photo.png", "--set", "Exposure"], "NAME=NUMBER"),
    (4, ["render", "photo.png", "--set", "Exposur=1"], "did you mean Exposure"),
    (4, ["render", "photo.png", "--set", "Exposure=bright"], "'bright' is not a number"),
    (4, ["render", "photo.png", "--set", "Exposure=slider"], "--set Exposure: 'slider' is not a number"),
    (4, ["render", "photo.png", "--set", "Exposure=nan"], "Exposure: nan is out of range"),
    (4, ["render", "photo.png", "--set", "Exposure=9"], "allowed: -5 to 5 in steps of 0.05"),
    (4, ["render", "photo.png", "--plan", "nothing.json"], "nothing.json: cannot be read (No such file"),
    (4, ["render", "photo.png", "--plan", "photo.jpg"], "photo.jpg: the photo has no XMP"),
    (3, ["render", "nothing.png", "--plan", "plan.json"], "nothing.png: no such file"),
    (3, ["fit", "photo.png", "nothing.png"], "nothing.png: no such file"),
    (3, ["fit", "photo.png", "small.png"], "differ in size (32 × 24 and 8 × 8)"),
    (5, ["fit", "photo.png", "photo.jpg", "-o", "plan.json"], "plan.json: exists already"),
    (2, ["export", "plan.json", "--to", "xmp", "-o", "a.xmp"], "needs --photo"),
    (2, ["export", "plan.json", "--to", "cube", "-o", "a.txt"], "writes a .cube file"),
    (2, ["export", "plan.json", "--to", "gimp", "-o", "a.txt"], "invalid choice"),
    (2, ["export", "plan.json", "--to", "xmp", "--photo", "photo.png", "-o", "a.jpg"], "the photo named .png"),
    (3, ["export", "plan.json", "--to", "xmp", "--photo", "nothing.png", "-o", "a.xmp"], "nothing.png: cannot be read"),
    (3, ["export", "plan.json", "--to", "xmp", "--photo", "plan.json", "-o", "a.xmp"], "not a photo"),
    (5, ["export", "plan.json", "--to", "preset", "-o", "preset.xmp"], "preset.xmp: exists already"),
    (1, ["export", "plan.json", "--to", "preset", "--name", "", "-o", "a.xmp"], "the name '' is not 1 to 200"),
    (4, ["check", ""], "'': cannot be read (No such file"),
    (4, ["import", "nothing.xmp"], "nothing.xmp: cannot be read"),
    (4, ["import", "plan.json"], "neither XMP"),
    (4, ["import", "photo.jpg"], "photo.jpg: the photo has no XMP"),
    (5, ["import", "preset.xmp", "-o", "plan.json"], "plan.json: exists already"),
    (4, ["sliders", "Exposur0"], "no such slider; did you mean Exposure"),
    (2, ["frame"], "invalid choice: 'frame'"),
])
def test_refusals_are_one_line_with_the_right_code_and_touch_nothing(desk, capsys, code, argv, words):
    Image.new("RGB", (8, 8)).save("small.png")
    assert words in refused(capsys, code, *argv)


@pytest.mark.parametrize(("text", "words"), [
    (b"", "is empty"),
    (b"{", "bad JSON at line 1"),
    (b"[1]", "plan"),
    (b"\xff\xfe\x00", "neither XMP nor a photo"),
    (b'{"v":1,"Exposure":true}', "Exposure: True is not a number"),
    (b'{"v":1,"Brightness":3}', "Brightness"),
    (b'{"v":1,"Exposure":9}', "Exposure: 9 is out of range; allowed: -5 to 5"),
    (b"<x", "not well-formed XML"),
    (b"s = {", "Lua table"),
])
def test_broken_plans_are_named(desk, capsys, text, words):
    pathlib.Path("bad").write_bytes(text)
    err = refused(capsys, 4, "check", "bad")
    assert err.startswith("rtq: bad: ")
    assert words in err
    assert refused(capsys, 4, "render", "photo.png", "--plan", "bad") == err


def test_targets_that_are_inputs_are_refused(desk, capsys):
    assert run("render", "photo.jpg", "--plan", "plan.json") == 0
    capsys.readouterr()
    err = refused(capsys, 2, "render", "photo.jpg", "photo-rtq.jpg", "--plan", "plan.json", "--overwrite")
    assert "itself one of the photos" in err


def test_pipes_and_devices_are_never_replaced(desk, capsys):
    os.mkfifo("pipe.png")
    os.mkfifo("pipe.json")
    assert "not a regular file" in refused(capsys, 2, "render", "photo.png", "--set", "Exposure=1", "-o", "pipe.png",
                                           "--overwrite")
    assert "not a regular file" in refused(capsys, 2, "import", "preset.xmp", "-o", "pipe.json", "--overwrite")
    assert pathlib.Path("pipe.png").is_fifo()
    assert pathlib.Path("pipe.json").is_fifo()


def test_a_failed_write_is_1_and_leaves_nothing(desk, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert "No space left on device" in refused(capsys, 1, "render", "photo.png", "--plan", "plan.json")
    assert "No space left on device" in refused(capsys, 1, "import", "preset.lrtemplate", "-o", "new.json")


def test_a_turn_that_leaves_no_area_is_the_plans_fault(desk, capsys):
    pathlib.Path("turn.json").write_text(
        '{"v":1,"crop":{"left":0,"right":1000,"top":490,"bottom":510,"angle":45}}')
    assert "no area" in refused(capsys, 4, "render", "photo.png", "--plan", "turn.json")


# fit


def test_fit_finds_a_plan(desk, capsys):
    photos.write("after.png", photos.Photo(render(scene(96, 128), Plan({"Exposure": 0.5}))))
    photos.write("before.png", photos.Photo(scene(96, 128)))
    assert run("fit", "before.png", "after.png", "-o", "fitted.json", "--json") == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert json.loads(pathlib.Path("fitted.json").read_text()) == facts["plan"]
    assert facts["distance"]["fitted"]["l1"] < 0.02 < facts["distance"]["before"]["l1"]
    assert "the plan's render: L1" in err
    assert run("render", "before.png", "--plan", "fitted.json") == 0


# export and import


@pytest.mark.parametrize(("to", "out"), [("xmp", "side.xmp"), ("xmp", "copy.jpg"), ("preset", "Warm.xmp")])
def test_what_is_exported_to_lightroom_comes_back(desk, capsys, to, out):
    before = hashes()
    assert run("export", "plan.json", "--to", to, "--photo", "photo.jpg", "-o", out) == 0
    std, err = capsys.readouterr()
    assert std == ""
    assert "approximated  Exposure: +0.50" in err
    assert "exact         Contrast: +20" in err
    assert f"wrote {out}" in err
    assert {k: v for k, v in hashes().items() if k != out} == before
    assert run("import", out, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["plan"] == PLAN
    assert {"exact", "approximated", "dropped"} == set(facts["report"])


def test_a_sidecar_keeps_its_other_metadata(desk, capsys):
    rated = PRESET.replace(b'rdf:about=""', b'rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"')
    pathlib.Path("side.xmp").write_bytes(rated)
    assert run("export", "plan.json", "--to", "xmp", "--photo", "photo.jpg", "-o", "side.xmp", "--overwrite") == 0
    assert b'xmp:Rating="4"' in pathlib.Path("side.xmp").read_bytes()


def test_tables(desk, capsys):
    pathlib.Path("sharp.json").write_text(json.dumps(PLAN | {"Sharpness": 40}))
    assert run("export", "sharp.json", "--to", "cube", "-o", "look.cube", "--json") == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert facts["report"]["dropped"][0].startswith("Sharpness")
    assert "dropped       Sharpness" in err
    assert "LUT_3D_SIZE 65" in pathlib.Path("look.cube").read_text()[:100]


def test_pp3_brings_its_table_and_refuses_an_old_one(desk, capsys):
    pathlib.Path("look-hald.tif").touch()
    assert "look-hald.tif: exists already" in refused(
        capsys, 5, "export", "plan.json", "--to", "pp3", "--photo", "photo.jpg", "-o", "look.pp3")
    assert run("export", "plan.json", "--to", "pp3", "--overwrite", "-o", "look.pp3") == 0
    assert f"ClutFilename={desk}/look-hald.tif\n" in pathlib.Path("look.pp3").read_text()
    assert Image.open("look-hald.tif").size == (1728, 1728)
    pathlib.Path("crop.json").write_text('{"v":1,"crop":{"left":100,"right":900,"rotate":90}}')
    assert run("export", "crop.json", "--to", "pp3", "--photo", "photo.jpg", "-o", "crop.pp3") == 0
    assert not os.path.exists("crop-hald.tif")
    assert "\nW=24\nH=26\n" in pathlib.Path("crop.pp3").read_text()


def test_import_prints_the_plan_alone(desk, capsys):
    for name in ("preset.xmp", "preset.lrtemplate", "photo.png"):
        assert run("import", name) == 0
        out, err = capsys.readouterr()
        assert json.loads(out) == PLAN
        assert "exact         Contrast: +20" in err
    assert run("import", "preset.xmp", "-o", "plan.json", "--overwrite") == 0
    assert json.loads(pathlib.Path("plan.json").read_text()) == PLAN


@pytest.mark.parametrize(("argv", "code"), [
    (["import", "NAME.png"], 0), (["render", "photo.jpg", "--plan", "NAME.png", "-o", "out.jpg"], 0),
    (["export", "plan.json", "--to", "xmp", "--photo", "NAME.png", "-o", "out_NAME.png"], 0),
    (["export", "plan.json", "--to", "xmp", "--photo", "NAME.txt", "-o", "out_NAME.txt"], 3),
    (["export", "plan.json", "--to", "pp3", "-o", "NAME.pp3"], 1),
])
def test_a_name_that_is_not_utf8(desk, capsys, argv, code):
    name = os.fsdecode(b"caf\xe9")
    os.link("photo.png", f"{name}.png")
    os.link("plan.json", f"{name}.txt")
    sys.stderr.reconfigure(errors="backslashreplace")  # as outside of tests
    assert run(*(x.replace("NAME", name) for x in argv)) == code
    err = capsys.readouterr().err
    assert "codec" not in err
    assert not code or "caf\\udce9." in err or "caf\\udce9-hald" in err


# check and sliders


def test_check(desk, capsys):
    assert run("check", "plan.json") == 0
    assert capsys.readouterr().out == "plan.json: ok: 2 sliders, amount 100 %\n"
    assert run("check", "preset.lrtemplate", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "plan": PLAN, "masks": []}
    assert run("check", "missing.json", "--json") == 4
    failure = json.loads(capsys.readouterr().out)
    assert failure["code"] == 4
    assert "missing.json" in failure["error"]


def test_sliders(capsys):
    assert run("sliders") == 0
    out = capsys.readouterr().out
    assert all(f"  {row.name} " in out and row.doc in out for row in SLIDERS)
    assert run("sliders", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [row.name for row in SLIDERS]
    assert run("sliders", "orange", "light", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| slider")
    assert {x.split()[1] for x in lines[2:]} >= {"HueOrange", "GrayOrange", "Highlights", "Shadows"}
    assert not any("Exposure" in x for x in lines)


def test_help_has_examples(capsys):
    for verb in ("render", "fit", "export", "import", "check", "sliders"):
        with pytest.raises(SystemExit) as stop:
            run(verb, "--help")
        assert stop.value.code == 0
        out = capsys.readouterr().out
        assert f"examples:\n  rtq {verb}" in out
        assert max(map(len, out.splitlines())) <= 92
    assert run() == 2
    assert "exit codes: 0 done" in capsys.readouterr().err


def test_orders_of_a_sidecar_and_a_look(desk):
    """A sidecar's turn counts for its own photo; another's settings are a look and turn nothing."""
    turned = PRESET.replace(b'rdf:about=""', b'rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
                            b'tiff:Orientation="6"')
    os.rename("photo.png", "2024.05.beach.png")
    for name, own in (("2024.05.beach.xmp", True), ("2024.05.beach.png.xmp", True), ("2024.01.look.xmp", False),
                      ("2024.xmp", False), ("2024.05.beach.nef.xmp", False)):
        pathlib.Path(name).write_bytes(turned)
        assert run("render", "2024.05.beach.png", "--plan", name, "-o", "out.png", "--overwrite") == 0
        assert photos.read("out.png").pixels.shape == ((32, 24, 3) if own else (24, 32, 3)), name


@pytest.mark.parametrize(("name", "orientation"), [("other.xmp", 6), ("preset.lrtemplate", 1), ("photo.png", 1)])
def test_a_look_reads_a_raw_photos_light_but_not_its_turn(desk, monkeypatch, name, orientation):
    pathlib.Path("other.xmp").write_bytes(PRESET.replace(
        b'rdf:about=""', b'rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"'))
    info = photo_info.PhotoInfo("raw", 8, (32, 24), (5200.0, 3.0))
    monkeypatch.setattr(photo_info, "photo_info", lambda path: info)
    raw = photos.Photo(scene(), format="RAW")
    source = cli_plans.read_source(name)
    assert cli_plans.info_for(source, "x.nef", raw) == dataclasses.replace(info, orientation=orientation, size=None)
    assert cli_plans.info_for(source, pathlib.Path(name).stem + ".nef", raw) == info


# the installed command


def rtq(*argv, **more):
    """Runs the installed command in a process of its own."""
    program = pathlib.Path(sys.executable).with_name("rtq")
    return subprocess.run([program, *argv], capture_output=True, timeout=120, check=False, **more)


def test_verbs_without_pixels_load_no_jax(desk):
    code = ("import sys; from rtq import cli; code = cli.main(sys.argv[1:]); "
            "print(code, 'jax' in sys.modules, 'numpy' in sys.modules)")
    for argv in (["sliders"], ["check", "plan.json"], ["import", "preset.xmp", "-o", "new.json"]):
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "0 False False"


def test_installed_command(desk):
    environment = {**os.environ, "XDG_CACHE_HOME": str(desk / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = rtq("render", "photo.png", "--plan", "-", "--json", input=json.dumps(PLAN).encode(), env=environment)
    assert done.stderr == b""
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"]
    assert os.path.exists("photo-rtq.png")
    assert any((desk / "cache/rtq/jax").iterdir())
    assert rtq("--version").stdout.startswith(b"rtq ")


def test_a_full_disk_under_stdout_is_one_line(desk):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([pathlib.Path(sys.executable).with_name("rtq"), "check", "plan.json"], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"rtq: cannot write to stdout: No space left on device\n"


def test_closed_pipe_is_quiet(desk):
    program = pathlib.Path(sys.executable).with_name("rtq")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([program, "sliders"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == cli.PIPE_CLOSED


def test_interrupt_is_one_line_and_leaves_no_half_file(desk):
    program = pathlib.Path(sys.executable).with_name("rtq")
    photos.write("large.png", photos.Photo(np.random.default_rng(0).integers(0, 256, (2400, 2400, 3), dtype=np.uint8)))
    before = hashes()
    process = subprocess.Popen([program, "render", "large.png", "large.png", "--plan", "plan.json", "-o", "out.png"],
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.communicate(timeout=60)[1].startswith(b"rtq: -o out.png: ")
    names = [f"large{i}.png" for i in range(20)]
    for name in names:
        os.link("large.png", name)
    before = hashes()
    # A shell that runs tests in the background has them ignore Ctrl-C, and children inherit that.
    listen = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", listen, program, "render", *names, "--plan", "plan.json",
                                "-o", "done/"], stderr=subprocess.PIPE)
    end = time.monotonic() + 120
    while not os.path.exists("done/large0-rtq.png") and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # in the middle of the others
    err = process.communicate(timeout=120)[1]
    assert process.returncode == cli.INTERRUPTED
    assert err.endswith(b"rtq: interrupted\n")
    assert {k: v for k, v in hashes().items() if not k.startswith("done")} == before
    finished = os.listdir("done")
    assert 1 <= len(finished) < len(names)
    for name in finished:  # whole files under their own names only
        assert name.removesuffix("-rtq.png") + ".png" in names
        assert photos.read(f"done/{name}").pixels.shape == (2400, 2400, 3)


def test_reason_and_source_kinds(desk):
    assert cli_base.reason(OSError(2, "No such file")) == "No such file"
    assert cli_base.reason(ValueError("a\n b")) == "a b"
    assert [cli_plans.read_source(x).kind for x in ("plan.json", "preset.xmp", "preset.lrtemplate", "photo.jpg")] == [
        "json", "xmp", "lrtemplate", "photo"]
