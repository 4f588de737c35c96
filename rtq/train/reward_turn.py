"""One turn of the reward model in reinforcement learning: it judges pairs whose stronger side is known.

    begin   (device)  the photos; both edits; G first halves of critiques, each with its own plan and metrics
    read    (host)    the plans and the metrics' weights; nothing else leaves the device
    finish  (device)  whole scores for both edits; 1[r > r_w] + form; advantages → a rollout
    learn   (device)  one or several updates (`grpo_step`)
"""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rtq.decode.loop import Samples
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.editor.plan_arrays import PlanArrays
from rtq.models.qwen25vl.config import Config
from rtq.rl import grammars, losses, rollout, scoring
from rtq.rl.types import Context, Rollout
from rtq.text import showing
from rtq.text.tokenizer import Tokenizer
from rtq.train import grpo_step, policy_turn


class Pairs(NamedTuple):
    """P pairs. photos uint8[P, S, S, 3] and spoil as in `PromptBatch`; tokens int32[P, T] and valid bool[P, T], the
    critique's prompt; strong, weak: PlanArrays[P]; seeds int32[P]."""

    photos: np.ndarray
    spoil: PlanArrays
    tokens: np.ndarray
    valid: np.ndarray
    strong: PlanArrays
    weak: PlanArrays
    seeds: np.ndarray


class Setup(NamedTuple):
    """What is fixed in a run; close over it. Names as in `policy_turn.Setup`; group: critiques of each pair; margin: a
    pair is clear where its edits differ by this much in CIE ΔE2000."""

    cfg: Config
    tokenizer: Tokenizer
    spoiling: rollout.Executor
    editing: rollout.Executor
    critique: grammars.Critique
    turn: showing.Turn
    group: int
    sampling: Sampling
    metrics_tokens: int
    score_tokens: int
    scale_by_std: bool
    margin: float = 2.0


class Begun(NamedTuple):
    """seen float32[P, S, S, 3], pairs float32[P, 2, S, S, 3], and the first halves with what they go on from."""

    seen: jax.Array
    pairs: jax.Array
    metrics: Samples
    context: Context


def begin(params: Any, batch: Pairs, key: jax.Array, *, setup: Setup) -> Begun:
    """See the module."""
    seen = rollout.spoiled(batch.photos, batch.spoil, setup.spoiling)
    written, context = scoring.write_metrics(
        setup.cfg, params, seen, batch.tokens, batch.valid, setup.critique, setup.sampling, key=key, seeds=batch.seeds,
        group=setup.group, max_new_tokens=setup.metrics_tokens,
    )  # fmt: skip
    return Begun(seen, rollout.render_pairs(seen, batch.strong, batch.weak, setup.editing), written, context)


def finish(
    models: tuple[Any, Any], batch: tuple[Pairs, Begun, scoring.Opinions], whole: tuple[jax.Array, GrammarTable],
    *, setup: Setup, learning: grpo_step.Setup, axis_name: str | None = None,
) -> tuple[Rollout, dict[str, losses.Pair]]:  # fmt: skip
    """models: the reward model and its reference (or None). batch: with P·G opinions.

    The key differs from that of `begin`, so that the second halves draw bits of their own.
    """
    params, reference = models
    pairs, begun, opinions = batch
    key, table = whole
    shown = _shown(begun, opinions, setup)
    given = scoring.compare(
        setup.cfg, params, begun.context, begun.metrics, begun.pairs, opinions.counts, shown, setup.critique,
        setup.sampling, key=jax.random.fold_in(key, 1), seeds=pairs.seeds, max_new_tokens=setup.score_tokens,
    )  # fmt: skip
    side = rollout.image_side(setup.cfg, begun.seen.shape[1])
    taken, health = scoring.of_critiques(
        begun.seen, begun.pairs, pairs.tokens, pairs.valid, begun.metrics, given, opinions.weights, shown, side,
        scale_by_std=setup.scale_by_std,
    )  # fmt: skip
    if reference is not None:
        taken = grpo_step.referred(reference, taken, setup=learning._replace(table=table))
    return taken, health if axis_name is None else jax.lax.psum(health, axis_name)


def verdicts(
    params: Any, batch: tuple[Pairs, Begun, scoring.Opinions], whole: None, *, setup: Setup,
    axis_name: str | None = None,
) -> tuple[jax.Array, dict[str, losses.Pair]]:  # fmt: skip
    """Expected scores float32[P, 2] in 0..1 of strong and weak edits, as the policy's reward has them, and "accuracy":
    the share of pairs in which the strong one is ahead, "clear_accuracy": of those with a margin. For evaluation;
    `begin` was greedy with one critique each."""
    del whole
    _, begun, opinions = batch
    edits = begun.pairs.reshape(-1, *begun.pairs.shape[2:])
    found, _ = scoring.score(
        setup.cfg, params, begun.context, begun.metrics, edits, opinions, _shown(begun, opinions, setup),
        setup.critique, max_new_tokens=setup.score_tokens,
    )  # fmt: skip
    found = found.reshape(-1, 2)
    clear = policy_turn.difference(begun.pairs[:, 0], begun.pairs[:, 1]) >= setup.margin
    metrics = {
        "accuracy": losses.mean_over(found[:, 0] > found[:, 1], jnp.ones(len(found))),
        "clear_accuracy": losses.mean_over(found[:, 0] > found[:, 1], clear),
        "lead": losses.mean_over(found[:, 0] - found[:, 1], jnp.ones(len(found))),
    }
    return found, metrics if axis_name is None else jax.lax.psum(metrics, axis_name)


def _shown(begun: Begun, opinions: scoring.Opinions, setup: Setup) -> jax.Array:
    edits = begun.pairs.reshape(-1, *begun.pairs.shape[2:])
    return policy_turn.shown(begun.seen, opinions.plans, edits, setup.turn, setup.editing)


class Judge:
    """The reward model measured on pairs: compiled parts of `verdicts`."""

    def __init__(self, setup: Setup, devices: Any):
        self._setup = setup._replace(group=1, sampling=scoring.GREEDY)
        self._devices = devices
        self._begin = devices.rows(functools.partial(begin, setup=self._setup))
        self._finish = devices.rows(functools.partial(verdicts, setup=self._setup), measured=True)

    def __call__(self, params: Any, batch: Pairs) -> tuple[np.ndarray, dict]:
        """This host's float32[P, 2], and the metrics of all hosts."""
        there = self._devices.shard(batch)
        begun = self._begin(params, there, jax.random.key(0))
        opinions = scoring.read_metrics(self._devices.fetch(begun.metrics.tokens), self._setup.tokenizer)
        found, metrics = self._finish(params, (there, begun, self._devices.shard(opinions)), None)
        return self._devices.fetch(found), metrics


class Turn:
    """The compiled parts of a turn, on the devices. `learning` has `row_images`: critiques show the edits."""

    def __init__(self, setup: Setup, learning: grpo_step.Setup, devices: Any):
        self._setup, self._devices, self._table = setup, devices, setup.critique.table
        self._begin = devices.rows(functools.partial(begin, setup=setup))
        self._finish = devices.rows(functools.partial(finish, setup=setup, learning=learning), measured=True)
        self._learn = devices.lift(grpo_step.learner(learning))

    def play(self, params: Any, reference: Any, batch: Pairs, key: jax.Array) -> tuple[Rollout, dict]:
        """The rollout, and the metrics of the judging: "accuracy" on these pairs, "ties", "reward", ….

        A batch is scored under the metrics that are written for it, so "accuracy" is that of sampled critiques.
        """
        start = time.perf_counter()
        there = self._devices.shard(batch)
        host = time.perf_counter() - start
        begun = jax.block_until_ready(self._begin(params, there, key))
        middle = time.perf_counter()
        opinions = scoring.read_metrics(self._devices.fetch(begun.metrics.tokens), self._setup.tokenizer)
        given = (there, begun, self._devices.shard(opinions))
        host += time.perf_counter() - middle
        taken, metrics = jax.block_until_ready(self._finish((params, reference), given, (key, self._table)))
        return taken, metrics | {policy_turn.HOST: (host, time.perf_counter() - start)}

    def learn(self, state: Any, taken: Rollout) -> tuple[Any, dict]:
        """The state after the updates, and their metrics."""
        return self._learn(state, taken, self._table)
