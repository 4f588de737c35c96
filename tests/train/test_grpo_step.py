"""Updates from rollouts: a bandit that is learned, and the same update however it is divided."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rtq.decode import sampling
from rtq.rl import losses, rollout
from rtq.text import grammar_table, prompts
from rtq.train import grpo_step, parallel, state
from tests.rl import tiny_policy as tiny

CFG, TOKENIZER = tiny.CFG, tiny.TOKENIZER
PROMPTS, GROUP, STEPS = 8, 4, 2
DIGIT = grammar_table.compile_table("[0-9]", TOKENIZER, CFG.vocab_size)
TABLE = sampling.grammar_table(*DIGIT)
VALUE = np.zeros(CFG.vocab_size, np.float32)
VALUE[[TOKENIZER.encode(str(i))[0] for i in range(10)]] = np.arange(10) / 9
SEEN = jnp.asarray(tiny.photos(PROMPTS) / np.float32(255))[:, None]
ROW = prompts.render(TOKENIZER, prompts.edit("a number"), [tiny.IMAGE_TOKENS])
ASK = jnp.broadcast_to(jnp.array(ROW), (PROMPTS, len(ROW))), jnp.ones((PROMPTS, len(ROW)), bool)
SETUP = grpo_step.Setup(CFG, optax.sgd(0.1), TABLE, losses.Grpo(beta=0.02))
START = tiny.params(scale=4.0)


@jax.jit
def play(params, key):
    """Digits in answer to the prompts; the reward is the digit."""
    samples = rollout.sample(CFG, params, SEEN, *ASK, TABLE, sampling.Sampling(1.0), key=key,
                             seeds=jnp.arange(PROMPTS), group=GROUP, max_new_tokens=STEPS)  # fmt: skip
    rewards = jnp.asarray(VALUE)[samples.tokens[:, 0]]
    return rollout.of_answers(SEEN, *ASK, samples, jnp.full(len(rewards), STEPS), rewards, scale_by_std=True)


referred = jax.jit(functools.partial(grpo_step.referred, setup=SETUP))


def test_a_bandit_is_learned():
    setup = SETUP._replace(optimizer=optax.adam(3e-3), epochs=4)
    step = jax.jit(functools.partial(grpo_step.step, setup=setup))
    now, rewards, last = state.create(START, setup.optimizer), [], {}
    for i in range(8):
        batch, metrics = play(now.params, jax.random.key(i))
        rewards.append(float(metrics["reward"][0] / metrics["reward"][1]))
        now, metrics = step(now, referred(START, batch), jax.random.key(0))
        last = {name: float(a / b) for name, (a, b) in metrics.items()}
        assert last["sampler_gap"] < 1e-3
        assert last["length"] == 2
    assert np.mean(rewards[-2:]) > np.mean(rewards[:2]) + 0.2, rewards
    assert int(now.step) == 8 * 4
    assert last["kl"] > 0.01  # it left the reference


@pytest.fixture(scope="module")
def one_update():
    """In four micro-batches of two groups each."""
    batch = referred(START, play(START, jax.random.key(1))[0])
    step = functools.partial(grpo_step.step, setup=SETUP._replace(micro=4))
    now, metrics = jax.jit(step)(state.create(START, SETUP.optimizer), batch, jax.random.key(0))
    return batch, now, metrics


def same(one, other):
    """Equal updates, as far as the order of summation allows."""
    moved = max(float(jnp.abs(a - b).max()) for a, b in
                zip(jax.tree.leaves(one.params), jax.tree.leaves(START), strict=True))  # fmt: skip
    assert moved > 1e-4
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3 * moved, rtol=1e-6), one.params, other.params)


def test_eight_devices_give_what_one_gives_in_micro_batches(one_update):
    batch, now, metrics = one_update
    devices = parallel.Replicated(tuple(jax.devices()))
    step = devices.lift(functools.partial(grpo_step.step, setup=SETUP))
    other, again = step(
        devices.place(state.create(START, SETUP.optimizer)), devices.shard(batch), jax.random.key(0)
    )
    same(now, devices.whole(other))
    for name in ("loss", "entropy", "length"):
        np.testing.assert_allclose(metrics[name], again[name], rtol=1e-4, atol=1e-5)


def test_on_policy_the_gradient_is_that_of_reinforce(one_update):
    """Nothing is clipped, the KL's gradient is 0, and Σ A·log p has the same gradient."""
    batch, now, metrics = one_update
    assert float(metrics["clip_fraction"][0]) == 0
    assert abs(float(metrics["kl"][0])) < 1e-5

    @jax.jit
    def reinforce(params):
        def objective(params):
            found, _ = rollout.logprobs(CFG, params, batch, TABLE, 1.0, row_images=False)
            return -jnp.sum(jnp.where(batch.trained, found * batch.advantages[:, None], 0)) / batch.trained.sum()

        return jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(objective)(params))

    same(now, now._replace(params=reinforce(START)))
