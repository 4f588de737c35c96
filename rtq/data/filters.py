"""The paper's filters on examples, measured: what does not do what it says is dropped and counted."""

from collections.abc import Sequence

import numpy as np

from rtq.data.attributes import ATTRIBUTES, Wish
from rtq.text.facts import CHANGES

REASONS = ("unclear intent", "reasoning disagrees", "weak is not weaker", "not permitted")
LEAST_VISIBLE = 0.008  # mean absolute difference of an edit, sRGB 0–1: two of 255
LEAST_LOCAL = 0.004  # of an edit of a part
LEAST_MARGIN = 0.8  # of scalars out of 10


def visible(before: np.ndarray, after: np.ndarray, local: bool) -> bool:
    """Whether the user's edit can be seen. float32[S, S, 3] each."""
    return float(np.abs(after - before).mean()) >= (LEAST_LOCAL if local else LEAST_VISIBLE)


def agrees(wishes: Sequence[Wish], change: np.ndarray) -> bool:
    """Whether no measured change contradicts what the reasoning says. change: int32[11] in the order of `CHANGES`.

    A change of the other sign contradicts; of a single wish for the whole photo, also none at all.
    """
    for wish in wishes:
        row = ATTRIBUTES.get(wish.attribute)
        if row is None or not row.fact or wish.place:
            continue
        moved = int(change[CHANGES.index(row.fact)]) * (1 if wish.level > 0 else -1)
        if moved < -1 or (moved < 0 and len(wishes) == 1):
            return False
        if len(wishes) == 1 and moved == 0 and abs(wish.level) > 1:
            return False
    return True


def weaker(strong: float, weak: float) -> bool:
    """Whether the weak edit's scalar is clearly below the strong one's."""
    return weak <= strong - LEAST_MARGIN
