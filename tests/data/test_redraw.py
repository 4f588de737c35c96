"""Examples anew: what follows from what, and what stays."""

import dataclasses

import numpy as np
import pytest
from data_photos import build

from rtq.data import annotate, drafts, filters, loose, records, studio
from rtq.data.attributes import PLACES
from rtq.data.options import POCKET
from rtq.data.redraw import redraw, wishes_of
from rtq.text.grammar import permitted


@pytest.fixture(scope="module")
def examples():
    return [example for example, _ in records.read(build())]


def test_an_example_anew_is_whole(examples):
    rng = np.random.default_rng(0)
    for example in examples:
        made = redraw(example, rng, POCKET)
        assert permitted(made.plan, POCKET)
        assert permitted(made.weak, POCKET)
        assert sum(percent for _, percent in made.metrics) == 100
        assert len(made.metrics) == len(made.scores) == len(made.weak_scores)
        percents = [percent for _, percent in made.metrics]
        assert filters.weaker(annotate.scalar(percents, made.scores), annotate.scalar(percents, made.weak_scores))
        assert made.reasoning.startswith(example.metrics_reasoning)
        assert all(made.requests)
        same = ("key", "split", "box", "flip", "kind", "spoil", "metrics_reasoning")
        assert all(getattr(made, name) == getattr(example, name) for name in same)
        if example.kind == "vague":
            assert made.requests == example.requests
        if example.kind in ("vague", "described"):
            assert made.plan == example.plan
            assert made.attributes == example.attributes


def test_draws_differ_and_follow_from_the_seed(examples):
    example = next(e for e in examples if e.kind in drafts.WISHES)
    some = [redraw(example, np.random.default_rng(seed), POCKET) for seed in (1, 2, 1)]
    assert some[0] == some[2]
    assert some[0].plan != some[1].plan
    assert some[0].requests != some[1].requests


def test_an_example_without_its_photo_can_be_of_another_kind(examples):
    rng = np.random.default_rng(2)
    for example in examples:
        made = redraw(example, rng, POCKET, kind="local")
        assert made.kind == "local"
        assert made.plan.locals
        assert permitted(made.weak, POCKET)
        assert any(name.startswith(tuple(PLACES)) for name in made.attributes)


def test_requests_that_are_read_may_stand_in_no_frame(examples):
    example = next(e for e in examples if e.kind == "compound")
    framed, free = ([redraw(example, np.random.default_rng(seed), POCKET, free=share) for seed in range(20)]
                    for share in (0.0, 1.0))  # fmt: skip

    def fillers(some):
        return sum(word in loose.FILLERS for one in some for text in one.requests for word in text.lower().split())

    assert fillers(free) > 1.5 * fillers(framed)
    assert [one.plan for one in framed] == [one.plan for one in free]


def test_wishes_are_read_back_from_attributes(examples):
    for example in examples:
        assert studio.asked(wishes_of(example)) == example.attributes
    local = dataclasses.replace(examples[0], attributes={"blue parts saturation": -2, "old photo": 1})
    assert [(w.attribute, w.level, w.place) for w in wishes_of(local)] == [
        ("saturation", -2, "blue parts"), ("old photo", 1, "")]  # fmt: skip
