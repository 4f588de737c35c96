"""Weak plans, scores from parameters, metrics."""

import numpy as np
import pytest

from rtq.data import annotate, drafts, filters, perturb
from rtq.data.attributes import PLACES, Wish, plan_of
from rtq.data.options import POCKET
from rtq.editor import Local, Plan
from rtq.text.grammar import permitted


def some_wishes(count: int):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        kind = ("one", "compound", "style", "local")[seed % 4]
        yield drafts.WISHES[kind](rng), rng


def test_weak_plans_are_permitted_and_differ():
    for wishes, rng in some_wishes(200):
        plan = plan_of(wishes, rng)
        weak = perturb.weaken(plan, rng)
        assert permitted(weak, POCKET), weak
    plan = Plan({"Exposure": 0.5, "Contrast": 35})
    for way, check in {"flip": lambda p: min(p.sliders.values()) < 0, "omit": lambda p: len(p.sliders) == 1,
                       "extra": lambda p: len(p.sliders) == 3}.items():  # fmt: skip
        assert check(perturb.weaken(plan, np.random.default_rng(0), {way: 1.0})), way


def test_scores_fall_in_the_papers_order():
    wanted = {"Contrast": 40}
    exact, half, none, flipped = (annotate.closeness({"Contrast": v}, wanted) for v in (40, 20, 0, -40))
    assert exact >= 9
    assert 6 <= half <= 7
    assert none == 4
    assert flipped <= 3
    assert annotate.closeness({"Contrast": 60}, wanted) > half


def test_scores_see_what_was_not_asked_for_and_where():
    wish = Wish("brightness", -2, "sky")
    plan = plan_of([wish])
    about = (wish, None)
    extra = Plan({"Saturation": -60}, plan.locals)
    elsewhere = Plan({}, (Local((PLACES["subject"],), plan.locals[0].sliders),))
    right, more, wrong = (annotate.scores(p, plan, about, None) for p in (plan, extra, elsewhere))
    assert right == (9, 9)
    assert more[0] == 9
    assert more[1] < 6
    assert wrong[0] <= 4


def test_metrics_are_percents_that_sum_to_100():
    for wishes, rng in some_wishes(100):
        names, about = annotate.metrics(wishes, rng)
        assert sum(p for _, p in names) == 100
        assert all(p > 0 and p % 5 == 0 for _, p in names)
        assert len({n for n, _ in names}) == len(names) == len(about) <= 4


def test_filters_drop_what_they_should():
    photo = np.full((8, 8, 3), 0.5, np.float32)
    assert not filters.visible(photo, photo + 0.002, local=False)
    assert filters.visible(photo, photo + 0.05, local=False)
    brighter = [Wish("brightness", 2)]
    assert filters.agrees(brighter, np.array([2, 0, 0, 0]))
    assert not filters.agrees(brighter, np.array([-2, 0, 0, 0]))
    assert not filters.agrees(brighter, np.array([0, 0, 0, 0]))
    assert filters.weaker(9.0, 6.0)
    assert not filters.weaker(9.0, 8.8)


@pytest.mark.parametrize(("weak", "plan", "words"), [
    ({"Exposure": -0.5}, {"Exposure": 0.5}, ("bright", "light", "dark", "expos", "lit", "dim", "shad", "lumin", "visib",
                                             "illum", "glo", "murky")),
    ({"Temperature": 50}, {"Temperature": 10}, ("cool", "blue", "warm", "yellow", "cold", "orange", "gold", "cyan",
                                                "hot", "temperature", "teal", "tan", "brown", "aqua", "chill", "turq",
                                                "beige")),
])  # fmt: skip
def test_feedback_names_what_is_wrong(weak, plan, words):
    for seed in range(30):
        text = perturb.feedback(Plan(weak), Plan(plan), np.random.default_rng(seed))
        assert any(word in text for word in words), text


def test_feedback_of_equal_plans_asks_for_nothing():
    assert perturb.feedback(Plan({"Contrast": 5}), Plan({"Contrast": 5}), np.random.default_rng(0)) == "it is fine"
