"""Tone: dehaze, the local gain (highlights, shadows, clarity, texture) in linear light, and the tone curve after.

Planes and slider values as in `color.py`. Every tone curve is monotone and goes on with its end slopes outside [0, 1].
"""

import itertools

import jax.numpy as jnp

from rtq.editor.compilation import once_backward, stage
from rtq.editor.numerics import clip, exp2, log2, luma, maximum, minimum, smoothstep

DARKEST = 2.0**-14  # luminance floor of log2
_NEAR_GREY = 2.0**-10


def log_luminance(planes):
    """ℓ = log2 Y of linear planes, floored at −14."""
    return log2(maximum(luma(planes), DARKEST))


def dehaze(planes, v, airlight):
    """L ← A + (L − A)·e^{s·d}, d = min_c L_c/A in [0, 1]; adding haze also lifts the darks (the s² term).

    Args:
      airlight: three scalars A, linear light, gradient stopped.
    """
    s = v["Dehaze"]
    ratios = [x * (1 / a) for x, a in zip(planes, airlight, strict=True)]
    veil = clip(minimum(minimum(ratios[0], ratios[1]), ratios[2]), 0.0, 1.0)
    added = minimum(0.0, s)
    gain = exp2(1.4426950408889634 * (s * veil - 0.6 * added * added * (1 - veil)))
    return [a + (x - a) * gain for x, a in zip(planes, airlight, strict=True)]


def haze_weight(planes):
    """How strongly a linear pixel speaks for the airlight: bright in its darkest channel."""
    darkest = minimum(minimum(planes[0], planes[1]), planes[2])
    return clip(darkest, 1e-3, 1.0) ** 6


def local_gain(planes, v, groups, base_slope, base_offset, band):
    """One gain 2^g for Highlights, Shadows, Clarity and Texture; hue is kept.

    Args:
      base_slope, base_offset: maps a, b of the guided base ℓ_b = a·ℓ + b, or None without a tone guide.
      band: fine detail in stops (guide), or None.
    """
    gain = 0.0
    if "light" in groups or "clarity" in groups:
        level = once_backward(log_luminance(planes))
        base = once_backward(base_slope * level + base_offset)
        # The base as an encoded level; its toe is cut to 0, where the weights below vanish anyway.
        x = maximum(1.055 * exp2(base * (1 / 2.4)) - 0.055, 0.0)
    if "light" in groups:
        shadows = 2.0 * (1 - smoothstep(0.05, 0.60, x)) * x / (x + 0.04)
        above = maximum(base, 0.0)
        highlights = 0.7 * (smoothstep(0.30, 0.85, x) * (1 - 0.6 * smoothstep(0.8, 1.0, x))
                            + above * above / (above + 0.5))
        gain = gain + v["Shadows"] * shadows + v["Highlights"] * highlights
    if "clarity" in groups:
        detail = (level - base) * (1 / 1.5)
        gain = gain + v["Clarity"] * 1.35 * jnp.tanh(detail) * clip(4 * x * (1 - x), 0.0, 1.0)
    if "texture" in groups:
        gain = gain + v["Texture"] * band / (1 + jnp.abs(band))
    gain = stage(exp2(gain))
    return [x * gain for x in planes]


def flat_base(planes):
    """Guide maps (a, b) for a photo in which every pixel is a flat field: ℓ_b = ℓ."""
    return jnp.zeros_like(planes[0]), log_luminance(planes)


def _extend(inside, v, slope_below, slope_above):
    """inside(clip(v)) continued with the slopes at 0 and 1."""
    below, above = minimum(0.0, v), maximum(0.0, v - 1)
    return inside(clip(v, 0.0, 1.0)) + slope_below * below + slope_above * above


def whites_blacks(x, whites, blacks):
    """x(1 + .18w·x²) + .08b(1 − x)⁴ on encoded values."""
    def inside(t):
        u = 1 - t
        return t + ((0.18 * whites) * (t * t) * t + (0.08 * blacks) * (u * u) * (u * u))
    return _extend(inside, x, 1 - 0.32 * blacks, 1 + 0.54 * whites)


def contrast(x, c):
    """x + 1.8c·x(1 − x)(x − .5) on encoded values."""
    return _extend(lambda t: t + (1.8 * c) * t * ((1.5 - t) * t - 0.5), x, 1 - 0.9 * c, 1 - 0.9 * c)


def parametric(x, v):
    """Four cos² bumps between the splits; at any x at most two overlap, whose slopes stay above −.95 together."""
    first = v["ParametricShadowSplit"]
    second = maximum(v["ParametricMidtoneSplit"], first + 0.05)
    third = maximum(v["ParametricHighlightSplit"], second + 0.05)
    edges = (0.0, first, second, third, 1.0)
    centres = [0.5 * (lo + hi) for lo, hi in itertools.pairwise(edges)]
    knots = (0.0, *centres, 1.0)
    t = clip(x, 0.0, 1.0)
    out = x
    for k, name in enumerate(("Shadows", "Darks", "Lights", "Highlights")):
        left, right = knots[k + 1] - knots[k], knots[k + 2] - knots[k + 1]
        offset = t - knots[k + 1]
        reach = clip(jnp.where(offset < 0, offset * (1 / left), offset * (1 / right)), -1.0, 1.0)
        out = out + v[f"Parametric{name}"] * 0.3 * minimum(left, right) * (0.5 + 0.5 * jnp.cos(jnp.pi * reach))
    return out


def point_curve(x, points):
    """Monotone cubic (Fritsch–Carlson) through points [P, 2] in 0–255, continued with the end slopes.

    Points may repeat at the end (padding). Exactly the identity for (0, 0), (255, 255).
    """
    xs, ys = points[:, 0] * (1 / 255), points[:, 1] * (1 / 255)
    width, rise = xs[1:] - xs[:-1], ys[1:] - ys[:-1]
    real = width > 0
    secant = jnp.where(real, rise / jnp.where(real, width, 1.0), 0.0)
    before, after = secant[:-1], secant[1:]
    both = jnp.where(real[1:] & (before * after > 0), 1.0, 0.0)
    w1, w2 = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    safe_before, safe_after = jnp.where(both > 0, before, 1.0), jnp.where(both > 0, after, 1.0)
    inner = both * (w1 + w2) / jnp.where(both > 0, w1 / safe_before + w2 / safe_after, 1.0)
    last = jnp.sum(real) - 1  # index of the last real segment
    # A pad after the last real knot would make its slope 0: the end slope is the last secant there.
    inner = jnp.where(jnp.arange(inner.shape[0]) == last, secant[last], inner)
    slopes = jnp.concatenate([secant[:1], inner, secant[-1:]])
    slopes = slopes.at[last + 1].set(secant[last])
    out = ys[0] + slopes[0] * minimum(0.0, x - xs[0])
    for k in range(points.shape[0] - 1):
        t = clip((x - xs[k]) * jnp.where(real[k], 1 / jnp.where(real[k], width[k], 1.0), 0.0), 0.0, 1.0)
        m0, m1 = width[k] * slopes[k], width[k] * slopes[k + 1]
        out = out + t * (m0 + t * ((3 * rise[k] - 2 * m0 - m1) + t * (m0 + m1 - 2 * rise[k])))
    return out + slopes[last + 1] * maximum(0.0, x - xs[-1])


def tone_line(planes, v, groups, curves):
    """The tone curve on encoded planes, keeping hue: where it takes a pixel's channels is offset + ratio·channel.

    Hue is kept by curving the smallest and largest channel and placing the middle one in proportion; near grey the
    proportion is the curve's own slope.

    Args:
      curves: float[4, P, 2], points of the RGB, red, green and blue curve.

    Returns:
      (offset, ratio), maps.
    """
    def curve(x):
        if "tone" in groups:
            x = contrast(whites_blacks(x, v["Whites"], v["Blacks"]), v["Contrast"])
        if "parametric" in groups:
            x = parametric(x, v)
        if "curve" in groups:
            x = point_curve(x, curves[0])
        return x

    low = minimum(minimum(planes[0], planes[1]), planes[2])
    high = maximum(maximum(planes[0], planes[1]), planes[2])
    low, high = once_backward((low, maximum(high, low + _NEAR_GREY)))
    curved_low = stage(curve(low))
    ratio = stage((curve(high) - curved_low) / (high - low))
    return stage(curved_low - ratio * low), ratio


def channel_curves(planes, curves):
    """The red, green and blue curves on encoded planes."""
    return [point_curve(x, curves[1 + i]) for i, x in enumerate(planes)]


def fade(planes, v):
    """x(1 − .2f) + .12f on encoded planes."""
    return [x * (1 - 0.2 * v["Fade"]) + 0.12 * v["Fade"] for x in planes]


