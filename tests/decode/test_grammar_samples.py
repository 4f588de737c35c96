"""A small version of the proof in benchmarks/grammar_on_device.py, and that its judge can say no."""

import collections
import importlib.util
import pathlib
import sys

import numpy as np
import pytest

from rtq.decode.loop import Samples

PATH = pathlib.Path(__file__).parents[2] / "benchmarks" / "grammar_on_device.py"
spec = importlib.util.spec_from_file_location("grammar_on_device", PATH)
proof = importlib.util.module_from_spec(spec)
sys.modules["grammar_on_device"] = proof
spec.loader.exec_module(proof)
HOLD = ("ended in time", "parsed", "in range", "canonical", "states right")


@pytest.fixture(scope="module")
def case():
    return proof.pocket(longest=60, group=20)


@pytest.fixture(scope="module")
def table(case):
    return proof.compiled(case)[0]


@pytest.mark.parametrize("dense_limit", [1 << 25, 0], ids=["by token", "by class"])
def test_random_weights_write_valid_answers(case, table, dense_limit, monkeypatch):
    """160 samples of two models at temperature 2, through the loop and the table on the device."""
    make = proof.sampling.grammar_table
    monkeypatch.setattr(proof.sampling, "grammar_table", lambda *a, **k: make(*a, **k, dense_limit=dense_limit))
    count = proof.prove(case, table, 160)
    assert {key: count[key] for key in HOLD} == dict.fromkeys(HOLD, 160)
    assert count["with locals"] > 20
    assert 10 < count["tokens"] / 160 < 60


@pytest.mark.parametrize(("text", "right"), [
    ('{"v":1,"Exposure":0.5,"local":[{"mask":[{"region":"sky"}],"Tint":4}]}', True),
    ('{"v":1,"Exposure":50}', False), ('{"v":1,"Exposure":0.501}', False), ('{"v":2}', False),
    ('{"v":1,"local":[{"mask":[{"linear":[0,0,7,0]}],"Tint":4}]}', False),
    ('{"v":1,"local":[{"mask":[{"region":"sea"}],"Tint":4}]}', False),
    ('{"v":1,"local":[{"mask":[{"region":"sky"}],"Tint":400}]}', False),
    ('{"v":1,"local":[{"mask":[{"region":"sky"},{"region":"sky"}],"Tint":4}]}', False),
])  # fmt: skip
def test_ranges_are_checked(text, right):
    assert proof.in_range(f"<think>a\nb</think><answer>{text}</answer>") == right


def test_the_judge_sees_what_is_wrong(case, table):
    def judged(text, budget=100, **changes):
        ids = np.array([*case.tokenizer.encode(text), case.tokenizer.eos_id])
        states = np.array([proof.state_after(table, ids[:i].tolist()) for i in range(len(ids))])
        row = Samples(ids, np.zeros(len(ids)), np.ones(len(ids), bool), states, np.True_)._replace(**changes)
        count = collections.Counter()
        proof.judge(case, table, [], row, budget, count)
        return [key for key in HOLD if not count[key]]

    good = '<think>x</think><answer>{"v":1,"Exposure":0.5}</answer>'
    assert judged(good) == []
    assert judged(good, budget=5) == judged(good, finished=np.False_) == ["ended in time"]
    assert judged(good, states=np.zeros(100, int)[: len(case.tokenizer.encode(good)) + 1]) == ["states right"]
