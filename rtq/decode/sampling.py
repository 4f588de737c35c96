"""Choosing a token: grammar mask, temperature, top-k, top-p, and the log-probability that is recorded.

The recorded log-probability is always that of softmax(logits / temperature) over the tokens that the grammar allows
(temperature 1 when greedy). top-k and top-p narrow the choice and nothing else: with them on, the recorded number is
*not* that of the distribution sampled from, so RL leaves them off.

A trainer recomputes it from the stored states with the functions used here:

    model.token_logprobs(cfg, params, hidden, tokens, temperature=sampling.scale,
                         allowed=lambda s: allowed(table, *s), states=(samples.states, remaining(budgets, steps)))

Letters: B rows, V vocabulary, S states of the grammar, C classes of tokens.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MASKED = -1e30  # finite, so that a row in which nothing is allowed gives numbers and not NaN
FORBIDDEN = 255  # in `GrammarTable.need`
DENSE_LIMIT = 1 << 25  # bytes that a table of need by token may take


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to choose; hashable, so a static argument. temperature 0 is greedy, top_k 0 and top_p 1 keep all tokens."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self):
        if not self.temperature >= 0:
            raise ValueError(f"temperature must be at least 0, got {self.temperature}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be at least 0, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}")

    @property
    def scale(self) -> float:
        """The temperature of the recorded log-probabilities."""
        return self.temperature or 1.0


class GrammarTable(NamedTuple):
    """A regular grammar over classes of tokens that behave alike.

    next_state: int16 or int32[S, C]. need: uint8[S, C], how many tokens an answer still needs *after* a token of this
    class, 255 where the class is forbidden. token_class: int32[V]. start: int32[], the state before the first token.
    eos: int32[], the token that ends an answer. need_by_token: uint8[S, V], the same as `need`, or None where that
    would be too large.
    """

    next_state: jax.Array
    need: jax.Array
    token_class: jax.Array
    start: jax.Array
    eos: jax.Array
    need_by_token: jax.Array | None = None


def grammar_table(
    next_state: np.ndarray, need: np.ndarray, token_class: np.ndarray, start: int, eos: int, *,
    vocab_size: int | None = None, dense_limit: int = DENSE_LIMIT,
) -> GrammarTable:  # fmt: skip
    """The table of a grammar given as numpy arrays; `need` is also laid out by token if it then fits `dense_limit`.

    next_state may hold anything where need is 255. vocab_size: where the model's logits are wider than the tokenizer's
    vocabulary, the tokens beyond it are forbidden.
    """
    if next_state.shape != need.shape or need.ndim != 2:
        raise ValueError(f"next_state and need must both be [S, C], got {next_state.shape} and {need.shape}")
    states, classes = need.shape
    next_state = np.where(need == FORBIDDEN, 0, next_state)
    places = {"next_state": (next_state, states), "token_class": (token_class, classes)}
    places |= {"start": (start, states), "eos": (eos, len(token_class))}
    for name, (value, count) in places.items():
        if np.min(value) < 0 or np.max(value) >= count:
            raise ValueError(f"{name} must lie in 0..{count - 1}, got {np.min(value)}..{np.max(value)}")
    need, extra = need.astype(np.uint8), (vocab_size or len(token_class)) - len(token_class)
    if extra < 0:
        raise ValueError(f"vocab_size {vocab_size} is below the grammar's {len(token_class)} tokens")
    if extra:
        need = np.pad(need, ((0, 0), (0, 1)), constant_values=FORBIDDEN)
        next_state = np.pad(next_state, ((0, 0), (0, 1)))
        token_class = np.pad(token_class, (0, extra), constant_values=classes)
    by_token = jnp.asarray(need[:, token_class]) if states * len(token_class) <= dense_limit else None
    small = jnp.int16 if states < 2**15 else jnp.int32
    arrays = jnp.asarray(next_state, small), jnp.asarray(need), jnp.asarray(token_class, jnp.int32)
    return GrammarTable(*arrays, jnp.int32(start), jnp.int32(eos), by_token)


def free_table(vocab_size: int, eos: int, forbidden: tuple[int, ...] = ()) -> GrammarTable:
    """No grammar: anything but the `forbidden` tokens (such as the placeholder of images), until eos or the budget."""
    token_class = np.zeros(vocab_size, np.int32)
    token_class[list(forbidden)] = 1
    return grammar_table(np.zeros((1, 2), np.int32), np.array([[0, FORBIDDEN]]), token_class, 0, eos)


def shortest_answer(table: GrammarTable) -> int:
    """Tokens of the shortest answer from `table.start`; rows with a smaller budget cannot answer. On the host."""
    return int(table.need[table.start].min()) + 1


def remaining(budgets: jax.Array, steps: int) -> jax.Array:
    """int32[B, steps]: how many tokens each row may still take, the next included, before each of its tokens."""
    return budgets[:, None] - jnp.arange(steps)[None]


def allowed(table: GrammarTable, states: jax.Array, remaining: jax.Array) -> jax.Array:
    """bool[…, V]: the tokens after which an answer in state int32[…] can still end within `remaining` int32[…]."""
    # Compared as bytes; 254 is the largest need, and a need of 255 never passes.
    room = jnp.clip(remaining - 1, 0, FORBIDDEN - 1).astype(jnp.uint8)[..., None]
    if table.need_by_token is not None:
        return table.need_by_token[states] <= room
    return jnp.take(table.need[states] <= room, table.token_class, axis=-1)


def advance(table: GrammarTable, states: jax.Array, tokens: jax.Array) -> jax.Array:
    """The states int32[…] after `tokens` int32[…]."""
    return table.next_state[states, table.token_class[tokens]].astype(jnp.int32)


def masked_logits(logits: jax.Array, mask: jax.Array, sampling: Sampling) -> jax.Array:
    """float32[…, V]: logits / temperature where allowed, -1e30 elsewhere. Its softmax is the one recorded."""
    # At a temperature of nearly 0 what is allowed must not fall below what is not.
    scaled = jnp.maximum(logits.astype(jnp.float32) / sampling.scale, MASKED / 10)
    return jnp.where(mask, scaled, MASKED)


def narrow(scores: jax.Array, sampling: Sampling) -> jax.Array:
    """`scores` [B, V] with all but the top_k largest, then all but the smallest set of mass top_p, set to -1e30.

    Ties with the last one kept are kept too.
    """
    if not sampling.top_k and sampling.top_p == 1:
        return scores
    ordered = jax.lax.top_k(scores, min(sampling.top_k or scores.shape[-1], scores.shape[-1]))[0]
    smallest = ordered[:, -1:]
    if sampling.top_p < 1:
        weights = jnp.exp(ordered - ordered[:, :1])
        before = jnp.cumsum(weights, -1) - weights  # mass of the larger ones
        count = jnp.sum(before < sampling.top_p * weights.sum(-1, keepdims=True), -1, keepdims=True)
        smallest = jnp.take_along_axis(ordered, count - 1, -1)
    return jnp.where(scores >= smallest, scores, MASKED)


def choose(scores: jax.Array, uniform: jax.Array, sampling: Sampling) -> tuple[jax.Array, jax.Array]:
    """A token int32[B] and its log-probability, from masked logits float32[B, V] and uniform float32[B] in [0, 1)."""
    top = scores.max(-1, keepdims=True)
    norm = (top + jnp.log(jnp.exp(scores - top).sum(-1, keepdims=True)))[:, 0]
    if sampling.temperature == 0:
        token = jnp.argmax(scores, -1)
    else:
        token = draw(jnp.exp(narrow(scores, sampling) - top), uniform)
    return token.astype(jnp.int32), jnp.take_along_axis(scores, token[:, None], -1)[:, 0] - norm


def draw(weights: jax.Array, uniform: jax.Array) -> jax.Array:
    """int32[B]: the inverse of the cumulative distribution of weights float32[B, V], at uniform float32[B].

    In two levels, blocks and then places in a block, so that one pass over V is enough. A token of weight 0 is never
    drawn, whatever the rounding.
    """
    batch, vocab = weights.shape
    width = 1 << ((vocab - 1).bit_length() + 1) // 2
    blocks = jnp.pad(weights, ((0, 0), (0, -vocab % width))).reshape(batch, -1, width)
    sums = blocks.sum(-1)
    target = uniform * sums.sum(-1)
    block, target = _invert(sums, target)
    inside, _ = _invert(jnp.take_along_axis(blocks, block[:, None, None], 1)[:, 0], target)
    return block * width + inside


def _invert(weights: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first place whose cumulative weight exceeds `target`, and what of the target lies inside that place."""
    total = jnp.cumsum(weights, -1)
    place = jnp.argmax((total > target[:, None]) & (weights > 0), -1)
    # Rounding can put the target at or past the end: then the last place with any weight.
    last = weights.shape[1] - 1 - jnp.argmax(weights[:, ::-1] > 0, -1)
    place = jnp.where(target < jnp.take_along_axis(total, last[:, None], -1)[:, 0], place, last)
    before = jnp.take_along_axis(total - weights, place[:, None], -1)[:, 0]
    return place, jnp.maximum(target - before, 0)


def row_keys(key: jax.Array, rows: jax.Array) -> jax.Array:
    """A key for each row: `rows` int32[B] are its numbers in the whole batch, over all devices and hosts."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, rows)


def uniforms(keys: jax.Array, steps: int) -> jax.Array:
    """float32[steps, B]: one number for each token of each row; the first ones do not depend on `steps`."""

    def one(key, step):
        return jax.random.uniform(jax.random.fold_in(key, step))

    return jax.vmap(jax.vmap(one, (0, None)), (None, 0))(keys, jnp.arange(steps))
