"""The reward model at work: what it would do itself and what matters in this case, then a score for each of that, for
every edit that is compared.

    [photo][request] | [plan, metrics] | [edit, measured beside that of the plan][scores]

*Policy RL* (`score`): the metrics are written greedily once per prompt and belong to what all G edits share; an edit's
reward is the expected score, Σ w·E[score] / (10·Σ w). *Reward RL* (`compare`): each of G critiques samples its own
plan and metrics, and under them whole scores for two edits. In both, the plans and how many scores there are are read
on the host in between (`read_metrics`); whoever renders fills in what is measured (`text.showing`).

Letters: P prompts, G samples, R rows of scores, N = `MAX_METRICS`, T tokens, M image tokens.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rtq.decode.generate import prefill
from rtq.decode.loop import Model, Samples, Start, decode
from rtq.decode.sampling import Sampling, remaining, row_keys
from rtq.editor.plan_arrays import PlanArrays
from rtq.models.qwen25vl import model
from rtq.models.qwen25vl.config import Config
from rtq.rl import rollout
from rtq.rl.advantage import group_advantages, group_metrics
from rtq.rl.grammars import Critique
from rtq.rl.types import Context, Rollout
from rtq.text.answers import Failure, parse_metrics
from rtq.text.grammar import MAX_METRICS
from rtq.text.tokenizer import Tokenizer

GREEDY = Sampling(0.0)


class Scores(NamedTuple):
    """samples: the replies. expected float32[R, N]: E[score], 0 to 10, over the score tokens. whole int32[R, N]: as
    written. Both mean nothing past a row's number of metrics."""

    samples: Samples
    expected: jax.Array
    whole: jax.Array


def write_metrics(
    cfg: Config, params, photos: jax.Array, tokens: jax.Array, valid: jax.Array, grammar: Critique,
    sampling: Sampling = GREEDY, *, key: jax.Array, seeds: jax.Array, group: int, max_new_tokens: int,
) -> tuple[Samples, Context]:  # fmt: skip
    """`group` first halves of critiques for each of P photos float32[P, S, S, 3] and prompts int32[P, Tp], padded left.

    Returns them and the prompts' keys and values, which the second halves go on from.
    """
    cfg, params = rollout.unrolled(cfg, params)
    engine = rollout.engine(cfg)
    start = prefill(engine, params, rollout.prompts(cfg, params, photos[:, None], tokens, valid))
    keys = _keys(key, seeds, group)
    options = {"keys": keys, "budgets": jnp.full(len(keys), max_new_tokens), "max_new_tokens": max_new_tokens}
    states = jnp.full(len(keys), grammar.metrics, jnp.int32)
    samples = decode(engine, params, start, grammar.table, sampling, grammar=states, **options)
    return samples, Context(start.prefix, start.valid, start.position)


class Opinions(NamedTuple):
    """First halves, read. plans: PlanArrays[B], what the reward model would do; weights float32[B, N], sum 1, of its
    metrics, and how many, int32[B]."""

    plans: PlanArrays
    weights: np.ndarray
    counts: np.ndarray


def read_metrics(tokens: np.ndarray, tokenizer: Tokenizer) -> Opinions:
    """int32[B, T] first halves, on the host.

    A text that cannot be read, which only happens without a grammar, counts as one metric and a plan that does nothing.
    """
    weights, counts, plans = np.zeros((len(tokens), MAX_METRICS), np.float32), np.ones(len(tokens), np.int32), []
    for row, ids in enumerate(np.asarray(tokens).tolist()):
        metrics = parse_metrics(tokenizer.decode_answer(ids))
        unread = isinstance(metrics, Failure)
        given = (1.0,) if unread else metrics.weights[:MAX_METRICS]
        weights[row, : len(given)], counts[row] = given, len(given)
        plans.append(None if unread else metrics.plan)
    return Opinions(rollout.plan_arrays(plans)[0], weights, counts)


def score(
    cfg: Config, params, context: Context, metrics: Samples, edits: jax.Array, opinions: Opinions, shown: jax.Array,
    grammar: Critique, *, max_new_tokens: int,
) -> tuple[jax.Array, Scores]:  # fmt: skip
    """Rewards float32[B] in 0..1 of B = P·G edits float32[B, S, S, 3], G for each prompt.

    context, metrics: from `write_metrics` with group 1. opinions: of P first halves. shown int32[B, T]: the turns that
    show the edits, of `text.showing`.
    """
    counts = opinions.counts
    cfg, params = rollout.unrolled(cfg, params)
    context = extend(cfg, params, context, metrics.tokens, metrics.mask)
    group = len(edits) // len(counts)
    pictures = rollout.features(cfg, params, edits[:, None])
    states = jnp.repeat(jnp.asarray(grammar.scores)[counts - 1], group)
    keys = _keys(jax.random.key(0), jnp.arange(len(counts)), group)  # greedy: not used
    scores = judge(cfg, params, context, shown, jnp.ones(shown.shape, bool), pictures, states, grammar, GREEDY,
                   keys=keys, max_new_tokens=max_new_tokens)  # fmt: skip
    return weighted(scores.expected, jnp.repeat(opinions.weights, group, axis=0)), scores


def weighted(scores: jax.Array, weights: jax.Array) -> jax.Array:
    """Σ w·score / (10·Σ w): float32[R] in 0..1 from [R, N] each; weights are 0 where there is no metric."""
    return jnp.sum(jnp.where(weights > 0, scores * weights, 0.0), 1) / (10 * weights.sum(1))


def compare(
    cfg: Config, params, context: Context, metrics: Samples, pairs: jax.Array, counts: jax.Array,
    shown: jax.Array, grammar: Critique, sampling: Sampling, *, key: jax.Array, seeds: jax.Array,
    max_new_tokens: int,
) -> Scores:  # fmt: skip
    """Whole scores for two edits per critique: R = P·G·2 rows, a critique's two together, the strong edit first.

    context, metrics: from `write_metrics` with group G. pairs float32[P, 2, S, S, 3]: strong and weak edit of each
    prompt. counts int32[P·G], of `Opinions`. shown int32[R, T]: as in `score`. Each edit is seen once.
    """
    cfg, params = rollout.unrolled(cfg, params)
    critiques, prompts = len(counts), len(pairs)
    own, valid = _second_turn(metrics, shown)
    pictures = rollout.features(cfg, params, pairs.reshape(-1, 1, *pairs.shape[2:]))  # [P·2, M, D]
    shape = (prompts, critiques // prompts, 2, *pictures.shape[1:])
    pictures = jnp.broadcast_to(pictures.reshape(prompts, 1, 2, *pictures.shape[1:]), shape)
    pictures = pictures.reshape(2 * critiques, *pictures.shape[3:])
    states = jnp.repeat(jnp.asarray(grammar.scores)[counts - 1], 2)
    return judge(cfg, params, context, own, valid, pictures, states, grammar, sampling,
                 keys=_keys(key, seeds, 2 * critiques // prompts), max_new_tokens=max_new_tokens)  # fmt: skip


def _second_turn(metrics: Samples, shown: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Tokens and validity of [metrics][edit] for two rows per critique, [2·P·G, Tm + Te] each."""
    tokens, mask = (jnp.repeat(x, 2, axis=0) for x in (metrics.tokens, metrics.mask))
    return jnp.concatenate([tokens, shown], 1), jnp.concatenate([mask, jnp.ones(shown.shape, bool)], 1)


def of_critiques(
    photos: jax.Array, pairs: jax.Array, tokens: jax.Array, valid: jax.Array, metrics: Samples, scores: Scores,
    weights: jax.Array, shown: jax.Array, side: int, *, scale_by_std: bool,
) -> tuple[Rollout, dict]:  # fmt: skip
    """What `compare` gave, as the trainer takes it, and the groups' metrics, "accuracy" (strong above weak) and "ties".

    The reward is 1[r > r_w] + format; a tie gives 0. A critique is two rows, one per edit, with the same advantage; its
    first half, which both rows hold, trains in the first alone. Both halves are sampled with budgets that are their
    arrays' lengths. side: image tokens per side.
    """
    own, own_valid = _second_turn(metrics, shown)
    r = weighted(scores.whole.astype(jnp.float32), jnp.repeat(weights, 2, axis=0)).reshape(-1, 2)
    better = r[:, 0] > r[:, 1] + 1e-6  # sums of rounded products: equal scores may differ in the last bit
    written = metrics.finished & scores.samples.finished.reshape(-1, 2).all(1)
    groups = (better.astype(jnp.float32) + written).reshape(len(photos), -1)
    advantages = group_advantages(groups, scale_by_std=scale_by_std).reshape(-1)
    first = jnp.arange(len(own)) % 2 == 0
    late = jnp.arange(own.shape[1] + scores.samples.mask.shape[1]) >= metrics.mask.shape[1]
    fixed = jnp.zeros(shown.shape, jnp.int32)

    def row(of_metrics, of_turn, of_scores):
        return jnp.concatenate([jnp.repeat(of_metrics, 2, axis=0), of_turn, of_scores], 1)

    def room(samples):
        count, steps = samples.tokens.shape
        return remaining(jnp.full(count, steps), steps)

    rows = Rollout(
        images=jnp.concatenate([photos[:, None], pairs], 1), prompt=tokens, prompt_valid=valid,
        tokens=jnp.concatenate([own, scores.samples.tokens], 1),
        valid=jnp.concatenate([own_valid, scores.samples.mask], 1),
        first_feature=side * side * jnp.where(first, 1, 2),
        trained=row(metrics.mask, fixed > 0, scores.samples.mask) & (first[:, None] | late[None]),
        states=row(metrics.states, fixed, scores.samples.states),
        room=row(room(metrics), fixed + 1, room(scores.samples)),
        logprobs=row(metrics.logprobs, fixed.astype(jnp.float32), scores.samples.logprobs),
        reference=None, advantages=jnp.repeat(advantages, 2),
    )  # fmt: skip
    tied = jnp.abs(r[:, 0] - r[:, 1]) <= 1e-6
    count = jnp.float32(len(r))
    pairs_metrics = {"accuracy": (better.sum().astype(jnp.float32), count), "ties": (tied.sum() * 1.0, count)}
    return rows, group_metrics(groups) | pairs_metrics


def extend(cfg: Config, params, context: Context, tokens: jax.Array, valid: jax.Array) -> Context:
    """The context with int32[P, T] words after it."""
    place = rollout.inputs(cfg, tokens, valid, 1, start=context.position)
    x = model.embed(cfg, params, tokens)
    options = {"prefix": context.prefix, "prefix_mask": context.valid}
    _, kv = rollout.forward(cfg, params, x, place.positions, model.causal_mask(valid), **options)
    whole = jnp.concatenate([context.valid, valid], 1)
    return Context(model.concat_kv(context.prefix, kv), whole, place.next_position)


def judge(
    cfg: Config, params, context: Context, own: jax.Array, valid: jax.Array, pictures: jax.Array, states: jax.Array,
    grammar: Critique, sampling: Sampling, *, keys: jax.Array, max_new_tokens: int,
) -> Scores:  # fmt: skip
    """The second half of R critiques, beside contexts that R / P of them share.

    own int32[R, To], valid bool[R, To]: what each row holds between the context and its reply; its last token is valid.
    pictures [R, M, D]: features of the image in it. states int32[R]: of the grammar. cfg is unrolled.
    """
    side = round(pictures.shape[1] ** 0.5)
    start = jnp.repeat(context.position, len(own) // len(context.position))
    place = rollout.inputs(cfg, own, valid, side, start=start)
    x = model.embed(cfg, params, own, pictures, place.feature_index)
    shared = {"prefix": context.prefix, "prefix_mask": context.valid}
    hidden, kv = rollout.forward(cfg, params, x, place.positions, model.causal_mask(valid), **shared)
    first = Start(model.logits(cfg, params, hidden[:, -1:])[:, 0], context.prefix, context.valid, place.next_position)
    engine = _beside(cfg, kv, valid)
    budgets = jnp.full(len(own), max_new_tokens)
    samples = decode(engine, params, first, grammar.table, sampling, keys=keys, budgets=budgets, grammar=states,
                     max_new_tokens=max_new_tokens)  # fmt: skip
    # Once more with all tokens at once: what each score could have been.
    tokens, mask = samples.tokens[:, :-1], samples.mask[:, :-1]
    after = rollout.inputs(cfg, tokens, mask, side, start=place.next_position)
    cache = engine.init_cache(len(own), max_new_tokens - 1)
    x = model.embed(cfg, params, tokens)
    hidden, _ = engine.forward(params, x, after.positions, model.causal_mask(mask), cache=cache, slot=0, **shared)
    return Scores(samples, *_scores(cfg, params, hidden, samples, grammar))


def _scores(cfg: Config, params, hidden, samples: Samples, grammar: Critique) -> tuple[jax.Array, jax.Array]:
    """E[score] float32[R, N] and the written ones int32[R, N]; hidden[:, t] predicts token t + 1."""
    at = (jnp.asarray(grammar.is_score)[samples.states] & samples.mask)[:, 1:]
    rank = jnp.cumsum(at, axis=1)
    where = jnp.argmax(at[:, None] & (rank[:, None] == jnp.arange(1, MAX_METRICS + 1)[None, :, None]), axis=2)
    hidden = jnp.take_along_axis(hidden, where[..., None], axis=1)
    shares = jax.nn.softmax(model.logits(cfg, params, hidden)[..., grammar.score_ids], axis=-1)
    written = jnp.take_along_axis(samples.tokens[:, 1:], where, axis=1)
    return shares @ jnp.arange(11, dtype=jnp.float32), jnp.asarray(grammar.value)[written]


def _beside(cfg: Config, kv, valid: jax.Array) -> Model:
    """A model that decodes rows which already hold the keys and values `kv` of own tokens, valid bool[R, To]."""
    held = valid.shape[1]

    def init_cache(batch, length):
        del batch
        empty = model.init_cache(cfg, len(valid), length)
        return model.concat_kv(kv, empty)

    def run(params, x, positions, mask, *, cache, slot, prefix, prefix_mask):
        rows, steps = x.shape[:2]
        mine = jnp.broadcast_to(valid[:, None], (rows, steps, held))
        mask = jnp.concatenate([mine, jnp.broadcast_to(mask, (rows, steps, mask.shape[2]))], 2)
        options = {"cache": cache, "slot": slot + held, "prefix": prefix, "prefix_mask": prefix_mask}
        return rollout.forward(cfg, params, x, positions, mask, **options)

    return dataclasses.replace(rollout.engine(cfg), forward=run, init_cache=init_cache)


def _keys(key: jax.Array, seeds: jax.Array, group: int) -> jax.Array:
    """One key per row, `group` for each of seeds int32[P]."""
    return jax.vmap(row_keys, (0, None))(row_keys(key, seeds), jnp.arange(group)).reshape(-1)
