"""A regular expression and a tokenizer's vocabulary, compiled into the small arrays with which a sampler masks tokens.

outlines-core turns the expression into an automaton over bytes; here it is minimised, the vocabulary is walked through
it, tokens that behave alike in every state become one class, and the shortest way to the end is counted in tokens.
Letters: S states, C classes, V vocabulary, E edges.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rtq.text.tokenizer import Tokenizer

FORBIDDEN = 255
_FAR = 1 << 30


class GrammarTable(NamedTuple):
    """What a sampler may write next, and how many tokens it then still needs.

    Attributes:
      next_state: int16 (int32 from 32,768 states on)[S, C], the state after a token of the class; 0 where forbidden.
      need: uint8[S, C], tokens still needed to finish *after* a token of the class, eos included; 255: forbidden. With
        `remaining` tokens left, this one included, a token is allowed if need ≤ remaining - 1: then from every state
        some token is allowed until the text has ended, in time.
      token_class: int32[V].
      start_state: the state before the first token.
      eos_id: the token that ends the text, allowed where the text is complete.
    """

    next_state: np.ndarray
    need: np.ndarray
    token_class: np.ndarray
    start_state: int
    eos_id: int

    @property
    def shortest(self) -> int:
        """Tokens of the shortest text, eos included: the smallest budget."""
        return int(self.need[self.start_state].min()) + 1

    def accepts(self, ids: Sequence[int]) -> bool:
        """Whether the token ids, the final eos included, are a text of the grammar."""
        state = self.start_state
        for position, token in enumerate(ids):
            kind = self.token_class[token]
            if self.need[state, kind] == FORBIDDEN:
                return False
            if token == self.eos_id:
                return position == len(ids) - 1
            state = self.next_state[state, kind]
        return False


def compile_table(regex: str, tokenizer: Tokenizer, vocab_size: int | None = None) -> GrammarTable:
    """Compiles a regex (of the syntax that `grammar` uses) for a tokenizer.

    Args:
      vocab_size: the model's, where it is padded beyond the tokenizer's; the ids beyond are forbidden.

    Raises:
      ValueError: bad regex, or no text of the grammar can be finished within 254 tokens.
    """
    vocab_size = tokenizer.size if vocab_size is None else vocab_size
    if vocab_size < tokenizer.size:
        raise ValueError(f"vocab_size {vocab_size} is smaller than the tokenizer's {tokenizer.size} ids")
    step, final = byte_automaton(regex)
    texts = [b"" if i in tokenizer.control else text for i, text in enumerate(tokenizer.token_bytes)]
    state, token, after = _token_edges(step, texts)
    ends = np.flatnonzero(final)
    token_class = _classes(state, token, after, vocab_size, tokenizer.eos_id)
    distance = _distances(state, after, final)
    if distance[0] > FORBIDDEN:
        raise ValueError("grammar: no text can be finished within 254 tokens of this vocabulary")
    shape = (len(step), int(token_class.max()) + 1)
    next_state = np.zeros(shape, np.int16 if len(step) <= np.iinfo(np.int16).max else np.int32)
    need = np.full(shape, FORBIDDEN, np.uint8)
    next_state[state, token_class[token]] = after
    need[state, token_class[token]] = np.minimum(distance[after], FORBIDDEN)
    next_state[ends, token_class[tokenizer.eos_id]] = ends
    need[ends, token_class[tokenizer.eos_id]] = 0
    return GrammarTable(np.where(need == FORBIDDEN, 0, next_state), need, token_class, 0, tokenizer.eos_id)


def byte_automaton(regex: str) -> tuple[np.ndarray, np.ndarray]:
    """The smallest automaton over bytes: step int32[S, 256] (-1: no way on) and final bool[S]; it starts in state 0."""
    import outlines_core  # a compiled library

    end = 256
    try:
        index = outlines_core.Index(regex, outlines_core.Vocabulary(end, {bytes([b]): [b] for b in range(256)}))
    except ValueError as error:
        raise ValueError(f"grammar: {' '.join(str(error).split())[:200]}") from None
    edges = {s: {b: d for b, d in out.items() if b != end} for s, out in index.get_transitions().items()}
    merged = _merged(edges, set(index.get_final_states()))
    numbers = {merged[index.get_initial_state()]: 0}
    for name in merged.values():
        numbers.setdefault(name, len(numbers))
    step = np.full((len(numbers), 256), -1, np.int32)
    final = np.zeros(len(numbers), bool)
    for source, out in edges.items():
        for byte, target in out.items():
            step[numbers[merged[source]], byte] = numbers[merged[target]]
    final[[numbers[merged[s]] for s in index.get_final_states()]] = True
    return step, final


def _merged(edges: Mapping[int, Mapping[int, int]], finals: set[int]) -> dict[int, int]:
    """State → representative of the states with the same future.

    Works from the end: a state is compared once all that follow it are. States on or before a loop, few at the start
    of our grammars, stay as they are.
    """
    before: dict[int, list[int]] = {}
    waiting = {}
    for source in sorted(edges):
        targets = set(edges[source].values())
        waiting[source] = len(targets)
        for target in targets:
            before.setdefault(target, []).append(source)
    states = sorted(set(edges) | set(before))
    ready = [s for s in states if not waiting.get(s)]
    merged: dict[int, int] = {}
    seen: dict[tuple, int] = {}
    for state in ready:  # grows below
        future = tuple(sorted((byte, merged[target]) for byte, target in edges.get(state, {}).items()))
        merged[state] = seen.setdefault((state in finals, future), state)
        for source in before.get(state, ()):
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    return {s: merged.get(s, s) for s in states}


def _token_edges(step: np.ndarray, texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every (state, token, state after it) that exists, int32[E] each. Tokens without text have none."""
    order = sorted((i for i, text in enumerate(texts) if text), key=texts.__getitem__)
    length = np.array([len(texts[i]) for i in order])
    ids = np.array(order, np.int32)
    shared = np.array([0] + [_common(texts[a], texts[b]) for a, b in itertools.pairwise(order)])
    # A walk down the tree of all tokens, one byte a turn: `origin` reached `state` by the bytes of tree node `node`.
    origin = state = np.arange(len(step), dtype=np.int32)
    node = np.zeros(len(step), np.int64)
    parent = np.zeros(len(ids), np.int64)  # each token's node, one turn ago
    found = []
    for depth in range(1, int(length.max()) + 1):
        alive = length >= depth
        opens = alive & (shared < depth)  # tokens that open a node: the first in order with this prefix
        number = np.cumsum(opens) - 1
        byte = np.array([texts[i][depth - 1] for i in ids[opens]])
        first, count = _runs(parent[opens], int(node.max(initial=0)) + 1)
        which, child = _pairs(first[node], count[node])
        target = step[state[which], byte[child]]
        live = target >= 0
        origin, state, node = origin[which[live]], target[live], child[live]
        complete = np.flatnonzero(length == depth)
        first, count = _runs(number[complete], len(byte))
        which, token = _pairs(first[node], count[node])
        found.append((origin[which], ids[complete[token]], state[which]))
        if not len(node):
            break
        parent = np.where(alive, number, -1)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _common(a: bytes, b: bytes) -> int:
    """Length of the common beginning."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def _runs(owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """(first, count) of each owner's run in an ascending array, int64[owners] each."""
    count = np.bincount(owner, minlength=owners)
    return np.cumsum(count) - count, count


def _pairs(first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All (i, first[i] + k) with k < count[i]."""
    which = np.repeat(np.arange(len(count)), count)
    return which, first[which] + np.arange(len(which)) - (np.cumsum(count) - count)[which]


def _classes(state: np.ndarray, token: np.ndarray, after: np.ndarray, vocab_size: int, eos: int) -> np.ndarray:
    """int32[V]: tokens with equal edges share a class. Columns are compared by the sum of 64-bit hashes of edges."""
    with np.errstate(over="ignore"):
        x = (state.astype(np.uint64) << np.uint64(32)) + after.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        column = np.zeros(vocab_size, np.uint64)
        np.add.at(column, token, x ^ (x >> np.uint64(31)))
    column[eos] = 1  # a class of its own
    return np.unique(column, return_inverse=True)[1].astype(np.int32)


def _distances(state: np.ndarray, after: np.ndarray, final: np.ndarray) -> np.ndarray:
    """int64[S]: the fewest tokens from a state to the end, eos included."""
    states = len(final)
    source, target = np.divmod(np.unique(state.astype(np.int64) * states + after), states)
    distance = np.where(final, 1, _FAR)
    while True:
        shorter = distance.copy()
        np.minimum.at(shorter, source, distance[target] + 1)
        if (shorter == distance).all():
            return distance
        distance = shorter


def sample_randomly(
    table: GrammarTable,
    budgets: np.ndarray,
    rng: np.random.Generator,
    *,
    prefix: Sequence[int] = (),
    temperature: float = 2.0,
    by_class: float = 0.5,
) -> list[list[int]]:
    """Token ids of one text per budget, sampled under the table from random logits: the reference for samplers.

    Every text starts with `prefix`, which the budget does not count. Each row has normal logits of standard deviation 3
    for every class, kept throughout. A class is drawn with the weight of all its tokens, or, in a share `by_class` of
    the rows, of one token, so that rare classes occur too.

    Raises:
      ValueError: no token is allowed, which only a budget below the shortest text may cause.
    """
    members = np.argsort(table.token_class, kind="stable")
    size = np.bincount(table.token_class, minlength=table.need.shape[1])
    first = np.cumsum(size) - size
    rows = np.arange(len(budgets))
    weighted = rng.random(len(rows)) >= by_class
    logits = rng.normal(0, 3, (len(rows), len(size))) / temperature + weighted[:, None] * np.log(size)
    begin = table.start_state
    for token in prefix:
        begin = table.next_state[begin, table.token_class[token]]
    state, out = np.full(len(rows), begin), [list(prefix) for _ in rows]
    for step in range(int(budgets.max(initial=0))):
        room = np.minimum(budgets[rows] - step - 1, FORBIDDEN - 1)
        allowed = table.need[state] <= room[:, None]
        if not allowed.any(axis=1).all():
            raise ValueError(f"no token is allowed at step {step}")
        noisy = np.where(allowed, logits[rows] + rng.gumbel(size=allowed.shape), -np.inf)
        kind = noisy.argmax(axis=1)
        token = members[first[kind] + rng.integers(size[kind])]
        for row, chosen in zip(rows, token, strict=True):
            out[row].append(int(chosen))
        going = token != table.eos_id
        rows, state = rows[going], table.next_state[state, kind][going]
        if not len(rows):
            break
    return out
