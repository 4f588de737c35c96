"""Losses and advantages against hand computation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.rl import advantage, losses

RNG = np.random.default_rng(0)
MASK = jnp.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
OLD = jnp.asarray(-RNG.random((3, 4)), jnp.float32)
NEW = OLD + jnp.asarray(RNG.normal(0, 0.4, (3, 4)), jnp.float32)
REF = OLD + jnp.asarray(RNG.normal(0, 0.4, (3, 4)), jnp.float32)
GOOD = jnp.array([1.5, -0.7, 2.0])


def each(how):
    out = np.zeros((3, 4))
    for b in range(3):
        for t in range(4):
            ratio = np.exp(float(NEW[b, t] - OLD[b, t]))
            bounded = min(max(ratio, 1 - how.low), 1 + how.high)
            d = float(REF[b, t] - NEW[b, t])
            out[b, t] = -min(ratio * float(GOOD[b]), bounded * float(GOOD[b])) + how.beta * (np.exp(d) - d - 1)
    return out * np.asarray(MASK)


@pytest.mark.parametrize("kind", losses.AGGREGATIONS)
def test_grpo_loss(kind):
    how = losses.Grpo(0.1, 0.3, 0.05, kind, 10)
    total, denominator, metrics = losses.grpo_loss(NEW, OLD, REF, GOOD, MASK, how)
    want = each(how)
    expected = {
        "token": (want.sum(), 4), "sequence": (want[0].sum() / 3 + want[1, 0], 2), "constant": (want.sum() / 10, 3),
    }[kind]  # fmt: skip
    np.testing.assert_allclose((total, denominator), expected, rtol=1e-5)
    ratio = np.exp(np.asarray(NEW - OLD))
    bound = [ratio[0, t] > 1.3 for t in range(3)] + [ratio[1, 0] < 0.9]
    np.testing.assert_allclose(metrics["clip_fraction"], (sum(bound), 4))
    np.testing.assert_allclose(metrics["length"], (4, 3))
    np.testing.assert_allclose(metrics["kl"][0], sum((losses.k3(NEW, REF) * MASK).reshape(-1)), rtol=1e-5)


def test_the_gradient_on_policy_is_that_of_reinforce():
    def grpo(logprobs):
        return losses.grpo_loss(logprobs, OLD, None, GOOD, MASK, losses.Grpo())[0]

    want = -GOOD[:, None] * MASK
    np.testing.assert_allclose(jax.grad(grpo)(OLD), want, atol=1e-6)


def test_masked_places_may_hold_anything():
    wild = jnp.where(MASK, NEW, -1e30)
    gradient = jax.grad(lambda x: losses.grpo_loss(x, OLD, jnp.where(MASK, REF, -1e30), GOOD, MASK,
                                                   losses.Grpo(beta=0.1))[0])(wild)  # fmt: skip
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[~np.asarray(MASK)] == 0).all()
    total, count = losses.sft_loss(jnp.full((1, 1, 2), -1e30).at[0, 0, 0].set(-2.0), jnp.array([[[1.0, 0.0]]]),
                                   jnp.array([[3.0]]))  # fmt: skip
    assert (float(total), float(count)) == (6.0, 3.0)


def test_k3_estimates_the_divergence():
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.3, 0.3, 0.4])
    mean = (p * np.asarray(losses.k3(jnp.log(p), jnp.log(q)))).sum()
    np.testing.assert_allclose(mean, (p * np.log(p / q)).sum(), rtol=1e-5)


def test_options_are_checked():
    with pytest.raises(ValueError, match="choose from token, sequence, constant"):
        losses.Grpo(aggregation="row")
    with pytest.raises(ValueError, match="beta at least 0"):
        losses.Grpo(beta=-1)


def test_advantages_are_relative_to_the_group():
    rewards = jnp.array([[1.0, 2.0, 3.0, 6.0], [0.1, 0.1, 0.1, 0.1]])
    plain = advantage.group_advantages(rewards, scale_by_std=False)
    np.testing.assert_allclose(plain, [[-2, -1, 0, 3], [0, 0, 0, 0]])
    assert (plain[1] == 0).all()
    scaled = advantage.group_advantages(rewards, scale_by_std=True)
    np.testing.assert_allclose(scaled[0].std(), 1, rtol=1e-3)
    assert (scaled[1] == 0).all()
    metrics = {name: float(a / b) for name, (a, b) in advantage.group_metrics(rewards).items()}
    np.testing.assert_allclose([metrics["reward"], metrics["dead_groups"]], [1.55, 0.5], rtol=1e-6)
