"""Crop, straighten and rotate: geometry, outside training."""

import math

import dm_pix
import jax.numpy as jnp
import numpy as np

from rtq.editor.plan import Crop


def box(crop: Crop, height: int, width: int) -> tuple[float, float, float, float]:
    """The kept rectangle in pixels: centre x, centre y, width, height, before its turn by `crop.angle`."""
    x0, y0 = crop.left * width / 1000, crop.top * height / 1000
    x1, y1 = crop.right * width / 1000, crop.bottom * height / 1000
    angle = math.radians(crop.angle)
    dx, dy = x1 - x0, y1 - y0
    wide = dx * math.cos(angle) + dy * math.sin(angle)
    tall = dy * math.cos(angle) - dx * math.sin(angle)
    return (x0 + x1) / 2, (y0 + y1) / 2, wide, tall


def apply(photo, crop: Crop):
    """Crops [H, W, 3] of any dtype; straightening interpolates linearly, the rest moves whole pixels.

    Raises:
      ValueError: the turned rectangle has no area, or a corner lies outside the photo by more than a pixel.
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
        out = _turned(photo, x, y, rows, columns, math.radians(crop.angle))
    turns = -crop.rotate // 90 % 4
    return dm_pix.rot90(jnp.asarray(out), k=turns) if turns else out


def _turned(photo, x: float, y: float, rows: int, columns: int, angle: float):
    """The rectangle of rows × columns pixels centred on (x, y) and turned clockwise by `angle`."""
    cos, sin = math.cos(angle), math.sin(angle)
    # Output pixel (r, c) lies at offset (c − cx, r − cy) from the centre, turned, in the photo.
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]], np.float32)
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2, 0.0], np.float32)
    offset = np.array([y - 0.5, x - 0.5, 0.0], np.float32) - matrix @ middle
    pixels = jnp.asarray(photo)
    moved = dm_pix.affine_transform(pixels.astype(jnp.float32), jnp.asarray(matrix), offset=jnp.asarray(offset),
                                    order=1, mode="nearest")
    moved = moved[:rows, :columns]
    if jnp.issubdtype(pixels.dtype, jnp.integer):
        return jnp.clip(jnp.round(moved), 0, jnp.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return moved
