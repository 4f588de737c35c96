"""Effects laid over the finished photo: vignette and grain. Both depend on absolute position only, never on strips."""

import jax.numpy as jnp
from jax import lax

from rtq.editor.compilation import stage
from rtq.editor.crop import turned
from rtq.editor.numerics import clip, exp2, luma, maximum, smoothstep


def vignette(planes, v, view, crop, round_or_square: bool, spare_highlights: bool):
    """Encoded planes ×2^{2.5·amount/2.4·mask}: −2.5 EV at the corner for −100.

    Args:
      view: `masks.View` of the output rows.
      crop: float[6] as in `PlanArrays`; the ellipse belongs to the crop and turns with it.
      round_or_square: VignetteRoundness is in use.
      spare_highlights: VignetteHighlights is in use.
    """
    left, top, right, bottom = (crop[i] * 1e-3 for i in range(4))
    angle = crop[4] * (jnp.pi / 180)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    width, height = turned((right - left) * view.size[1], (bottom - top) * view.size[0], cos, sin)
    width, height = maximum(width, 1.0), maximum(height, 1.0)
    half_x, half_y = 0.5 * width, 0.5 * height
    if round_or_square:
        circle = maximum(v["VignetteRoundness"], 0.0)
        longer = maximum(width, height)
        half_x, half_y = 0.5 * (width + circle * (longer - width)), 0.5 * (height + circle * (longer - height))
    dx, dy = turned((view.cols - 0.5 * (left + right)) * view.size[1],
                    (view.rows - 0.5 * (top + bottom)) * view.size[0], cos, sin)
    dx, dy = dx / half_x, dy / half_y
    corner = (0.5 * width / half_x) ** 2 + (0.5 * height / half_y) ** 2
    dx2, dy2 = dx * dx, dy * dy
    distance = (dx2 + dy2) * (1 / corner)
    if round_or_square:
        corner4 = (0.5 * width / half_x) ** 4 + (0.5 * height / half_y) ** 4
        boxed = jnp.sqrt((dx2 * dx2 + dy2 * dy2) * (1 / corner4) + 1e-12)  # a squarer shape with the same corner
        distance = distance + maximum(-v["VignetteRoundness"], 0.0) * (boxed - distance)
    start = 0.8 * v["VignetteMidpoint"]
    fall = (distance - start) * (1 / ((1 - start) * (0.1 + 0.9 * v["VignetteFeather"])))
    mask = smoothstep(0.0, 1.0, fall)
    amount = v["VignetteAmount"]
    if spare_highlights:
        spared = 1 - v["VignetteHighlights"] * smoothstep(0.5, 1.0, luma(planes))
        mask = mask * jnp.where(amount < 0, spared, 1.0)
    gain = stage(exp2((2.5 / 2.4) * amount * mask))
    return [x * gain for x in planes]


def _hash(x, y, seed):
    """Lattice point → pseudo-random float32 in [−1, 1) (integer mixing after Wellons' lowbias32)."""
    h = x.astype(jnp.uint32) * jnp.uint32(0x9E3779B1) + y.astype(jnp.uint32) * jnp.uint32(0x85EBCA77) + jnp.uint32(seed)
    h = (h ^ (h >> 16)) * jnp.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * jnp.uint32(0x846CA68B)
    h = h ^ (h >> 16)
    return lax.convert_element_type(h >> 8, jnp.float32) * (2.0 / (1 << 24)) - 1.0


def _lattice_noise(x, y, seed):
    """Smooth noise of unit cells at positions x [1, W], y [h, 1]; variance about 1."""
    x0, y0 = jnp.floor(x), jnp.floor(y)
    tx, ty = smoothstep(0.0, 1.0, x - x0), smoothstep(0.0, 1.0, y - y0)
    x0, y0 = x0.astype(jnp.int32), y0.astype(jnp.int32)
    top = _hash(x0, y0, seed) * (1 - tx) + _hash(x0 + 1, y0, seed) * tx
    bottom = _hash(x0, y0 + 1, seed) * (1 - tx) + _hash(x0 + 1, y0 + 1, seed) * tx
    return (top * (1 - ty) + bottom * ty) * 2.3


def grain(planes, v, view, seed: int = 20260217):
    """Film grain: σ .08·4y(1 − y) at GrainAmount 100; cell (.0004 + .0016·size) of the long side."""
    cell = 0.0004 + 0.0016 * v["GrainSize"]
    longer = maximum(view.size[0], view.size[1])
    # Whole pixels first: rows and columns come rounded differently from strip to strip.
    across, down = jnp.floor(view.cols * view.size[1]) + 0.5, jnp.floor(view.rows * view.size[0]) + 0.5
    x, y = across / (longer * cell), down / (longer * cell)
    fine = _lattice_noise(x, y, seed)
    coarse = _lattice_noise(x * 0.37, y * 0.37, seed + 1)
    rough = v["GrainRoughness"]
    noise = (fine * (1 + rough * coarse)) / jnp.sqrt(1 + rough * rough)
    level = luma(planes)
    shift = stage(0.08 * v["GrainAmount"] * clip(4 * level * (1 - level), 0.0, 1.0) * noise)
    return [z + shift for z in planes]
