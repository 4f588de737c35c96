"""Lua tables and .lrtemplate presets."""

import hypothesis
import hypothesis.strategies as st
import pytest

from rtq.editor.plan import Plan
from rtq.interop import lrtemplate, lua_table

DEVELOP = b"""s = {
	id = "0A", internalName = "Warm", title = ZSTR "$$$/A/B=Warm",
	type = "Develop", -- a comment
	value = {
		settings = {
			ConvertToGrayscale = false, EnableDetail = true,
			Exposure2012 = 0.25, Contrast2012 = -10, ["Clarity2012"] = 0x10,
			ToneCurvePV2012 = { 0, 0, 128, 140, 255, 255, },
			CameraProfile = "Camera \\"Velvia\\"", ProcessVersion = "6.7", Nothing = nil,
		},
		uuid = [[B]],
	},
	version = 0,
}
"""


def test_develop_preset(tmp_path):
    plan, report = lrtemplate.read(DEVELOP)
    assert plan == Plan({"Exposure": 0.25, "Contrast": -10, "Clarity": 16},
                        curves={"rgb": ((0, 0), (128, 140), (255, 255))})
    assert report.dropped == ('CameraProfile: Camera "Velvia"; camera profiles cannot be carried',)
    path = tmp_path / "warm.lrtemplate"
    path.write_bytes(b"\xef\xbb\xbf" + DEVELOP)
    assert lrtemplate.read(path)[0] == plan


def test_local_preset():
    plan, report = lrtemplate.read(b"""s = { type = "LocalizedAdjustmentPreset", value = {
        exposure = 0.9, exposure2012 = -0.0625, clarity2012 = 0.30000001192093, saturation = 0.25, moire = 0,
        toningHue = 240, luminanceNoise = -1 }, }""")
    (local,) = plan.locals
    assert local.sliders == {"Exposure": -0.25, "Clarity": 30, "Saturation": 25, "NoiseReduction": -100}
    assert local.mask[0].numbers == (0, 100, 0)
    assert "whole photo" in report.approximated[-1]
    assert report.dropped == ()


@pytest.mark.parametrize(("text", "words"), [
    ("", "where a value is needed"), ("s = {", "where a value is needed"), ("s = { a = 1 b = 2 }", "where , or }"),
    ("s = {} os.exit()", "is not understood"), ("s = {} x", "after its end"), ("s = { a = f(1) }", "not understood"),
    ("s = " + "{" * 500 + "}" * 500, "nested deeper"), ('s = { a = "\n" }', "not understood"), ("s = { [1] }", "] ="),
    (r's = { a = "\256" }', "no byte"),
    ("s = 5", "not a table"), ('s = { type = "Metadata", value = { title = "x" } }', "no develop settings"),
    ("s = { value = { settings = { } } }", "no develop settings"),
    ("s = { type = 'LocalizedAdjustmentPreset', value = { moire = 1 } }", "without any setting"),
])
def test_refusals_are_one_line(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        lrtemplate.read(text.encode())
    assert "\n" not in str(caught.value)


def test_tables():
    assert lua_table.loads("return { 1, -2.5e1; 'a\\n\\65', { x = true }, y = nil }") == {
        "1": 1, "2": -25, "3": "a\nA", "4": {"x": True}, "y": None}
    assert lua_table.loads(r"{ 'caf\195\169\0331 \233 \\195\'' }") == ["café!1 \ufffd \\195'"]
    assert lua_table.loads("{ 0x1F, .5, 5. }") == [31, 0.5, 5]
    assert lua_table.loads("--[[ long\ncomment ]] {}") == []


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(st.data())
def test_damaged_templates(data):
    broken = bytearray(DEVELOP)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(broken)))
        broken[start:start + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=20))
    try:
        plan, report = lrtemplate.read(bytes(broken))
    except ValueError as error:
        lines = [str(error)]
    else:
        lines = report.lines()
        assert Plan.from_json(plan.to_json()) == plan
    assert all("\n" not in line for line in lines)
