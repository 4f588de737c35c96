"""Reading XMP: all forms and ages of it, and anything else without a traceback."""

import hypothesis
import hypothesis.strategies as st
import interop_packets
import numpy as np
import pytest

from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.renderer import render_flat
from rtq.interop import packet, xmp
from rtq.interop.photo_info import PhotoInfo
from rtq.interop.settings_in import from_settings

HEAD = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/">')
TAIL = "</rdf:RDF></x:xmpmeta>"


def _packet(attributes="", elements=""):
    return f'{HEAD}<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description>{TAIL}'.encode()


def _crs(**values):
    return " ".join(f'crs:{key}="{value}"' for key, value in values.items())


def test_attributes_elements_descriptions_and_prefixes():
    data = f"""\ufeff<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
      {HEAD}<rdf:Description rdf:about="" crs:Contrast2012="+10"><crs:Exposure2012>-0.50</crs:Exposure2012>
      </rdf:Description>
      <rdf:Description rdf:about="" xmlns:a="http://ns.adobe.com/camera-raw-settings/1.0/" a:Dehaze=" 7 ">
      <a:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>128,140</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq>
      </a:ToneCurvePV2012></rdf:Description>
      <rdf:Description rdf:about=""><Saturation xmlns="http://ns.adobe.com/camera-raw-settings/1.0/">5</Saturation>
      </rdf:Description>{TAIL}<?xpacket end='w'?>""".encode()
    plan, report = xmp.read(data)
    assert plan == Plan({"Contrast": 10, "Exposure": -0.5, "Dehaze": 7, "Saturation": 5},
                        curves={"rgb": ((0, 0), (128, 140), (255, 255))})
    assert len(report.exact) == 5
    assert report.approximated == report.dropped == ()
    assert xmp.read(data.decode("utf-8-sig").encode("utf-16"))[0] == plan


def test_one_name_as_attribute_and_element_is_still_read():
    data = _packet(_crs(Name="x", Clarity2012="+5"),
                   '<crs:Name><rdf:Alt><rdf:li xml:lang="x-default">y</rdf:li></rdf:Alt></crs:Name>')
    assert interop_packets.doubled(data) == ("Name",)
    assert xmp.read(data)[0] == Plan({"Clarity": 5})


def test_values_off_our_grid():
    plan, report = xmp.read(_packet(_crs(HueAdjustmentRed="+7.5", Exposure2012="+0.44", Contrast2012="+140",
                                         SplitToningShadowHue="360", SplitToningHighlightHue="359.7", Texture="much",
                                         Clarity2012="nan", SharpenRadius="+1.3", Dehaze="1e999")))
    assert plan == Plan({"HueRed": 8, "Exposure": 0.45, "Contrast": 100, "SharpenRadius": 13})
    assert sorted(line.split(":")[0] for line in report.approximated) == [
        "Contrast", "Exposure", "HighlightHue", "HueRed"]
    assert sorted(line.split(":")[0] for line in report.dropped) == ["Clarity2012", "Dehaze", "Texture"]


def _curve(points, name=""):
    items = "".join(f"<rdf:li>{x}, {y}</rdf:li>" for x, y in points)
    return f"<crs:ToneCurvePV2012{name}><rdf:Seq>{items}</rdf:Seq></crs:ToneCurvePV2012{name}>"


@pytest.mark.parametrize("points", [
    ((20, 0), (255, 255)), ((16, 30), (255, 255)), ((0, 0), (200, 230)), ((30, 40), (220, 97)), ((10, 10), (255, 255)),
    ((30, 250), (220, 20)), ((100, 90), (103, 200)), ((5, 7), (6, 9)), ((20, 30), (60, 62), (100, 94), (240, 206)),
])
def test_curves_are_level_beyond_their_points(points):
    plan, report = xmp.read(_packet("", _curve(points)))
    assert report.approximated == report.dropped == ()
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    out = np.clip(render_flat(ramp[:, None].repeat(3, -1), plan), 0, 1)[:, 0]
    np.testing.assert_allclose(255 * out, np.interp(255 * ramp, *zip(*points, strict=True)), atol=3)


def test_long_curves_are_thinned():
    points = tuple((x, 255 - x) for x in range(8, 248, 16))
    plan, report = xmp.read(_packet("", _curve(points, "Blue")))
    assert len(plan.curves["blue"]) == 16
    assert (plan.curves["blue"][0], plan.curves["blue"][-1]) == ((0, 247), (255, 23))
    assert report.approximated == ("ToneCurvePV2012Blue: 19 points thinned to 16",)


def test_unknown_settings_are_listed_unless_neutral():
    _, report = xmp.read(_packet(
        _crs(LensProfileEnable="1", AutoLateralCA="0", PerspectiveScale="100", PerspectiveRotate="0.0", UUID="1F",
             ColorGradeShadowHue="210", CameraProfile="Camera Velvia", DefringePurpleHueLo="30", Version="9.0"),
        '<crs:Look><rdf:Description crs:Name="Adobe Vivid" crs:Amount="1"/></crs:Look>'
        "<crs:PointColors><rdf:Seq><rdf:li>1, 2</rdf:li></rdf:Seq></crs:PointColors><crs:RetouchInfo><rdf:Seq/>"
        "</crs:RetouchInfo>"))
    assert sorted(line.split(":")[0] for line in report.dropped) == [
        "CameraProfile", "ColorGradeShadowHue", "LensProfileEnable", "Look", "PointColors"]
    assert "Adobe Vivid" in "\n".join(report.dropped)
    assert "SplitToningShadowHue" in "\n".join(report.dropped)


@pytest.mark.parametrize("version", ["5.0", "5.7", None])
def test_processes_before_2012(version):
    old = {"Exposure": "+0.40", "Brightness": "+80", "Contrast": "+35", "Shadows": "15", "FillLight": "20",
           "HighlightRecovery": "30", "Clarity": "+12", "Vibrance": "+4"}
    old |= {"ProcessVersion": version} if version else {}
    curve = ("<crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>32, 22</rdf:li><rdf:li>64, 56</rdf:li>"
             "<rdf:li>128, 128</rdf:li><rdf:li>192, 196</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurve>")
    rendered, report = xmp.read(_packet(_crs(CameraProfile="Embedded", **old), curve))
    assert rendered.sliders == {"Exposure": 1.2, "Contrast": 35, "Highlights": -30, "Shadows": 20, "Blacks": -15,
                                "Clarity": 12, "Vibrance": 4}
    assert "rgb" in rendered.curves
    assert report.exact == ("Vibrance: +4",)
    raw, _ = xmp.read(_packet(_crs(**old), curve), photo=PhotoInfo("raw"))
    assert raw.sliders == rendered.sliders | {"Exposure": 0.7, "Contrast": 10, "Blacks": -10}
    assert raw.curves == {}


def test_process_versions_are_numbers():
    both = {"Exposure": "+2.00", "Shadows": "9", "Exposure2012": "+1.00"}
    assert xmp.read(_packet(_crs(ProcessVersion="11.0", **both)))[0] == Plan({"Exposure": 1})
    assert xmp.read(_packet(_crs(ProcessVersion="6.7", **both)))[0] == Plan({"Exposure": 1})
    assert xmp.read(_packet(_crs(ProcessVersion="5.7", **both)))[0] == Plan({"Exposure": 2, "Blacks": -9})


def test_raw_neutrals_of_old_processes_change_nothing():
    data = _packet(_crs(ProcessVersion="5.0", Brightness="+50", Contrast="+25", Shadows="5", Temperature="5000"))
    assert xmp.read(data, photo=PhotoInfo("raw"))[0] == xmp.read(data)[0] == Plan()


def test_already_applied_is_said():
    assert "AlreadyApplied" in xmp.read(_packet(_crs(AlreadyApplied="True", Dehaze="1")))[1].approximated[0]


def test_older_gradients():
    correction = ('<crs:{0}><rdf:Seq><rdf:li><rdf:Description crs:What="Correction" crs:CorrectionAmount="1.000000" '
                  'crs:CorrectionActive="{3}" {1}><crs:CorrectionMasks><rdf:Seq><rdf:li {2}/></rdf:Seq>'
                  "</crs:CorrectionMasks></rdf:Description></rdf:li></rdf:Seq></crs:{0}>")
    ellipse = ('crs:What="Mask/CircularGradient" crs:MaskValue="1.000000" crs:Top="0.2" crs:Left="0.1" '
               'crs:Bottom="0.6" crs:Right="0.5" crs:Angle="0" crs:Midpoint="+50" crs:Roundness="0" crs:Feather="+50" '
               'crs:Version="+2" crs:Flipped="{}"')
    line = ('crs:What="Mask/Gradient" crs:MaskValue="1.000000" crs:ZeroX="0.25" crs:ZeroY="0" crs:FullX="0.25" '
            'crs:FullY="1.5"')
    data = _packet(_crs(ProcessVersion="6.7"), "".join((
        correction.format("GradientBasedCorrections", 'crs:LocalExposure2012="-0.244855" crs:LocalMoire="0.3"', line,
                          "true"),
        correction.format("CircularGradientBasedCorrections", 'crs:LocalSaturation="0.5"', ellipse.format("false"),
                          "true"),
        correction.format("PaintBasedCorrections", 'crs:LocalSaturation="0.5"', 'crs:What="Mask/Paint"', "true"))))
    plan, report = xmp.read(data)
    assert plan.locals == (
        Local((Mask("linear", (250, 0, 250, 1500)),), {"Exposure": -1.0}),
        Local((Mask("radial", (300, 400, 200, 200, 0, 50), invert=True),), {"Saturation": 50}))
    assert [line.split(":")[0] for line in report.dropped] == [
        "GradientBasedCorrections[0].LocalMoire", "PaintBasedCorrections[0]"]
    off = _packet("", correction.format("GradientBasedCorrections", 'crs:LocalTint="0.1"', line, "false"))
    assert xmp.read(off)[0] == Plan()
    assert "switched off" in xmp.read(off)[1].dropped[0]


def test_masks_and_crop_follow_the_orientation():
    mask = ('<crs:MaskGroupBasedCorrections><rdf:Seq><rdf:li><rdf:Description crs:What="Correction" '
            'crs:CorrectionAmount="0.5" crs:LocalTint="1"><crs:CorrectionMasks><rdf:Seq><rdf:li '
            'crs:What="Mask/Gradient" crs:MaskBlendMode="0" crs:MaskInverted="false" crs:MaskValue="1" '
            'crs:ZeroX="0.1" crs:ZeroY="0.3" crs:FullX="0.9" crs:FullY="0.3"/></rdf:Seq></crs:CorrectionMasks>'
            "</rdf:Description></rdf:li></rdf:Seq></crs:MaskGroupBasedCorrections>")
    crop = _crs(HasCrop="True", CropLeft="0.1", CropTop="0.2", CropRight="0.5", CropBottom="0.9")
    plan, _ = xmp.read(_packet(f'tiff:Orientation="6" {crop}', mask))  # shown a quarter turn clockwise
    assert plan.locals == (Local((Mask("linear", (700, 100, 700, 900)),), {"Tint": 100}, 50),)
    assert plan.crop == Crop(100, 100, 800, 500)
    turned, _ = xmp.read(_packet(f'tiff:Orientation="6" {crop}'), photo=PhotoInfo(orientation=1))
    assert turned.crop == Crop(100, 200, 500, 900, 0, 90)
    assert xmp.read(_packet(crop.replace("True", "False")))[0] == Plan()


@pytest.mark.parametrize(("data", "words"), [
    (b"", "not well-formed"),
    (b"<x:xmpmeta", "not well-formed"),
    (b"<html/>", "no rdf:RDF"),
    (b"\xff\xd8\xff\xe0 a photo", "not well-formed"),
    (_packet('tiff:Orientation="1"'), "no Camera Raw settings"),
    (b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>' + _packet(_crs(Name="&c;")), "document type"),
    ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'.encode("utf-16"), "document type"),
    (b"<a>" * 5000 + b"</a>" * 5000, "not well-formed"),
    (b" " * (packet.MAX_BYTES + 1), "at most"),
])
def test_refusals_are_one_line(data, words, tmp_path):
    with pytest.raises(ValueError, match=words) as caught:
        xmp.read(data)
    assert "\n" not in str(caught.value)
    path = tmp_path / "it.xmp"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"it\.xmp: ") as caught:  # a file that is no XML may still be a photo
        xmp.read(path)
    assert "\n" not in str(caught.value)


def _check_total(read, *arguments):
    """A valid plan with a report, or a ValueError of one line; any other error propagates."""
    try:
        plan, report = read(*arguments)
    except ValueError as error:
        lines = [str(error)]
    else:
        lines = report.lines()
        assert Plan.from_json(plan.to_json()) == plan
    assert all("\n" not in line for line in lines)


SEED = xmp.write_sidecar(Plan(
    {"Exposure": 1, "Temperature": 5, "Fade": 9},
    (Local((Mask("radial", (500, 500, 100, 100, 5, 50)), Mask("luminance", (10, 50, 5), op="intersect"),
            Mask("color", (9, 99, 199, 20))), {"Tint": 5}),),
    {"red": ((0, 5), (255, 200))}, Crop(10, 10, 900, 900, 2)), PhotoInfo("raw", 6, (60, 40), (5000, 3)))[0]


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(st.data())
def test_damaged_packets(data):
    broken = bytearray(SEED)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(broken)))
        broken[start:start + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=20))
    _check_total(xmp.read, bytes(broken))


VALUES = st.one_of(st.sampled_from(["", "0", "1", "-1", "1e999", "-1e308", "nan", "True", "0.5 0.1 0.2 0.9", "999999",
                                    "1 2", "0, 0", "255, 255", "1_0", "٣", "Mask/Gradient", "Mask/RangeMask"]),
                   st.floats().map(str), st.text(max_size=8))
KEYS = sorted(set(packet.parse(SEED)) | {"ToneCurve", "Exposure", "Shadows", "Look", "PaintBasedCorrections", "Tint",
                                         "GradientBasedCorrections", "Temperature", "CropAngle", "HasCrop", "TIFF"})
NESTED = st.recursive(VALUES, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["What", "CorrectionMasks", "LocalTint", "LocalExposure", "CorrectionAmount", "MaskValue", "MaskBlendMode",
         "ZeroX", "ZeroY", "FullX", "FullY", "Left", "Top", "Right", "Bottom", "Angle", "CorrectionRangeMask", "Type",
         "LumRange", "PointModels", "MaskActive", "Name"]), inner, max_size=8)), max_leaves=12)


@hypothesis.settings(max_examples=250, deadline=None)
@hypothesis.given(st.dictionaries(st.sampled_from(KEYS), NESTED, max_size=8), st.sampled_from(
    [None, PhotoInfo("raw", 5, (60, 40), (5000, 3))]))
def test_any_values(values, photo):
    _check_total(from_settings, values, photo)
