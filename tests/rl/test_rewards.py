"""The rule reward against hand computation and a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.editor import Plan, render_batch
from rtq.editor.plan_arrays import stack
from rtq.editor.sliders import INDEX
from rtq.rl import rewards
from tests.rl import tiny_policy as tiny

BEFORE = jnp.asarray(tiny.photos(4) / np.float32(255))


def test_distance_and_likeness():
    a, b = jnp.zeros((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3)).at[0, 0, 0, 0].set(0.6)
    np.testing.assert_allclose(rewards.distance(a, b), [(0.05 + np.sqrt(0.03)) / 2], rtol=1e-5)
    target = BEFORE * 0.5
    found = [float(rewards.likeness(BEFORE, after, target)[0]) for after in (target, BEFORE, BEFORE * 2, BEFORE * 0.75)]
    np.testing.assert_allclose(found, [1, 0, -1, 0.5], atol=1e-5)
    np.testing.assert_allclose(rewards.likeness(BEFORE, BEFORE, BEFORE), 0)


def test_the_rule_is_a_plain_loop():
    plans = [Plan({"Exposure": 0.5, "Contrast": 30}), Plan({"Exposure": -0.5, "Saturation": 40}), Plan(), Plan()]
    target = jnp.clip(render_batch(BEFORE, [Plan({"Exposure": 0.6})] * 4, program=tiny.EXECUTOR.program), 0, 1)
    rule = jax.jit(rewards.rule, static_argnames="executor")
    found = rule(BEFORE, target, stack(plans), jnp.array([True, True, True, False]), executor=tiny.EXECUTOR)

    def edit(plan):
        return jnp.clip(render_batch(BEFORE, [plan] * 4, program=tiny.EXECUTOR.program), 0, 1)

    for i, plan in enumerate(plans[:2]):
        after = edit(plan)
        near = rewards.distance(after, target)[i]
        votes = [
            1 if near < rewards.distance(edit(Plan({k: v for k, v in plan.sliders.items() if k != name})), target)[i]
            else -1 for name in plan.sliders
        ]  # fmt: skip
        want = 0.7 * rewards.likeness(BEFORE, after, target)[i] + 0.3 * np.mean(votes)
        np.testing.assert_allclose(found[i], want, rtol=1e-4)
    assert found[0] > found[1]
    assert (np.asarray(found[2:]) == -1).all()  # empty, unreadable


def test_at_most_eight_tools_are_tested_the_strongest_first():
    sliders = dict.fromkeys(("Contrast", "Saturation", "Vibrance", "Highlights", "Shadows", "Whites", "Blacks"), 10)
    sliders |= {"Clarity": 5, "Texture": 90, "Exposure": 0.05}
    local = {"mask": [{"linear": [500, 0, 500, 1000]}], "Exposure": 0.5}
    plan = Plan.from_json({"v": 1, **sliders, "local": [local]})
    variants, used = rewards.without_one(stack([plan, Plan({"Contrast": 5})]))
    assert used.shape == (8, 2)
    assert used.sum(0).tolist() == [8, 1]
    assert variants.local_amount[:2, 0, 0].tolist() == [0, 100]
    changed = [int((variants.sliders[k, 0] != stack([plan]).sliders[0]).sum()) for k in range(8)]
    assert changed == [0] + [1] * 7
    kept = np.asarray(variants.sliders[:, 0]).min(0)
    assert kept[INDEX["Texture"]] == 0  # tested
    assert kept[INDEX["Clarity"]] == 5  # too weak
    assert kept[INDEX["Exposure"]] == np.float32(0.05)


def test_size_is_bounded():
    assert rewards.shrink(jnp.ones((1, 140, 140, 3))).shape == (1, 96, 96, 3)
    assert rewards.shrink(BEFORE).shape == BEFORE.shape


def test_mixtures():
    parts = {"rule": jnp.array([1.0, -1.0]), "grm": jnp.array([0.5, 0.25])}
    np.testing.assert_allclose(rewards.mix({"rule": 0.5, "grm": 2.0}, parts), [1.5, 0.0])
    with pytest.raises(ValueError, match="no judge; there are rule, grm"):
        rewards.mix({"judge": 1.0}, parts)
    np.testing.assert_array_equal(rewards.format_reward(jnp.array([True, False])), [1, 0])
