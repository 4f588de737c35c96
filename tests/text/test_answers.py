"""The parsers of what models write: right results, one-line reasons, and never an exception."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtq.editor import Local, Mask, Plan
from rtq.text import answers
from rtq.text.answers import Failure

PIECES = (
    "<think>", "</think>", "<answer>", "</answer>", "<metrics>", "</metrics>", "<scores>", "</scores>", "<request>",
    "</request>", '{"v":1', '"v":1', ',"Exposure":', "1e999", "NaN", "-", "0.05", "9" * 25, "{", "}", "[", "]", ",",
    '"', '"local":[{"mask":', '{"linear":[0,0,0,0]}', '"curves":{"rgb":', '"crop":{"left":', "null", "true", " (40%)",
    ";", "%)", "(", "7", "10", "eight", "\n", "\x00", "\ud800", "½", "😀", "\\ud800", '"amount":', "1E400", "-0.0",
)  # fmt: skip
PLAN = '<answer>{"v":1,"Contrast":10}</answer>'
PARSERS = (answers.parse_answer, answers.parse_metrics, lambda text: answers.parse_scores(text, 2),
           answers.parse_request)
TEXTS = st.one_of(
    st.text(),
    st.binary(),
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=20).map(lambda p: f"<think>a</think><answer>{''.join(p)}</answer>"),
    st.lists(st.sampled_from(PIECES), max_size=20).map(lambda p: '<think></think><answer>{"v":1,' + "".join(p)),
    st.lists(st.sampled_from(PIECES), max_size=9).map(lambda p: f"<think></think><metrics>{''.join(p)}</metrics>"),
    st.lists(st.sampled_from(PIECES), max_size=9).map(lambda p: f"<think></think><scores>{''.join(p)}</scores>"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(("v", "Exposure", "local", "mask", "linear", "region", "op", "invert", "curves", "rgb", "crop",
                         "left", "amount", "Tint")) | st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(TEXTS)
def test_parsers_never_raise(text):
    for parse in PARSERS:
        result = parse(text)
        if isinstance(result, Failure):
            assert result.reason
            assert len(result.reason.splitlines()) == 1
            assert len(result.reason) < 1000


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_no_json_makes_the_answer_parser_raise(value):
    if isinstance(value, dict):
        value = {"v": 1, **value}
    result = answers.parse_answer(f"<think></think><answer>{json.dumps(value)}</answer>")
    assert isinstance(result, Failure | answers.Answer)


def test_deep_nesting_is_a_failure():
    text = "<think></think><answer>" + '{"v":1,"local":' + "[" * 40_000 + "</answer>"
    assert "nested too deeply" in answers.parse_answer(text).reason
    assert "at most" in answers.parse_answer("x" * 100_001).reason


def test_answers_round_trip():
    plan = Plan({"Exposure": 0.35, "Tint": -4}, (Local((Mask("region", name="sky"),), {"Dehaze": 20}),))
    text = answers.answer_text(plan, "[luma 3] dark")
    assert text == f"<think>[luma 3] dark</think><answer>{plan.to_json()}</answer>"
    assert answers.parse_answer(text) == answers.Answer(plan, "[luma 3] dark")
    assert answers.parse_answer(text.replace("><", ">\n <").encode() + b"\n") == answers.Answer(plan, "[luma 3] dark")


@pytest.mark.parametrize(("text", "reason"), [
    ("", "'' where <think> is needed"),
    ("Sure! <think></think>", "'Sure! <think></think' where <think> is needed"),
    ("<think>a", "<think> is never closed"),
    ('<think></think>{"v":1}', "where <answer> is needed"),
    ('<think></think><answer>{"v":1}', "<answer> is never closed"),
    ('<think></think><answer>{"v":1}</answer> ok', "'ok' after </answer>"),
    ('<think></think><answer>{"v":1,"Exposure":9}</answer>', "Exposure: 9 is out of range"),
    ('<think></think><answer>{"v":1,"Exposur":1}</answer>', "did you mean Exposure"),
    ('<think></think><answer>{"v":1,}</answer>', "bad JSON"),
])  # fmt: skip
def test_reasons(text, reason):
    assert reason in answers.parse_answer(text).reason


def test_metrics_are_normalised():
    plan = Plan({"Contrast": 10})
    metrics = "<metrics>warm  tones (30%); skin (very) good (10%)</metrics>"
    result = answers.parse_metrics(f"<think>x</think>{PLAN}{metrics}")
    assert result == answers.Metrics(("warm tones", "skin (very) good"), (0.75, 0.25), plan, "x")
    assert "where <answer> is needed" in answers.parse_metrics(f"<think>x</think>{metrics}").reason
    assert "Contrast: 999" in answers.parse_metrics(f"<think></think>{PLAN.replace('10', '999')}{metrics}").reason
    text = answers.metrics_text(["warm", "skin"], [40, 60], plan, "dark")
    assert answers.parse_metrics(text) == answers.Metrics(("warm", "skin"), (0.4, 0.6), plan, "dark")


@pytest.mark.parametrize("content", ["", "warm", "warm (40)", "(40%)", "warm (0%)", "warm (-5%)", "warm (101%)",
                                     "warm (4_0%)", "warm (٤%)", "warm (nan%)", "a (5%);", "a (5%)" * 2,
                                     ";".join(["a (5%)"] * 21)])  # fmt: skip
def test_bad_metrics(content):
    result = answers.parse_metrics(f"<think></think>{PLAN}<metrics>{content}</metrics>")
    if content == "a (5%)" * 2:  # a name may hold anything but a semicolon
        assert result.names == ("a (5%)a",)
    else:
        assert isinstance(result, Failure)


def test_scores():
    text = answers.scores_text([10, 0, 7], "[luma +3]")
    assert text == "<think>[luma +3]</think><scores>10,0,7</scores>"
    assert answers.parse_scores(text, 3) == answers.Scores((10, 0, 7), "[luma +3]")
    assert "3 for 2 metrics" in answers.parse_scores(text, 2).reason
    for bad in ("11", "-1", "7.5", "", "07", "seventy", "٧"):
        assert "is not a score" in answers.parse_scores(f"<think></think><scores>{bad}</scores>", 1).reason


def test_scalar_is_the_weighted_mean():
    metrics = answers.Metrics(("a", "b"), (0.75, 0.25), Plan())
    assert answers.scalar(metrics, answers.Scores((8, 4))) == 7.0
    with pytest.raises(ValueError, match="1 scores for 2"):
        answers.scalar(metrics, answers.Scores((8,)))


def test_requests():
    assert answers.parse_request(answers.request_text("make it\n warm")) == "make it warm"
    assert "empty" in answers.parse_request("<request>  </request>").reason


@pytest.mark.parametrize("write", [
    lambda: answers.answer_text(Plan(), "a < b"),
    lambda: answers.answer_text(Plan({}, (Local((Mask("region", name="a</answer>b"),), {"Exposure": 1.0}),))),
    lambda: answers.metrics_text(["a;b"], [40], Plan()),
    lambda: answers.metrics_text(["é"], [40], Plan()),
    lambda: answers.metrics_text(["a"], [0], Plan()),
    lambda: answers.scores_text([11]),
    lambda: answers.request_text(" "),
])  # fmt: skip
def test_writers_refuse_what_could_not_be_read(write):
    with pytest.raises(ValueError, match=r"plan|reasoning|metrics|scores|request"):
        write()
