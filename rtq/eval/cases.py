"""From an example of the studio to what truth judges: what was asked, where, and what the user did."""

import jax.numpy as jnp
import numpy as np

from rtq.data.attributes import PLACES
from rtq.data.example import Example
from rtq.editor import Mask, masks
from rtq.editor.plan import MASK_KINDS, OPERATIONS
from rtq.eval import judge


def region(photo: np.ndarray, mask: Mask) -> np.ndarray:
    """float32[H, W] in 0–1: where a mask without a name acts on a photo float32[H, W, 3]."""
    height, width = photo.shape[:2]
    rows, columns = ((jnp.arange(n, dtype=jnp.float32) + 0.5) / n for n in (height, width))
    planes = tuple(jnp.asarray(photo[..., c]) for c in range(3))
    view = masks.View(
        rows[:, None], columns[None], jnp.array([height, width], jnp.float32), planes, jnp.zeros((0, height, width))
    )
    parts = (MASK_KINDS.index(mask.kind),), (OPERATIONS.index(mask.op),), (mask.invert,), (-1,)
    return np.asarray(masks.compose(*parts, np.array([mask.numbers], np.float32), view))


def case(example: Example, before: np.ndarray, user: np.ndarray) -> judge.Case:
    """Photo and the user's edit, float32[H, W, 3] each, ready to judge other edits of the photo.

    Places are where the studio's masks say; one that is not in the photo (no blue in it) is left out.
    """
    places = {name for name in PLACES if any(asked.startswith(f"{name} ") for asked in example.attributes)}
    regions = {name: region(before, PLACES[name]) for name in places}
    regions = {name: where for name, where in regions.items() if where.mean() > 0.005}
    asks = [] if example.kind == "vague" else judge.asks_of(example.attributes, regions)
    return judge.prepare(before, asks, user)
