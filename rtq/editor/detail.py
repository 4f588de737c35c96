"""Pixel filters: blur, sharpening, noise reduction.

They work on strips: a plane with `pad` more rows above and below than the result. Columns are continued by their edge.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from rtq.editor.color import chroma_plane, shift_chroma
from rtq.editor.compilation import stage
from rtq.editor.numerics import luma, maximum, smoothstep

SHARPEN_MAX_SIGMA = 3.0  # SharpenRadius 30
LUMA_SIGMA, COLOR_SIGMA = 2.0, 6.0
SMALLEST_SIGMA = 0.15  # below this many pixels a filter is off


def reach(sigma: float) -> int:
    """Rows or columns on each side that a Gaussian of `sigma` pixels needs (3 σ)."""
    return max(1, -int(-3 * sigma // 1))


def gaussian(sigma, taps: int):
    """Normalised half kernel [taps + 1]: weight at distance 0, 1, …, taps. `sigma` may be traced."""
    distance = jnp.arange(taps + 1, dtype=jnp.asarray(sigma).dtype)
    weight = jnp.exp(-0.5 * (distance / sigma) ** 2)
    return weight / (2 * jnp.sum(weight) - weight[0])


def _slide(x, kernel, axis: int):
    """Σ_k kernel[|k|]·x shifted by k along `axis`, valid part only."""
    taps = kernel.shape[0] - 1
    n = x.shape[axis] - 2 * taps
    part = functools.partial(lax.slice_in_dim, x, axis=axis)
    out = kernel[0] * part(taps, taps + n)
    for k in range(1, taps + 1):
        out = out + kernel[k] * (part(taps - k, taps - k + n) + part(taps + k, taps + k + n))
    return out


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def slide(x, kernel, axis: int):
    """Symmetric one-dimensional filter, valid part: x [H, W], kernel [taps + 1] → shorter by 2·taps along `axis`.

    The gradient is the same filter again: reverse mode through the slices is slow on CPU.
    """
    return _slide(x, kernel, axis)


def _slide_fwd(x, kernel, axis):
    return _slide(x, kernel, axis), (x, kernel)


def _slide_bwd(axis, saved, g):
    x, kernel = saved
    taps = kernel.shape[0] - 1
    beyond = list(g.shape)
    beyond[axis] = 2 * taps
    zeros = jnp.zeros(beyond, g.dtype)
    dx = _slide(stage(jnp.concatenate([zeros, stage(g), zeros], axis)), kernel, axis)  # a fused pad is slow on CPU
    n = g.shape[axis]
    part = functools.partial(lax.slice_in_dim, x, axis=axis)
    dk = [jnp.sum(g * part(taps, taps + n))]
    dk += [jnp.sum(g * (part(taps - k, taps - k + n) + part(taps + k, taps + k + n))) for k in range(1, taps + 1)]
    return dx, jnp.stack(dk)


slide.defvjp(_slide_fwd, _slide_bwd)


def blur(x, sigma, taps: int):
    """Gaussian blur [h + 2·taps, W] → [h, W]; columns continued by their edge."""
    kernel = gaussian(sigma, taps)
    x = lax.optimization_barrier(x)  # else XLA computes x anew for every tap
    x = lax.optimization_barrier(slide(x, kernel, 0))
    return slide(_widened(x, taps), kernel, 1)


def _widened(x, pad: int):
    """x [h, W] with `pad` more columns left and right that repeat the edge; by `stage` in one copy, not two."""
    return stage(jnp.concatenate([jnp.broadcast_to(x[:, :1], (x.shape[0], pad)), x,
                                  jnp.broadcast_to(x[:, -1:], (x.shape[0], pad))], 1))


def rows(x, pad: int):
    """Without `pad` rows above and below; scalars stay."""
    return x[pad:x.shape[0] - pad] if pad and jnp.ndim(x) == 2 else x


def sharpen(planes, v, scale, taps: int, masked: bool):
    """Unsharp masking of luma: x + amount·d·w, d = y − blur(y), faint detail held back, optionally masked to edges.

    Args:
      planes: encoded, `taps` rows of padding, one of them for the edges where `masked`.
      v: Sharpness, SharpenRadius (pixels), SharpenDetail, SharpenMasking; maps without padding.
      scale: output pixels per final pixel.
    """
    y = stage(luma(planes))
    sigma = v["SharpenRadius"] * scale
    beyond = blur(y, maximum(sigma, SMALLEST_SIGMA), taps - int(masked))
    smooth = rows(beyond, int(masked))
    detail = rows(y, taps) - smooth
    faint = 0.03 * (1 - 0.9 * v["SharpenDetail"])
    energy = detail * detail
    gain = 1.5 * v["Sharpness"] * energy / (energy + faint * faint)
    gain = jnp.where(sigma < SMALLEST_SIGMA, 0.0, gain)
    if masked:
        gain = gain * (1 - v["SharpenMasking"] * (1 - _edges(beyond)))
    change = stage(gain * detail)
    return [rows(x, taps) + change for x in planes]


def _edges(y):
    """Edge strength in [0, 1] from central differences of smoothed luma, a row more above and below than the result."""
    padded = _widened(y, 1)
    dx, dy = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    return smoothstep(0.01, 0.12, jnp.sqrt(dx * dx + dy * dy + 1e-12))


def noise_pad(scale: float) -> int:
    """Rows of padding that `reduce_noise` takes at this scale: two passes of the wider filter."""
    return 2 * reach(COLOR_SIGMA * scale)


def reduce_noise(planes, v, scale: float):
    """Guided filtering of encoded luma (σ 2 px) and of chroma guided by luma (σ 6 px), blended by the two amounts.

    Args:
      planes: `noise_pad(scale)` rows of padding.
      scale: output pixels per final pixel, static.
    """
    if COLOR_SIGMA * scale < SMALLEST_SIGMA:
        return [rows(x, noise_pad(scale)) for x in planes]
    pad = noise_pad(scale)
    y = luma(planes)
    alpha, beta = chroma_plane(planes)
    taps = reach(LUMA_SIGMA * scale)
    spare = pad - 2 * taps
    narrow = rows(y, spare)
    level = (0.02 + 0.06 * (1 - v["NoiseReductionDetail"])) ** 2
    clean = _guided(narrow, [narrow], LUMA_SIGMA * scale, taps, level)[0] if LUMA_SIGMA * scale >= SMALLEST_SIGMA \
        else rows(narrow, 2 * taps)
    level = (0.02 + 0.10 * (1 - v["ColorNoiseReductionDetail"])) ** 2
    clean_alpha, clean_beta = _guided(y, [alpha, beta], COLOR_SIGMA * scale, pad // 2, level)
    out = [rows(x, pad) for x in planes]
    shift = v["NoiseReduction"] * (clean - rows(y, pad))
    amount = v["ColorNoiseReduction"]
    out = shift_chroma(out, amount * (clean_alpha - rows(alpha, pad)), amount * (clean_beta - rows(beta, pad)))
    return [x + shift for x in out]


def _guided(guide, planes, sigma, taps, eps):
    """Guided filter (He et al. 2010) with Gaussian windows: two blurs, so 2·taps rows of padding are used."""
    mean = blur(guide, sigma, taps)
    variance = blur(guide * guide, sigma, taps) - mean * mean
    # A map of eps would be shorter than these padded planes; the detail sliders have no local form.
    out = []
    for x in planes:
        mean_x = blur(x, sigma, taps)
        slope = (blur(guide * x, sigma, taps) - mean * mean_x) / (maximum(variance, 0.0) + eps)
        offset = mean_x - slope * mean
        out.append(blur(slope, sigma, taps) * rows(guide, 2 * taps) + blur(offset, sigma, taps))
    return out
