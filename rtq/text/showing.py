"""The turn that shows the reward model an edit with what is measured of it, as arrays that a device can fill in."""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from rtq.text import prompts
from rtq.text.facts import CHANGES, MAX_CHANGE, moves_text
from rtq.text.tokenizer import Tokenizer

MOVES = 3 * len(CHANGES)


class Turn(NamedTuple):
    """tokens int32[T], all moves 0; offsets int32[33, 15, T], what each move adds to them by its value, -7 to 7."""

    tokens: np.ndarray
    offsets: np.ndarray


@functools.lru_cache(maxsize=8)
def turn(tokenizer: Tokenizer, image_tokens: int) -> Turn:
    """`prompts.scores_turn` with places for `facts.moves_text`.

    Raises:
      ValueError: one line: the tokenizer writes some values of a change with more tokens than others.
    """
    values = range(-MAX_CHANGE, MAX_CHANGE + 1)
    rows = [prompts.scores_turn(tokenizer, image_tokens, _same(value)) for value in values]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("the tokenizer writes changes in different numbers of tokens; reward models need the same")
    tokens = np.array(rows, np.int32)
    zero = tokens[MAX_CHANGE]
    # Which place belongs to which move: where other values stand, in order, as many for each.
    places = np.flatnonzero((tokens != zero).any(0))
    if len(places) % MOVES:
        raise ValueError("the tokenizer writes changes across each other; reward models need them apart")
    owner = np.full(len(zero), -1)
    owner[places] = np.repeat(np.arange(MOVES), len(places) // MOVES)
    return Turn(zero, np.where(owner == np.arange(MOVES)[:, None, None], tokens - zero, 0).astype(np.int32))


def fill(turn: Turn, moves):
    """Moves int32[R, 33] in the order of `facts.moves_text` → the turns that show them, int32[R, T]."""
    offsets = jnp.asarray(turn.offsets)[np.arange(MOVES)[None], moves + MAX_CHANGE]
    return jnp.asarray(turn.tokens)[None] + offsets.sum(1)


def _same(value: int) -> str:
    """Text of as many moves, each of this value, whatever the differences."""
    text = moves_text(dict.fromkeys(CHANGES, 0), dict.fromkeys(CHANGES, 0))
    return text.replace("+0]", f"{value:+d}]")
