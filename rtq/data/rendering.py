"""Renders many plans on many crops at little cost: grouped by program, in batches of one shape."""

from collections.abc import Sequence

import numpy as np

from rtq.data.options import program_for
from rtq.editor import Plan, render_batch

BATCH = 32


def render(crops: np.ndarray, plans: Sequence[Plan]) -> np.ndarray:
    """One plan per crop.

    Args:
      crops: float32[N, S, S, 3] sRGB 0–1.
      plans: N plans that `options.POCKET` permits.

    Returns:
      float32[N, S, S, 3], clipped to 0–1.
    """
    out = np.array(crops, np.float32)
    groups: dict = {}
    for i, plan in enumerate(plans):
        if plan.sliders or plan.locals:
            groups.setdefault(program_for(plan), []).append(i)
    for program, rows in groups.items():
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            padded = some + some[-1:] * (BATCH - len(some))  # one shape, one compilation
            edited = render_batch(out[padded], [plans[i] for i in padded], program=program)
            out[some] = np.clip(np.asarray(edited)[: len(some)], 0, 1)
    return out


def thumbnails(photos: np.ndarray, side: int) -> np.ndarray:
    """float32[N, S, S, 3] → float32[N, side, side, 3] by means over blocks; S is cropped to a multiple of `side`."""
    block = photos.shape[1] // side
    photos = photos[:, : block * side, : block * side]
    return photos.reshape(len(photos), side, block, side, block, 3).mean((2, 4))
