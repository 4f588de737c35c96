"""Writing XMP: nothing representable is lost, and other readers accept it."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import interop_packets
import interop_plans
import numpy as np
import pyexiv2
import pytest
import tifffile
from PIL import Image

from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.renderer import render_flat
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS
from rtq.interop import packet, xmp
from rtq.interop.photo_info import PhotoInfo, photo_info
from rtq.interop.settings_out import value_text

RAW = PhotoInfo("raw", 1, (6000, 4000), (5200, 8))
BUSY = Plan(
    {"Temperature": 20, "Exposure": 0.35, "HueOrange": -10, "SharpenRadius": 13, "BlackAndWhite": 1, "GrayRed": 7},
    (Local((Mask("linear", (500, 0, 500, 400)), Mask("luminance", (20, 60, 10), op="subtract")), {"Exposure": -1}, 80),
     Local((Mask("region", name="sky"),), {"Dehaze": 30})),
    {"rgb": ((0, 0), (64, 50), (255, 255))}, Crop(100, 100, 900, 900, 2.5, 90))


@hypothesis.settings(max_examples=120, deadline=None)
@hypothesis.given(interop_plans.representable(), st.integers(1, 8))
def test_sidecar_round_trip(plan, orientation):
    photo = PhotoInfo("rendered", orientation, (6000, 4000))
    data, report = xmp.write_sidecar(plan, photo)
    again, _ = xmp.read(data, photo=photo)
    assert again == interop_plans.canonical(plan)
    assert report.dropped == ()
    assert interop_packets.doubled(data) == ()


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(interop_plans.representable())
def test_preset_round_trip(plan):
    data, _ = xmp.write_preset(plan, "a look")
    again, _ = xmp.read(data)
    assert again == dataclasses.replace(interop_plans.canonical(plan), crop=None)
    assert interop_packets.doubled(data) == ()


@pytest.mark.parametrize("row", SLIDERS, ids=lambda row: row.name)
def test_every_slider_is_carried_or_reported(row):
    for value in {row.lo, row.hi} - {row.neutral}:
        plan = Plan({row.name: value})
        data, report = xmp.write_sidecar(plan)
        assert any(line.startswith(row.name + ":") for line in report.exact + report.approximated)
        assert (xmp.read(data)[0] == plan) == (row.key is not None)


@pytest.mark.parametrize("row", LOCAL_SLIDERS, ids=lambda row: row.name)
def test_every_local_slider_is_carried(row):
    for value in row.local:
        plan = Plan(locals=(Local((Mask("linear", (0, 0, 0, 1000)),), {row.name: value}),))
        data, report = xmp.write_sidecar(plan)
        assert xmp.read(data)[0] == plan
        assert f"local[0].{row.name}: {value:+g}" in report.exact
        local = packet.parse(data)["MaskGroupBasedCorrections"][0]
        assert abs(float(local[row.local_key])) == 1


def test_numbers_are_written_as_camera_raw_writes_them():
    rows = {row.name: row for row in SLIDERS}
    texts = [value_text(rows[name], value) for name, value in (
        ("Exposure", 0.5), ("Exposure", -1.25), ("Exposure", 0), ("Contrast", 12), ("Contrast", -3), ("Contrast", 0),
        ("Sharpness", 40), ("SharpenRadius", 13), ("BlackAndWhite", 1), ("Contrast", 400))]
    assert texts == ["+0.50", "-1.25", "0.00", "+12", "-3", "0", "40", "+1.3", "True", "+100"]


def test_sidecar_states_what_lightroom_would_otherwise_assume():
    values = packet.parse(xmp.write_sidecar(Plan(), RAW)[0])
    expected = {"ProcessVersion": "11.0", "HasSettings": "True", "AlreadyApplied": "False", "HasCrop": "False",
                "WhiteBalance": "As Shot", "Sharpness": "0", "ColorNoiseReduction": "0", "LuminanceSmoothing": "0",
                "ParametricShadowSplit": "25", "ParametricMidtoneSplit": "50", "ParametricHighlightSplit": "75",
                "ToneCurvePV2012": ["0, 0", "255, 255"]}
    assert {key: values[key] for key in expected} == expected
    assert "CameraProfile" not in values
    assert packet.parse(xmp.write_sidecar(Plan())[0])["CameraProfile"] == "Embedded"


def test_raw_white_balance_needs_the_as_shot_light():
    plan = Plan({"Temperature": 50, "Tint": -20})
    data, report = xmp.write_sidecar(plan, RAW)
    values = packet.parse(data)
    assert values["WhiteBalance"] == "Custom"
    assert int(values["Temperature"]) == round(1e6 / (1e6 / 5200 - 105))
    assert values["Tint"] == "-11"  # 8 − 19.2
    assert "IncrementalTemperature" not in values
    assert len(report.approximated) == 2
    again, _ = xmp.read(data, photo=RAW)
    assert again.sliders["Temperature"] == 50
    assert abs(again.sliders["Tint"] + 20) <= 1
    assert len(xmp.write_sidecar(plan, PhotoInfo("raw"))[1].dropped) == 2
    assert "Temperature and Tint" in xmp.read(data)[1].dropped[0]


def test_fade_becomes_a_point_curve():
    data, report = xmp.write_sidecar(Plan({"Fade": 100}, curves={"rgb": ((0, 0), (128, 140), (255, 255))}))
    assert packet.parse(data)["ToneCurvePV2012"] == ["0, 31", "128, 143", "255, 235"]
    assert any(line.startswith("Fade:") for line in report.approximated)


@pytest.mark.parametrize(("points", "written"), [
    (((50, 60), (200, 180)), ((0, 20), (50, 60), (200, 180), (255, 224))),
    (((64, 40), (200, 230)), ((35, 0), (64, 40), (200, 230), (218, 255))),
    (((20, 9), (90, 9), (200, 99), (255, 9)), ((0, 9), (20, 9), (90, 9), (200, 99), (255, 9))),
])
def test_curves_go_on_beyond_their_points(points, written):
    """Where Lightroom's would be level: a point more, and our own reading of it changes nothing."""
    data, report = xmp.write_sidecar(Plan(curves={"rgb": points}))
    assert [line.split(":")[0] for line in report.approximated] == ["curves.rgb"]
    again, _ = xmp.read(data)
    assert again.curves == {"rgb": written}
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None].repeat(3, -1)
    before, after = (np.clip(render_flat(ramp, plan), 0, 1) for plan in (Plan(curves={"rgb": points}), again))
    np.testing.assert_allclose(after, before, atol=0.005)


def test_curves_that_keep_their_points():
    for points in (((0, 9), (255, 200)), ((20, 0), (255, 255)), ((0, 255), (240, 0))):
        data, report = xmp.write_sidecar(Plan(curves={"rgb": points}))
        assert report.approximated == ()
        assert xmp.read(data)[0].curves == {"rgb": points}
    full = tuple((i * 16 + 5, (i * 96 + 9) % 256) for i in range(16))
    assert len(xmp.read(xmp.write_sidecar(Plan(curves={"red": full}))[0])[0].curves["red"]) == 16


def test_amount_is_multiplied_in():
    local = Local((Mask("linear", (0, 0, 0, 9)),), {"Tint": 5})
    plan = Plan({"Contrast": 40, "Exposure": 4, "GrainSize": 60}, (local,),
                {"rgb": ((0, 0), (100, 120), (255, 255))}, amount=150)
    again, _ = xmp.read(xmp.write_sidecar(plan)[0])
    assert again.sliders == {"Contrast": 60, "Exposure": 5.0, "GrainSize": 60}
    assert again.curves["rgb"][1] == (100, 130)
    assert again.locals[0].amount == 150
    assert any("Exposure: 4 at 150%" in line for line in xmp.write_sidecar(plan)[1].approximated)


def test_what_lightroom_cannot_hold_is_dropped_whole():
    plan = Plan(locals=(Local((Mask("linear", (0, 0, 0, 9)), Mask("bitmap", name="hand", op="subtract")), {"Tint": 5}),
                        Local((Mask("region", name="left sock"),), {"Tint": 5})))
    data, report = xmp.write_sidecar(plan)
    assert xmp.read(data)[0] == Plan()
    assert [line[:9] for line in report.dropped] == ["local[0]:", "local[1]:"]


def test_preset_is_named_and_reproducible():
    data, report = xmp.write_preset(BUSY, "Späte Sonne & <Meer>")
    assert data == xmp.write_preset(BUSY, "Späte Sonne & <Meer>")[0]
    values = packet.parse(data)
    assert values["Name"] == {"x-default": "Späte Sonne & <Meer>"}
    assert len(values["UUID"]) == 32
    assert not {"CropTop", "tiff:Orientation", "AlreadyApplied"} & set(values)
    assert report.dropped == ("crop: a preset carries no crop",)
    for bad in ("", "a\nb", "x" * 201):
        with pytest.raises(ValueError, match="printable"):
            xmp.write_preset(BUSY, bad)
    with pytest.raises(ValueError, match="rendered, raw"):
        xmp.write_preset(BUSY, "x", photo_kind="film")


def test_exiv2_reads_what_we_write(tmp_path):
    path = tmp_path / "photo.xmp"
    path.write_bytes(xmp.write_sidecar(BUSY, RAW)[0])
    with pyexiv2.Image(str(path)) as image:
        read = image.read_xmp()
    assert read["Xmp.crs.Exposure2012"] == "+0.35"
    assert read["Xmp.crs.ToneCurvePV2012"] == ["0, 0", "64, 50", "255, 255"]
    mask = "Xmp.crs.MaskGroupBasedCorrections[1]/crs:CorrectionMasks[1]/crs:"
    assert read[mask + "What"] == "Mask/Gradient"
    assert read["Xmp.crs.MaskGroupBasedCorrections[1]/crs:LocalExposure2012"] == "-0.25"


def _photo(path, orientation=6):
    pixels = (np.arange(24 * 36 * 3) % 251).astype(np.uint8).reshape(24, 36, 3)
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb")
    else:
        Image.fromarray(pixels).save(path)
    with pyexiv2.Image(str(path)) as image:
        image.modify_exif({"Exif.Image.Orientation": str(orientation), "Exif.Image.Artist": "A. N."})
        image.modify_xmp({"Xmp.dc.subject": ["sea", "sun"], "Xmp.xmp.Rating": "4", "Xmp.crs.Clarity2012": "+99"})


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
def test_embed(tmp_path, suffix):
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    _photo(source)
    before = source.read_bytes()
    assert photo_info(source) == PhotoInfo("rendered", 6, (36, 24))
    xmp.embed(source, target, BUSY)
    assert source.read_bytes() == before
    assert np.array_equal(np.asarray(Image.open(target)) if suffix != ".tif" else tifffile.imread(target),
                          np.asarray(Image.open(source)) if suffix != ".tif" else tifffile.imread(source))
    with pyexiv2.Image(str(target)) as image:
        kept, exif = image.read_xmp(), image.read_exif()
    assert kept["Xmp.dc.subject"] == ["sea", "sun"]
    assert kept["Xmp.xmp.Rating"] == "4"
    assert kept["Xmp.crs.Clarity2012"] == "0"
    assert exif["Exif.Image.Artist"] == "A. N."
    assert exif["Exif.Image.Orientation"] == kept["Xmp.tiff.Orientation"] == "3"  # 6 and a quarter turn
    assert interop_packets.doubled(xmp.embedded_packet(str(target))) == ()
    assert xmp.read(target, photo=photo_info(source))[0] == BUSY


def test_embed_never_overwrites_unasked(tmp_path):
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    _photo(source)
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        xmp.embed(source, target, BUSY)
    with pytest.raises(FileExistsError, match="exists already"):
        xmp.embed(source, source, BUSY)
    assert target.read_bytes() == b"precious"
    xmp.embed(source, source, BUSY, overwrite=True)
    assert xmp.read(source)[0].sliders == BUSY.sliders
    link = tmp_path / "link.jpg"
    link.symlink_to(target)
    xmp.embed(source, link, BUSY, overwrite=True)  # replaces what the link points at
    assert link.is_symlink()
    assert xmp.read(target)[0].sliders == BUSY.sliders
    link.unlink()
    (tmp_path / "text.jpg").write_text("no photo")
    with pytest.raises(ValueError, match="not a photo"):
        xmp.embed(tmp_path / "text.jpg", tmp_path / "new.jpg", BUSY)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jpg", "out.jpg", "text.jpg"]


def test_sidecar_keeps_other_metadata():
    base = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about="uuid:1" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"
        xmlns:c="http://ns.adobe.com/camera-raw-settings/1.0/" c:Clarity2012="+9">
        <c:ToneCurve><rdf:Seq><rdf:li>0, 9</rdf:li></rdf:Seq></c:ToneCurve></rdf:Description></rdf:RDF></x:xmpmeta>"""
    data, _ = xmp.write_sidecar(Plan({"Contrast": 5}), base=base)
    assert b'xmp:Rating="5"' in data
    assert data.count(b'about="uuid:1"') == 2
    assert "ToneCurve" not in packet.parse(data)
    assert interop_packets.doubled(data) == ()
    assert xmp.read(data)[0] == Plan({"Contrast": 5})
