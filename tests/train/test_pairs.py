"""Pairs and their buffer, with numbers that say where each row came from."""

import numpy as np
import pytest

from rtq.data.batches import PromptBatch
from rtq.editor import Plan
from rtq.editor.plan_arrays import stack
from rtq.editor.sliders import SLIDERS
from rtq.train import pairs, pgrt

EXPOSURE = [row.name for row in SLIDERS].index("Exposure")


def batch(count: int = 4, first: int = 0) -> PromptBatch:
    """Prompts whose tokens and seeds count from `first`; the users' plans have Contrast 1, the weak ones Contrast 2."""
    numbers = np.arange(first, first + count, dtype=np.int32)
    tokens, valid = np.repeat(numbers[:, None], 3, 1), np.ones((count, 3), bool)
    photos = np.full((count, 8, 8, 3), numbers[:, None, None, None], np.uint8)
    spoil, strong, weak = (stack([Plan({"Contrast": k})] * count) for k in (0, 1, 2))
    return PromptBatch(photos, spoil, tokens, valid, tokens + 100, valid, strong, weak, numbers)


def plan(number: int) -> Plan:
    return Plan({"Exposure": number / 20})


def exposures(weak) -> list[int]:
    return np.rint(weak.sliders[:, EXPOSURE] * 20).astype(int).tolist()


def some(first: int, count: int) -> pairs.Pairs:
    """Pairs numbered from `first` in their seeds."""
    return pairs.perturbed(batch(count, first))


def test_answers_count_from_the_margin_on_and_at_most_two_of_a_prompt():
    plans = [plan(i) for i in range(12)]
    plans[1] = None
    far = np.array([2.0, 9, 5, 1.99, 0, 2.5, 3, 4, 5, 1, 1, 1])  # three answers to each of four requests
    found = pairs.answered(batch(first=7), plans, far, 2.0)
    assert exposures(found.weak) == [0, 2, 5, 6, 7]  # no plan: 1; too near: 3, 4; a third of its prompt: 8
    assert found.seeds.tolist() == [7, 7, 8, 9, 9]
    assert found.photos[:, 0, 0, 0].tolist() == [7, 7, 8, 9, 9]
    assert found.tokens[:, 0].tolist() == [107, 107, 108, 109, 109]  # the critique's prompt
    assert exposures(pairs.answered(batch(), plans, far, 2.0, limit=1).weak) == [0, 5, 6]
    assert pairs.answered(batch(), plans, far, 9.5) is None


def test_the_buffer_keeps_the_newest():
    buffer = pairs.empty(some(0, 1), 5)
    assert pairs.put(buffer, None) is buffer
    assert len(pairs.draw(buffer, 3, np.random.default_rng(0)).seeds) == 0
    before = buffer["pairs"].seeds.copy()
    buffer = pairs.put(buffer, some(10, 3))
    np.testing.assert_array_equal(before, 0)  # the old one, which may be being saved, is not written to
    buffer = pairs.put(buffer, some(20, 4))
    assert sorted(buffer["pairs"].seeds) == [12, 20, 21, 22, 23]
    assert int(buffer["count"]) == 7
    buffer = pairs.put(buffer, some(30, 8))
    assert sorted(buffer["pairs"].seeds) == [33, 34, 35, 36, 37]
    np.testing.assert_array_equal(buffer["pairs"].tokens[:, 0], buffer["pairs"].seeds + 100)  # rows stay together


def test_draws_are_different_pairs_and_follow_the_generator():
    buffer = pairs.put(pairs.empty(some(0, 1), 8), some(1, 6))
    drawn = pairs.draw(buffer, 4, np.random.default_rng(3))
    assert len(set(drawn.seeds)) == 4
    assert set(drawn.seeds) <= set(range(1, 7))
    np.testing.assert_array_equal(drawn.photos[:, 0, 0, 0], drawn.seeds)
    np.testing.assert_array_equal(drawn.seeds, pairs.draw(buffer, 4, np.random.default_rng(3)).seeds)
    assert sorted(pairs.draw(buffer, 8, np.random.default_rng(3)).seeds) == list(range(1, 7))


@pytest.mark.parametrize(("share", "held", "policys"), [(0.25, 8, 6), (0.25, 3, 3), (0.25, 0, 0), (1, 8, 0), (0, 8, 8)])
def test_mixtures_have_their_shares(share, held, policys):
    """Photos tell the studio's pairs, numbered from 50, from the policy's."""
    buffer = pairs.put(pairs.empty(some(0, 1), 8), some(1, held) if held else None)
    found, kept = pgrt.mixed(buffer, some(50, 8), share, [0, 3])
    assert kept == 8 - policys
    assert len(found.seeds) == len(set(found.seeds)) == 8
    marks = found.photos[:, 0, 0, 0]
    assert (marks < 50).sum() == policys
    assert marks[marks >= 50].tolist() == list(range(50, 58 - policys))
    again, later = (pgrt.mixed(buffer, some(50, 8), share, [0, step])[0] for step in (3, 4))
    np.testing.assert_array_equal(again.seeds, found.seeds)
    assert set(later.seeds).isdisjoint(found.seeds)


def test_a_host_with_one_pair_takes_the_studios_now_and_then():
    buffer = pairs.put(pairs.empty(some(0, 1), 8), some(1, 8))
    kept = [pgrt.mixed(buffer, some(50, 1), 0.25, [0, step])[1] for step in range(200)]
    assert 0.15 < np.mean(kept) < 0.35
