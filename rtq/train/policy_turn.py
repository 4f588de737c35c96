"""One turn of the policy in reinforcement learning: sample, read on the host, render and score, learn.

    begin   (device)  the photos; G answers to each request; what the reward model finds important, written once
    read    (host)    token ids → plans, and the metrics' weights; nothing else leaves the device
    finish  (device)  the edits; rewards; advantages; the reference's log-probabilities → a rollout
    learn   (device)  one or several updates (`grpo_step`)

Letters: P prompts, G answers of each, B = P·G.
"""

import functools
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rtq.data import measure
from rtq.data.batches import PromptBatch
from rtq.decode.loop import Samples
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.editor.plan import Plan
from rtq.editor.plan_arrays import PlanArrays
from rtq.eval import metrics as distances
from rtq.models.qwen25vl.config import Config
from rtq.rl import critic, grammars, losses, rewards, rollout, scoring
from rtq.rl.critic import Critic
from rtq.rl.types import Context, Rollout
from rtq.text import showing
from rtq.text.tokenizer import Tokenizer
from rtq.train import grpo_step

HOST = "host_share"


class Setup(NamedTuple):
    """What is fixed in a run; close over it.

    scorer: name ("learned", "rule", "critic", "form") → weight in the reward; a model of 0 is not run. turn: what shows
    an edit to the reward model. metrics_tokens, score_tokens: room for its two replies. measure_rule: the
    rule is computed where it has no weight too (a quarter of a step). critic: None where it has no weight.
    """

    cfg: Config
    reward_cfg: Config
    tokenizer: Tokenizer
    spoiling: rollout.Executor
    editing: rollout.Executor
    critique: grammars.Critique
    turn: showing.Turn
    scorer: Mapping[str, float]
    group: int
    sampling: Sampling
    new_tokens: int
    metrics_tokens: int
    score_tokens: int
    scale_by_std: bool
    measure_rule: bool = False
    critic: Critic | None = None

    @property
    def learned(self) -> bool:
        """Whether the reward model has a say."""
        return bool(self.scorer.get("learned"))


class Begun(NamedTuple):
    """seen float32[P, S, S, 3]; the answers; the reward model's metrics and what it goes on from, None without one."""

    seen: jax.Array
    samples: Samples
    metrics: Samples | None
    context: Context | None


class Read(NamedTuple):
    """From the host. plans of B answers, bool[B] which could be read; opinions: P of the reward model, None without
    one."""

    plans: PlanArrays
    valid: np.ndarray
    opinions: scoring.Opinions | None


class Models(NamedTuple):
    """Parameters; `reference` and `reward` are None where they have no part."""

    policy: Any
    reference: Any
    reward: Any


def begin(models: Models, batch: PromptBatch, whole: tuple[jax.Array, GrammarTable], *, setup: Setup) -> Begun:
    """whole: the step's random key and the answers' grammar."""
    key, table = whole
    seen = rollout.spoiled(batch.photos, batch.spoil, setup.spoiling)
    samples = rollout.sample(
        setup.cfg, models.policy, seen[:, None], batch.tokens, batch.valid, table, setup.sampling, key=key,
        seeds=batch.seeds, group=setup.group, max_new_tokens=setup.new_tokens,
    )  # fmt: skip
    if not setup.learned:
        return Begun(seen, samples, None, None)
    written, context = scoring.write_metrics(
        setup.reward_cfg, models.reward, seen, batch.critique_tokens, batch.critique_valid, setup.critique, key=key,
        seeds=batch.seeds, group=1, max_new_tokens=setup.metrics_tokens,
    )  # fmt: skip
    return Begun(seen, samples, written, context)


def read(
    tokens: np.ndarray, metrics_tokens: np.ndarray | None, tokenizer: Tokenizer
) -> tuple[Read, list[Plan | None]]:
    """The host's part: what was sampled, as arrays, and the plans themselves."""
    plans = rollout.to_plans(tokens, tokenizer)
    arrays, valid = rollout.plan_arrays(plans)
    opinions = None if metrics_tokens is None else scoring.read_metrics(metrics_tokens, tokenizer)
    return Read(arrays, valid, opinions), plans


class Scored(NamedTuple):
    """rewards float32[B] as mixed; each: scorer → float32[B]; difference float32[B]: mean ΔE2000 to the user's edit.

    edits float32[B, S, S, 3], wanted float32[P, S, S, 3]: the answers' and the users'. scores float32[B, N]: the reward
    model's for each metric, None without one.
    """

    rewards: jax.Array
    each: dict[str, jax.Array]
    difference: jax.Array
    edits: jax.Array
    wanted: jax.Array
    scores: jax.Array | None


def scored(models: Models, batch: PromptBatch, begun: Begun, given: Read, *, setup: Setup) -> Scored:
    """Edits and what they are worth."""
    edits = rollout.render_edits(begun.seen, given.plans, setup.editing)
    target = rollout.render(begun.seen, batch.plans, setup.editing)
    each, found = {"form": rewards.format_reward(given.valid)}, None
    if setup.learned:
        each["learned"], scores = scoring.score(
            setup.reward_cfg, models.reward, begun.context, begun.metrics, edits, given.opinions,
            shown(begun.seen, given.opinions.plans, edits, setup.turn, setup.editing), setup.critique,
            max_new_tokens=setup.score_tokens,
        )  # fmt: skip
        found = scores.expected
    group = len(edits) // len(begun.seen)
    before, wanted = (jnp.repeat(x, group, axis=0) for x in (begun.seen, target))
    if setup.scorer.get("rule") or setup.measure_rule:
        each["rule"] = rewards.rule(before, wanted, given.plans, given.valid, setup.editing)
    if setup.critic is not None:
        each["critic"] = critic.score(setup.critic, edits)
    used = {name: weight for name, weight in setup.scorer.items() if weight}
    return Scored(rewards.mix(used, each), each, difference(edits, wanted), edits, target, found)


def shown(
    seen: jax.Array, plans: PlanArrays, edits: jax.Array, turn: showing.Turn, editing: rollout.Executor
) -> jax.Array:
    """The turns that show the reward model edits: photos float32[P, S, S, 3], its plans, C for each photo, and E edits
    of each → int32[P·C·E, T]."""
    own = rollout.render_edits(seen, plans, editing)
    return showing.fill(turn, measure.judged(seen, own, edits))


def difference(a: jax.Array, b: jax.Array) -> jax.Array:
    """float32[B]: mean CIEDE2000 between photos float32[B, S, S, 3], on every second pixel."""
    a, b = (x[:, ::2, ::2] for x in (a, b))
    return distances.delta_e2000(distances.lab(a, jnp), distances.lab(b, jnp), jnp).mean((1, 2)).astype(jnp.float32)


def finish(
    models: Models, batch: tuple[PromptBatch, Begun, Read], whole: GrammarTable, *, setup: Setup,
    learning: grpo_step.Setup, axis_name: str | None = None,
) -> tuple[tuple[Rollout, jax.Array], dict[str, losses.Pair]]:  # fmt: skip
    """The rollout, the edits' distances to the user's, and the turn's metrics."""
    prompts, begun, given = batch
    out = scored(models, prompts, begun, given, setup=setup)
    budgets = jnp.full(len(out.rewards), setup.new_tokens)
    taken, health = rollout.of_answers(
        begun.seen[:, None], prompts.tokens, prompts.valid, begun.samples, budgets, out.rewards,
        scale_by_std=setup.scale_by_std,
    )  # fmt: skip
    if models.reference is not None:
        taken = grpo_step.referred(models.reference, taken, setup=learning._replace(table=whole))
    health |= _means(out)
    return (taken, out.difference), health if axis_name is None else jax.lax.psum(health, axis_name)


class Appraised(NamedTuple):
    """One likeliest answer to each of P requests, for people and for measures that no training sees.

    seen float32[P, S, S, 3]; the rest as in `Begun`, `Read` and `Scored`. metrics int32[P, Tm]: the reward model's
    tokens. Where there is no reward model, metrics, weights and scores are None.
    """

    seen: jax.Array
    metrics: jax.Array | None
    weights: jax.Array | None
    scored: Scored


def appraise(
    models: Models, batch: tuple[PromptBatch, Begun, Read], whole: GrammarTable, *, setup: Setup,
    axis_name: str | None = None,
) -> tuple[Appraised, dict[str, losses.Pair]]:  # fmt: skip
    """What `finish` measures, without a rollout: for evaluation."""
    del whole
    _, begun, given = batch
    out = scored(models, *batch, setup=setup)
    untouched = difference(begun.seen, out.wanted)
    health = {"reward": _mean(out.rewards), **_means(out), "delta_e_untouched": _mean(untouched)}
    kept = (begun.metrics.tokens, given.opinions.weights) if setup.learned else (None, None)
    return Appraised(begun.seen, *kept, out), health if axis_name is None else jax.lax.psum(health, axis_name)


def _means(out: Scored) -> dict[str, losses.Pair]:
    return {f"reward_{name}": _mean(value) for name, value in out.each.items()} | {"delta_e": _mean(out.difference)}


def _mean(values: jax.Array) -> losses.Pair:
    return jnp.sum(values), jnp.float32(len(values))


class Turn:
    """The compiled parts of a turn, on the devices."""

    def __init__(self, setup: Setup, learning: grpo_step.Setup | None, devices: Any, table: GrammarTable):
        self._setup, self._devices, self._table = setup, devices, table
        self._begin = devices.rows(functools.partial(begin, setup=setup))
        if learning is None:
            self._finish = devices.rows(functools.partial(appraise, setup=setup), measured=True)
        else:
            finishing = functools.partial(finish, setup=setup, learning=learning)
            self._finish = devices.rows(finishing, measured=True)
            self._learn = devices.lift(grpo_step.learner(learning))

    def play(self, models: Models, batch: PromptBatch, key: jax.Array) -> tuple[Any, dict, list[Plan | None]]:
        """(what `finish` gives, its metrics, this host's plans)."""
        start = time.perf_counter()
        there = self._devices.shard(batch)
        host = time.perf_counter() - start
        begun = jax.block_until_ready(self._begin(models, there, (key, self._table)))
        middle = time.perf_counter()
        tokens, written = self._devices.fetch((begun.samples.tokens, begun.metrics and begun.metrics.tokens))
        given, plans = read(tokens, written, self._setup.tokenizer)
        given = self._devices.shard(given)
        host += time.perf_counter() - middle
        out, metrics = self._finish(models, (there, begun, given), self._table)
        jax.block_until_ready(out)
        metrics[HOST] = host, time.perf_counter() - start
        return out, metrics, plans

    def learn(self, state: Any, taken: Rollout) -> tuple[Any, dict]:
        """The state after the updates, and their metrics."""
        return self._learn(state, taken, self._table)
