"""One batch of rollouts → one or several updates of the model that wrote them (GRPO).

It serves the policy and the reward model alike: what differs is the rollout. The prompt of a group is computed once,
forward and backward; log-probabilities are those of the masked distribution at the sampling temperature.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from rtq.decode.sampling import GrammarTable
from rtq.models.qwen25vl.config import Config
from rtq.rl import losses, rollout
from rtq.rl.types import Rollout
from rtq.train import accumulate
from rtq.train import state as states
from rtq.train.state import State


class Setup(NamedTuple):
    """What is fixed in a run.

    table: the grammar under which the rollout was sampled. scale: its temperature. row_images: `rollout.logprobs`.
    epochs: updates on each rollout. micro: parts of whole groups whose gradients are added. trains: the optimizer's
    regex.
    """

    cfg: Config
    optimizer: optax.GradientTransformation
    table: GrammarTable
    how: losses.Grpo
    scale: float = 1.0
    row_images: bool = False
    epochs: int = 1
    micro: int = 1
    trains: str = ".*"


def referred(params: Any, batch: Rollout, *, setup: Setup) -> Rollout:
    """The rollout with the log-probabilities of a frozen reference, for the KL."""
    logprobs, _ = rollout.logprobs(setup.cfg, params, batch, setup.table, setup.scale, row_images=setup.row_images)
    return batch._replace(reference=logprobs)


def loss(params: Any, batch: Rollout, *, setup: Setup) -> tuple[jax.Array, tuple]:
    """(sum, (denominator, metrics))."""
    logprobs, entropy = rollout.logprobs(
        setup.cfg, params, batch, setup.table, setup.scale, row_images=setup.row_images
    )
    total, denominator, metrics = losses.grpo_loss(
        logprobs, batch.logprobs, batch.reference, batch.advantages, batch.trained, setup.how
    )
    gap = jnp.abs(jax.lax.stop_gradient(logprobs) - batch.logprobs)
    metrics["entropy"] = losses.mean_over(jax.lax.stop_gradient(entropy), batch.trained)
    metrics["sampler_gap"] = losses.mean_over(jnp.where(batch.trained, gap, 0.0), batch.trained)
    return total, (denominator, metrics)


def step(
    state: State, batch: Rollout, rng: jax.Array, *, setup: Setup, axis_name: str | None = None
) -> tuple[State, dict[str, losses.Pair]]:
    """`epochs` updates. Metrics are sums over all of them, but for "sampler_gap": of the first update, before which
    sampler and trainer hold the same parameters. rng is there because every step takes it."""
    del rng
    objective = functools.partial(loss, setup=setup)
    options = {"micro": setup.micro, "trains": setup.trains, "axis_name": axis_name}

    def update(now, _):
        gradient, metrics = accumulate.gradient(objective, now.params, batch, **options)
        metrics["gradient_norm"] = optax.global_norm(gradient), jnp.ones(())
        return states.update(now, gradient, setup.optimizer), metrics

    if setup.epochs == 1:
        return update(state, None)
    state, metrics = jax.lax.scan(update, state, None, length=setup.epochs)
    total = jax.tree.map(lambda x: x.sum(0), metrics)
    return state, total | {"sampler_gap": jax.tree.map(lambda x: x[0], metrics["sampler_gap"])}


def learner(setup: Setup) -> Callable[..., tuple[State, dict[str, losses.Pair]]]:
    """`step` as a lift takes it, with the grammar's table as its last argument instead of a constant in the program."""

    def learn(state, batch, table, *, axis_name):
        return step(state, batch, None, setup=setup._replace(table=table), axis_name=axis_name)

    return learn
