"""Crop, straighten and rotate: geometry, outside training."""

import math

import jax.numpy as jnp
import numpy as np

from rtq.editor import compilation
from rtq.editor.plan import Crop

ROWS = 64  # straightened at once


def turned(across, down, cos, sin):
    """A vector's parts along axes that are turned clockwise by the angle of `cos` and `sin`."""
    return across * cos + down * sin, down * cos - across * sin


def box(crop: Crop, height: int, width: int) -> tuple[float, float, float, float]:
    """The kept rectangle in pixels: centre x, centre y, width, height, before its turn by `crop.angle`."""
    x0, y0 = crop.left * width / 1000, crop.top * height / 1000
    x1, y1 = crop.right * width / 1000, crop.bottom * height / 1000
    angle = math.radians(crop.angle)
    return (x0 + x1) / 2, (y0 + y1) / 2, *turned(x1 - x0, y1 - y0, math.cos(angle), math.sin(angle))


def apply(photo, crop: Crop):
    """Crops [H, W, C] of any dtype; straightening interpolates linearly, the rest moves whole pixels.

    Raises:
      ValueError: the turned rectangle has no area.
    """
    height, width = photo.shape[:2]
    x, y, wide, tall = box(crop, height, width)
    rows, columns = max(1, round(tall)), max(1, round(wide))
    if wide <= 0 or tall <= 0:
        raise ValueError(f"crop: turned by {crop.angle:g}° the rectangle has no area; use a smaller angle")
    if crop.angle == 0:
        top, left = min(max(round(y - tall / 2), 0), height - rows), min(max(round(x - wide / 2), 0), width - columns)
        out = photo[top:top + rows, left:left + columns]
    else:
        out = _straightened(photo, x, y, rows, columns, math.radians(crop.angle))
    turns = -crop.rotate // 90 % 4
    if not turns:
        return out
    import dm_pix  # only here: accelerator images may lack it

    return dm_pix.rot90(jnp.asarray(out), k=turns)


def _straightened(photo, x: float, y: float, rows: int, columns: int, angle: float) -> np.ndarray:
    """The rectangle of rows × columns pixels centred on (x, y) and turned clockwise by `angle`, strip by strip."""
    pixels = jnp.asarray(photo)
    out = np.empty((rows, columns, pixels.shape[2]), pixels.dtype)
    turn = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    for first in range(0, rows, ROWS):
        offset = np.float32(first - (rows - 1) / 2)
        part = _straightened_rows(pixels, offset, np.float32(x - 0.5), np.float32(y - 0.5), turn, columns)
        out[first:first + ROWS] = part[:rows - first]
    return out


@compilation.jit(static_argnames=("columns",))
def _straightened_rows(pixels, offset, x, y, turn, columns):
    """`ROWS` rows from `offset` below the centre (x, y), read bilinearly; the photo goes on by its edge."""
    height, width = pixels.shape[:2]
    cos, sin = turn
    down = (offset + jnp.arange(ROWS, dtype=jnp.float32))[:, None]
    right = (jnp.arange(columns, dtype=jnp.float32) - (columns - 1) / 2)[None]
    px = jnp.clip(x + cos * right - sin * down, 0, width - 1)
    py = jnp.clip(y + sin * right + cos * down, 0, height - 1)
    left, top = jnp.floor(px), jnp.floor(py)
    fx, fy = (px - left)[..., None], (py - top)[..., None]
    left, top = left.astype(jnp.int32), top.astype(jnp.int32)
    beside, below = jnp.minimum(left + 1, width - 1), jnp.minimum(top + 1, height - 1)

    def read(rows, columns):
        return pixels[rows, columns].astype(jnp.float32)

    upper = read(top, left) * (1 - fx) + read(top, beside) * fx
    lower = read(below, left) * (1 - fx) + read(below, beside) * fx
    moved = upper * (1 - fy) + lower * fy
    if not jnp.issubdtype(pixels.dtype, jnp.integer):
        return moved
    return jnp.clip(jnp.round(moved), 0, jnp.iinfo(pixels.dtype).max).astype(pixels.dtype)
