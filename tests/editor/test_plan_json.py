"""Plan JSON there and back; the parser is total."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtq.editor.plan import CROP_FIELDS, CURVES, MASK_KINDS, MASK_NUMBERS, NAMED_KINDS, OPERATIONS, Plan
from rtq.editor.plan_json import MAX_CHARACTERS
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS

FULL = ('{"v":1,"Exposure":0.35,"Contrast":-10,"curves":{"rgb":[[0,0],[64,50],[255,255]],"blue":[[0,5],[255,250]]},'
        '"crop":{"left":10,"bottom":900,"angle":-1.25,"rotate":90},'
        '"local":[{"mask":[{"linear":[500,0,500,400]},{"op":"subtract","luminance":[0,40,10],"invert":true},'
        '{"op":"intersect","region":"sky"}],"amount":80,"Exposure":-0.5},'
        '{"mask":[{"radial":[500,500,300,200,30,50]},{"color":[255,0,0,30]}],"Clarity":20}],"amount":150}')


def one_line(text) -> str:
    """The message with which `text` is refused."""
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Plan.from_json(text)
    assert "\n" not in str(error.value)
    assert 5 < len(str(error.value)) < 700
    return str(error.value)


def test_canonical_form():
    plan = Plan.from_json(FULL)
    assert plan.to_json() == FULL
    assert Plan.from_json(FULL.encode()) == Plan.from_json(json.loads(FULL)) == plan
    assert hash(Plan.from_json(plan.to_json())) == hash(plan)
    assert Plan().to_json() == '{"v":1}'


def test_key_order_and_spaces_do_not_matter():
    data = json.loads(FULL)
    backwards = json.dumps({k: data[k] for k in reversed(data)}, indent=2)
    assert Plan.from_json(backwards) == Plan.from_json(FULL)


def test_neutral_values_are_left_out():
    text = '{"v":1,"Exposure":0,"SharpenRadius":10,"curves":{"red":[[0,0],[255,255]]},"crop":{"left":0},"amount":100}'
    assert Plan.from_json(text) == Plan()


@pytest.mark.parametrize("row", SLIDERS, ids=lambda r: r.name)
def test_every_slider(row):
    for value in (row.lo, row.hi):
        plan = Plan.from_json(json.dumps({"v": 1, row.name: value}))
        assert plan.sliders == ({} if value == row.neutral else {row.name: value})
        assert Plan.from_json(plan.to_json()) == plan
    for value in (row.lo - row.step, row.hi + row.step, row.lo + row.step / 2, "1", None, True, [1], 10**400,
                  float("nan"), float("inf")):
        message = one_line({"v": 1, row.name: value})
        assert message.startswith(row.name + ":")
        assert row.allowed in message


BAD = {
    "": "bad JSON at line 1 column 1", "{": "bad JSON", "[]": "plan: list where an object", "3": "plan: int",
    "null": "plan: NoneType", "{}": 'v: a plan starts with "v":1', '{"v":2}': 'v: .*not 2', '{"v":true}': "v: ",
    '{"v":"1"}': "v: ", '{"v":1,"v":1}': "'v': given twice", '{"v":1,"Exposure":1,"Exposure":1}': "'Exposure': given",
    '{"v":1,"Exposur":1}': "Exposur.*no such slider; did you mean Exposure", '{"v":1,"Exposure":NaN}': "NaN is not",
    '{"v":1,"Exposure":Infinity}': "Infinity", '{"v":1,"Exposure":1e400}': "Exposure: inf is out of range",
    '{"v":1,"Exposure":' + "9" * 5000 + "}": "5000 digits", '{"v":1,"Contrast":1.5}': "Contrast: 1.5 is between",
    '{"v":1,"local":{}}': "local: dict where a list", '{"v":1,"local":[1]}': r"local\[0\]: int where an object",
    '{"v":1,"local":[{}]}': r"local\[0\].mask: missing", '{"v":1,"local":[{"mask":[]}]}': r"local\[0\].mask: 0 comp",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,1,1]}],"amount":201}]}': r"local\[0\].amount: 201 is out of range",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,1,1]}],"HueRed":1}]}': r"local\[0\].HueRed: not available",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,1]}]}]}': r"linear: 3 numbers; needed: x0, y0, x1, y1",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,0,0]}]}]}': "both points are the same",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,1,"1"]}]}]}': r"mask\[0\].linear.y1: '1' is not a number",
    '{"v":1,"local":[{"mask":[{"circle":[1]}]}]}': r"mask\[0\].'circle': unknown; allowed: linear, ra",
    '{"v":1,"local":[{"mask":[{"op":"subtract","linear":[0,0,1,1]}]}]}': 'first component is always "add"',
    '{"v":1,"local":[{"mask":[{"op":3,"linear":[0,0,1,1]}]}]}': "op: int where a word",
    '{"v":1,"local":[{"mask":[{"invert":1,"linear":[0,0,1,1]}]}]}': "invert: 1 is not true or false",
    '{"v":1,"local":[{"mask":[{"linear":[0,0,1,1],"radial":[]}]}]}': "exactly one mask kind",
    '{"v":1,"local":[{"mask":[{"mask":[{"linear":[0,0,1,1]}]}]}]}': "'mask': unknown",
    '{"v":1,"local":[{"mask":[{"region":""}]}]}': "region: '' is not a name",
    '{"v":1,"local":[{"mask":[{"region":"a\\nb"}]}]}': "is not a name",
    '{"v":1,"local":[{"mask":[{"bitmap":5}]}]}': "bitmap: 5 is not a name",
    '{"v":1,"local":[{"mask":[{"luminance":[60,40,0]}]}]}': "lo 60 is above hi 40",
    '{"v":1,"curves":{"luma":[]}}': "curves.'luma': unknown", '{"v":1,"curves":[]}': "curves: list where an object",
    '{"v":1,"curves":{"rgb":[[0,0]]}}': "curves.rgb: 1 points", '{"v":1,"curves":{"rgb":[[0],[1]]}}': "a point is",
    '{"v":1,"curves":{"rgb":[[5,0],[5,9]]}}': "x must ascend", '{"v":1,"curves":{"rgb":3}}': "curves.rgb: int where",
    '{"v":1,"curves":{"rgb":[[0,0],[256,9]]}}': r"curves.rgb\[1\]: 256 is out of range",
    '{"v":1,"crop":{"top":-1}}': "crop.top: -1 is out", '{"v":1,"crop":{"left":600,"right":500}}': "crop: -100 ×",
    '{"v":1,"crop":{"rotate":45}}': "crop.rotate: 45 is between", '{"v":1,"crop":{"zoom":1}}': "crop.'zoom': unknown",
    '{"v":1,"amount":250}': "amount: 250 is out of range", '{"v":1,"amount":"x"}': "amount: 'x' is not a number",
    "[" * 100_000: "plan: ", '{"a":' * 20_000: "plan: ", " " * (MAX_CHARACTERS + 1): "at most 100000",
    '{"v":1,"local":' + json.dumps([{"mask": [{"linear": [0, 0, 1, 1]}]}] * 5) + "}": "5 local adj.*at most 4",
    '{"v":1,"local":[{"mask":' + json.dumps([{"linear": [0, 0, 1, 1]}] * 4) + "}]}": "4 components; 1 to 3",
}


@pytest.mark.parametrize("text", BAD, ids=lambda t: t[:60])
def test_refusals_name_the_key(text):
    message = one_line(text)
    assert re.search(BAD[text], message), message


def test_what_a_terminal_would_obey_is_not_printed():
    for data in ({"crop": {"\x1b[31m": 1}}, {"local": [{"mask": [{"\x1b[31m": 1}]}]}, {"\x1b[31m": 1},
                 {"local": [{"mask": [{"\x1b[31m": 1, "linear": []}]}]}, {"curves": {"\x1b[31m": []}}):
        assert "\\x1b[31m" in one_line({"v": 1, **data})


def test_bytes_that_are_no_text():
    assert "not UTF-8" in one_line(b"\xff\xfe{}")


def outcome(text) -> None:
    """A plan that survives a round trip, or one line."""
    try:
        plan, message = Plan.from_json(text), ""
    except ValueError as error:
        plan, message = Plan(), str(error)
    assert "\n" not in message
    assert len(message) < 700
    assert Plan.from_json(plan.to_json()) == plan


KEYS = st.sampled_from([*(r.name for r in SLIDERS[:12]), "v", "local", "curves", "crop", "amount", "mask", "op",
                        "invert", *MASK_KINDS, *CURVES, *CROP_FIELDS])
LEAVES = (st.none() | st.booleans() | st.integers(-300, 300) | st.integers() | st.floats() | st.text(max_size=6)
          | st.sampled_from(OPERATIONS))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5)
                      | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5), max_leaves=25)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary())
def test_any_text_or_bytes(text):
    outcome(text)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_json_object(data):
    outcome(json.dumps({"v": 1, **data}))
    outcome({"v": 1, **data})


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_plans(data):
    text = list(FULL)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(['"', "{", "}", "[", "]", ",", "-", "9", "e", "n", ""]))
    outcome("".join(text))


@st.composite
def plan_data(draw) -> dict:
    """The JSON object of a valid plan."""
    def numbers(rows, wide):
        chosen = draw(st.lists(st.sampled_from(rows), max_size=8, unique_by=lambda r: r.name))
        out = {}
        for row in chosen:
            lo, hi = (row.lo, row.hi) if wide else row.local
            out[row.name] = round(lo + draw(st.integers(0, round((hi - lo) / row.step))) * row.step, 2)
        return out

    def mask(first):
        kind = draw(st.sampled_from(MASK_KINDS))
        if kind in NAMED_KINDS:
            content = draw(st.sampled_from(["sky", "face 2", "é"]))
        else:
            content = [draw(st.integers(lo, hi)) for _, lo, hi in MASK_NUMBERS[kind]]
            if kind == "luminance":
                content[:2] = sorted(content[:2])
            if kind == "linear" and content[:2] == content[2:]:
                content[0] = content[0] - 1 if content[0] > 0 else content[0] + 1
        op = "add" if first else draw(st.sampled_from(OPERATIONS))
        return {"op": op, kind: content, "invert": draw(st.booleans())}

    def local():
        return {"mask": [mask(i == 0) for i in range(draw(st.integers(1, 3)))], "amount": draw(st.integers(0, 200)),
                **numbers(LOCAL_SLIDERS, False)}

    def curve():
        xs = sorted(draw(st.sets(st.integers(0, 255), min_size=2, max_size=16)))
        return [[x, draw(st.integers(0, 255))] for x in xs]

    left, top = draw(st.integers(0, 900)), draw(st.integers(0, 900))
    crop = {"left": left, "top": top, "right": draw(st.integers(left + 10, 1000)),
            "bottom": draw(st.integers(top + 10, 1000)), "angle": draw(st.integers(-4500, 4500)) / 100,
            "rotate": draw(st.sampled_from([0, 90, 180, 270]))}
    return {"v": 1, **numbers(SLIDERS, True), "local": [local() for _ in range(draw(st.integers(0, 4)))],
            "curves": {name: curve() for name in draw(st.sets(st.sampled_from(CURVES)))}, "crop": crop,
            "amount": draw(st.integers(0, 200))}


@settings(max_examples=200, deadline=None)
@given(plan_data())
def test_valid_plans_come_back(data):
    plan = Plan.from_json(data)
    for name, value in data.items():
        if name in plan.sliders:
            assert plan.sliders[name] == pytest.approx(value, abs=1e-9)
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json(json.dumps(data)) == plan
