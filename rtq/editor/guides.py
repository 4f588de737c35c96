"""Guides: what large-radius operations need to know of the whole photo, made once from a small copy.

The copy has a long side of at most 1024 px (boxes of encoded pixels, averaged) and the guides lie on grids at absolute
coordinates, so strips of any height see the same values. Resampling is by small dense matrices: exact gradients, no
gathers, right for matrix units.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from rtq.editor import detail, tone
from rtq.editor.numerics import maximum

COPY_SIDE = 1024  # long side of the copy that texture is read from
TONE_SIDE = 512  # long side of the copy that tone and haze are read from
GRID_SIDE = 128  # long side of the grid of guided coefficients
PARTS = 4  # that the multiplication by a narrow matrix falls into: each reads a stretch, and each has to be compiled
BASE_SIGMA = 0.025  # of the long side
TEXTURE_SIGMAS = (0.0015, 0.006)
# Groups that one colour alone cannot carry: they need neighbours or a place in the frame.
NOT_FLAT = frozenset(("clarity", "texture", "dehaze", "sharpen", "noise", "vignette", "grain"))
_EXACT = lax.Precision.HIGHEST  # default precision is TF32 or bfloat16 on accelerators


class Guides(NamedTuple):
    """Guides of one photo; fields that the groups in use do not need hold zeros of size one.

    Attributes:
      airlight: float[3], linear light.
      base: float[2, Gh, W], coefficients a and b of the guided base, already spread over the photo's columns.
      band: float[Th, W], texture in stops, likewise.
    """

    airlight: jnp.ndarray
    base: jnp.ndarray
    band: jnp.ndarray


def ceil_div(a: int, b: int) -> int:
    """⌈a / b⌉."""
    return -(-a // b)


def factors(height: int, width: int) -> tuple[int, int]:
    """Photo pixels per sample of the ≤ 1024-px copy and of the ≤ 512-px copy made from it."""
    first = ceil_div(max(height, width), COPY_SIDE)
    return first, first * ceil_div(ceil_div(max(height, width), first), TONE_SIDE)


def shrink(x, factor: int):
    """Mean of factor × factor boxes; [H, W, …] → [⌈H/f⌉, ⌈W/f⌉, …] float32, incomplete boxes continued by the edge."""
    if factor == 1:
        return x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.integer) else x
    height, width = x.shape[:2]
    x = jnp.pad(x, [(0, -height % factor), (0, -width % factor)] + [(0, 0)] * (x.ndim - 2), mode="edge")
    tall, wide = x.shape[0] // factor, x.shape[1] // factor
    rest = x.shape[2:]
    # Sums of slices, rows first and channels folded into columns: long vectors, which reductions do not give on CPU.
    x = x.reshape(tall, factor, -1)
    # uint16 holds sums of 257 rows of bytes, uint32 those of all that fit into memory.
    exact = {"uint8": jnp.uint16 if factor <= 257 else jnp.uint32, "uint16": jnp.uint32}.get(str(x.dtype), x.dtype)
    x = lax.optimization_barrier(sum(x[:, k].astype(exact) for k in range(factor)))
    x = x.reshape(tall, wide, factor, *rest)
    x = x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.integer) else x
    return sum(x[:, :, k] for k in range(factor)) * (1.0 / (factor * factor))


@functools.lru_cache(maxsize=256)
def _smoothing(size: int, cells: int, sigma: float) -> np.ndarray:
    """float32[cells, size]: Gaussian means (σ in samples, cut at 5 σ) at the centres of `cells` equal cells."""
    centres = (np.arange(cells) + 0.5) * size / cells - 0.5
    distance = np.abs(np.arange(size)[None] - centres[:, None]) / sigma
    weight = np.where(distance <= max(5.0, 1 / sigma), np.exp(-0.5 * distance**2), 0.0)
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


@functools.lru_cache(maxsize=256)
def spreading(cells: float, grid: int, start: float, count: int, size: float, linear: bool = False) -> np.ndarray:
    """Weights that read a grid at pixel centres: cubic B-splines, which smooth, or linear, which do not.

    Args:
      cells: how many grid cells span the photo (not whole where the last box is incomplete).
      grid: samples in the grid.
      start, count: first pixel and number of pixels to read at; pixels outside the photo read its edge.
      size: pixels along this side of the photo.

    Returns:
      float32[count, grid], rows summing to 1.
    """
    pixel = np.clip(start + np.arange(count), 0, size - 1) + 0.5
    position = pixel * cells / size - 0.5
    distance = np.abs(position[:, None] - np.arange(-2, grid + 2)[None])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    weight = np.maximum(1 - distance, 0) if linear else np.where(distance < 1, near, far)
    weight[:, 2] += weight[:, :2].sum(1)  # the grid continues by its edge
    weight[:, -3] += weight[:, -2:].sum(1)
    weight = weight[:, 2:-2]
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def grid_shape(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the coefficient grid for a tone copy of this size."""
    longer = max(height, width)
    if longer <= GRID_SIDE:
        return height, width
    return max(1, round(height * GRID_SIDE / longer)), max(1, round(width * GRID_SIDE / longer))


def _weighted(x, weights: np.ndarray):
    """[…, in] → […, out] by weights [out, in], in parts that need only a stretch of x each."""
    parts = []
    for part in np.array_split(weights, min(PARTS, weights.shape[0])):
        used = np.flatnonzero(part.any(0))
        first, stop = int(used[0]), int(used[-1]) + 1
        parts.append(jnp.matmul(x[..., first:stop], jnp.asarray(part[:, first:stop].T, x.dtype), precision=_EXACT))
    return jnp.concatenate(parts, -1)


def _smooth_two(rows: np.ndarray, first, second, columns: np.ndarray):
    """Two planes [H, W] → [2, cells of rows, cells of columns]; their rows are summed side by side."""
    both = jnp.matmul(jnp.asarray(rows, first.dtype), jnp.concatenate([first, second], 1), precision=_EXACT)
    return _weighted(jnp.stack(jnp.split(both, 2, 1)), columns)


def tone_guide(planes, width: int, cells: float):
    """Guided base of log luminance (ε = 1 EV²) on the grid, spread over the columns.

    Args:
      planes: linear planes of the tone copy.
      width: columns of the photo.
      cells: copy samples per photo width (not whole where the last box is incomplete).
    """
    level = lax.optimization_barrier(tone.log_luminance(planes))
    height, wide = level.shape
    tall, across = grid_shape(height, wide)
    sigma = BASE_SIGMA * max(height, wide)
    rows, columns = _smoothing(height, tall, sigma), _smoothing(wide, across, sigma)
    mean, square = _smooth_two(rows, level, level * level, columns)
    variance = maximum(square - mean * mean, 0.0)
    slope = variance / (variance + 1.0)
    sigma = BASE_SIGMA * max(tall, across)
    rows, columns = _smoothing(tall, tall, sigma), _smoothing(across, across, sigma)
    coefficients = _smooth_two(rows, slope, mean - slope * mean, columns)
    return _weighted(coefficients, spreading(cells * across / wide, across, 0, width, width))


def texture_guide(planes, width: int, cells: float):
    """Band of log luminance between two scales, in stops, spread over the columns."""
    level = tone.log_luminance(planes)
    longer = max(level.shape)
    smooth = []
    for share in TEXTURE_SIGMAS:
        sigma = share * longer
        taps = detail.reach(sigma)
        padded = jnp.pad(level, ((taps, taps), (0, 0)), mode="edge")
        smooth.append(detail.blur(padded, jnp.asarray(max(sigma, 0.05), level.dtype), taps))
    return _weighted(smooth[0] - smooth[1], spreading(cells, level.shape[1], 0, width, width, linear=True))


def airlight(planes):
    """Soft mean of hazy linear pixels, float[3], at least .05; its gradient is stopped."""
    weight = tone.haze_weight(planes)
    total = jnp.sum(weight)
    return lax.stop_gradient(jnp.stack([maximum(jnp.sum(weight * x) / total, 0.05) for x in planes]))


def make(copy_planes, tone_planes, groups, width: int, copy_factor: int, tone_factor: int) -> Guides:
    """All guides that `groups` need.

    Args:
      copy_planes: linear planes of the ≤ 1024-px copy (only read for texture); `copy_factor` photo pixels per sample.
      tone_planes: of the ≤ 512-px copy; `tone_factor` photo pixels per sample.
      width: columns of the photo.
    """
    dtype = tone_planes[0].dtype
    air, base, band = jnp.ones(3, dtype), jnp.zeros((2, 1, 1), dtype), jnp.zeros((1, 1), dtype)
    if "dehaze" in groups:
        air = airlight(tone_planes)
    if "light" in groups or "clarity" in groups:
        base = tone_guide(tone_planes, width, width / tone_factor)
    if "texture" in groups:
        band = texture_guide(copy_planes, width, width / copy_factor)
    return Guides(air, base, band)
