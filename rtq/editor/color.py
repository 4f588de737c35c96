"""Colour: white balance, exposure and calibration in linear light; HSL, black and white, vibrance and grading after.

Every function takes and returns three planes, each `float[H, W]`, and slider values `v[name]` already multiplied by the
slider's factor (−1…1 for −100…100). A value is a scalar for the whole photo or a map `[H, W]` where local adjustments
change it. Definitions: docs/editor.md.
"""

import math

import jax.numpy as jnp

from rtq.editor.compilation import once_backward, spread, stage
from rtq.editor.numerics import clip, exp2, horner, luma, maximum, minimum, smoothstep
from rtq.editor.sliders import HUES

# Planckian locus in CIE 1960 uv around 5000 K (200 mired) and its normal towards green, as polynomials without constant
# term in (mired − 200) / 300; errors 1e-6 in uv over 20–500 mired (benchmarks/planck.py).
_U = (0.211423616, (0.077099348, 0.033856406, -0.023144917, 0.0031774978, 0.01071419, -0.01350134, 0.0031706777,
                    0.0050433361, -0.0027936341))
_V = (0.323114999, (0.075707891, -0.048498641, -0.0049390688, 0.034500727, -0.03770445, 0.015948246, 0.016932122,
                    -0.025163592, 0.0091684192))
_NORMAL_U = (-0.700698672, (0.76903037, 0.30150635, -0.70689834, -0.1292639, 0.71812861, -0.17619251, -0.39373047,
                            0.27162177, -0.041455852))
_NORMAL_V = (0.713457058, (0.75564344, -0.51662394, -0.48334976, 0.87105766, -0.023422545, -0.67945247, 0.26441063,
                           0.23828848, -0.1439061))
_DUV = 9 / 3000  # the neutral tint's distance from the locus, as daylight's: towards green
_DIMMEST = 0.4  # of a cone's response to the neutral light; below it, a hyperbola towards 0
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SRGB_TO_XYZ = ((0.4123908, 0.3575843, 0.1804808), (0.2126390, 0.7151687, 0.0721923), (0.0193308, 0.1191948, 0.9505322))

HUE_CENTRES = (0.0, 30.0, 60.0, 120.0, 180.0, 240.0, 270.0, 300.0)  # degrees of HUES in this plane
_SQRT3 = math.sqrt(3)


def _matmul(a, b):
    return tuple(tuple(sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)) for i in range(3))


def _inverse(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    adjugate = ((e * i - f * h, c * h - b * i, b * f - c * e), (f * g - d * i, a * i - c * g, c * d - a * f),
                (d * h - e * g, b * g - a * h, a * e - b * d))
    determinant = a * adjugate[0][0] + b * adjugate[1][0] + c * adjugate[2][0]
    return tuple(tuple(x / determinant for x in row) for row in adjugate)


_TO_CONES = _matmul(_BRADFORD, _SRGB_TO_XYZ)
_FROM_CONES = _inverse(_TO_CONES)


def mired(temperature):
    """Illuminant in mired for a Temperature of −1…1: 200 at 0, fitted to Lightroom's published Kelvin table."""
    t = 100 * temperature
    return 200 - 2.4 * t + 0.006 * t * t


def cone_gains(temperature, tint):
    """Bradford gains that adapt the illuminant W(temperature, tint) to W(0, 0); exactly 1 at (0, 0).

    Args:
      temperature, tint: slider values, −1…1, scalars or maps.

    Returns:
      three gains of the broadcast shape.
    """
    d = (mired(temperature) - 200) / 300
    s = 100 * tint
    shift = 0.8 * s + jnp.where(s > 0, 0.0061, 0.0079) * s * jnp.abs(s)  # in the unit of Camera Raw's tint
    duv = shift / 3000  # added to _DUV; a greener light makes the photo more magenta
    # Differences from W(0, 0), each term with a factor that is exactly 0 there.
    du, dv = ((d * horner(locus[1], d)) + _DUV * (d * horner(normal[1], d))
              + duv * (normal[0] + d * horner(normal[1], d)) for locus, normal in ((_U, _NORMAL_U), (_V, _NORMAL_V)))
    u0, v0 = _U[0] + _DUV * _NORMAL_U[0], _V[0] + _DUV * _NORMAL_V[0]
    gains = []
    for x, y, z in _BRADFORD:
        # With Y = 1: X = 3u/2v and Z = (4 − u − 10v)/2v, so a cone response is (c + p·u + q·v)/2v.
        p, q, c = 3 * x - z, 2 * y - 10 * z, 4 * z
        response = c + p * u0 + q * v0
        light = (1 + du * (p / response) + dv * (q / response)) / (1 + dv * (1 / v0))
        # Warm and very green "lights" are imaginary: no cone response falls to 0 or below.
        low = minimum(light, _DIMMEST)
        gains.append(1 / jnp.where(light < _DIMMEST, _DIMMEST**2 / (2 * _DIMMEST - low), light))
    return gains


def linear_matrix(v, groups):
    """The 3×3 matrix of step 1: calibration, then white balance, then 2^EV; nested lists of scalars or maps."""
    one, zero = jnp.ones_like(v["Exposure"]), jnp.zeros_like(v["Exposure"])
    m = [[one if i == j else zero for j in range(3)] for i in range(3)]
    if "white_balance" in groups:
        gains = cone_gains(v["Temperature"], v["Tint"])
        m = [[m[i][j] + sum((gains[k] - 1) * (_FROM_CONES[i][k] * _TO_CONES[k][j]) for k in range(3))
              for j in range(3)] for i in range(3)]
    if "calibration" in groups:
        m = _matmul(m, _calibration_matrix(v, one))
    if "exposure" in groups:
        gain = exp2(v["Exposure"])
        m = [[gain * x for x in row] for row in m]
    return m


def _calibration_matrix(v, one):
    """Moves the primaries: columns are where red, green and blue go; rows sum to 1, so greys stay."""
    columns = []
    for i, name in enumerate(("Red", "Green", "Blue")):
        hue, saturation = v[f"Calibration{name}Hue"], v[f"Calibration{name}Saturation"]
        after, before = (i + 1) % 3, (i + 2) % 3  # positive hue: red → yellow, green → cyan, blue → magenta
        turn = 0.25 * hue
        column = [None, None, None]
        column[after] = maximum(turn, 0.0) - 0.15 * saturation
        column[before] = maximum(-turn, 0.0) - 0.15 * saturation
        columns.append(column)
    rows = []
    for i in range(3):
        off = [columns[j][i] for j in range(3)]
        off[i] = one - sum(off[j] for j in range(3) if j != i)
        rows.append(off)
    return rows


def linear_stage(planes, v, groups):
    """Step 1 on linear light, plus the tint of the darks (calibration)."""
    red, green, blue = planes
    m = [[spread(x, red.shape) for x in row] for row in linear_matrix(v, groups)]
    out = [m[i][0] * red + m[i][1] * green + m[i][2] * blue for i in range(3)]
    if "calibration" in groups:
        y = luma(out)
        dark = 0.02 / (0.02 + jnp.abs(y))  # falls from 1 at black to 1/10 at .18
        lift = v["CalibrationShadowTint"] * dark * y
        out = [out[0] + 0.5 * lift, out[1] - 0.2 * lift, out[2] + 0.5 * lift]
    return out


def chroma_plane(planes):
    """(α, β) = (R − (G+B)/2, √3/2 (G−B)); hue is its angle, chroma its length."""
    red, green, blue = planes
    return red - 0.5 * (green + blue), (_SQRT3 / 2) * (green - blue)


def shift_chroma(planes, d_alpha, d_beta):
    """Adds to (α, β) and keeps the encoded luma."""
    shifts = (d_alpha * (2 / 3), d_beta * (1 / _SQRT3) - d_alpha * (1 / 3), -d_beta * (1 / _SQRT3) - d_alpha * (1 / 3))
    level = luma(shifts)
    return [x + (shift - level) for x, shift in zip(planes, shifts, strict=True)]


def _length(alpha, beta):
    return jnp.sqrt(alpha * alpha + beta * beta + 1e-12)  # finite gradient at grey


def hue_degrees(alpha, beta):
    """Hue in [0, 360); at grey 0 with zero gradient."""
    grey = (jnp.abs(alpha) < 1e-6) & (jnp.abs(beta) < 1e-6)
    angle = jnp.arctan2(jnp.where(grey, 0.0, beta), jnp.where(grey, 1.0, alpha)) * (180 / math.pi)
    return jnp.where(angle < 0, angle + 360, angle)


def _by_hue(ramps, values):
    """Σ weight_k(hue)·value_k for the eight hues; neighbours blend by smoothstep, weights sum to 1."""
    out = values[0] + jnp.zeros_like(ramps[0])
    for k in range(8):
        out = out + ramps[k] * (values[(k + 1) % 8] - values[k])
    return out


def _hue_ramps(hue):
    ends = (*HUE_CENTRES[1:], 360.0)
    return [smoothstep(lo, hi, hue) for lo, hi in zip(HUE_CENTRES, ends, strict=True)]


def hsl(planes, v):
    """The 24 HSL sliders on encoded planes."""
    alpha, beta = chroma_plane(planes)
    chroma = _length(alpha, beta)
    ramps = _hue_ramps(hue_degrees(alpha, beta))
    ends = (*HUE_CENTRES[1:], 360.0)
    turns = []
    for k, name in enumerate(HUES):
        ahead, behind = ends[k] - HUE_CENTRES[k], HUE_CENTRES[k] - (HUE_CENTRES[k - 1] if k else -60.0)
        value = v[f"Hue{name}"]
        turns.append(value * jnp.where(value > 0, ahead, behind) * (0.6 * math.pi / 180))
    turn = _by_hue(ramps, turns)
    strength = 1 + _by_hue(ramps, [v[f"Saturation{name}"] for name in HUES])
    light = _by_hue(ramps, [v[f"Luminance{name}"] for name in HUES])
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    planes = shift_chroma(planes, (alpha * cos - beta * sin) * strength - alpha,
                          (alpha * sin + beta * cos) * strength - beta)
    gain = exp2(0.5 * light * chroma / (chroma + 0.15))
    return [gain * x for x in planes]


def vibrance_saturation(planes, v, offset=0.0, ratio=1.0):
    """Vibrance (muted colours first, skin protected), then Saturation, which leaves greys alone.

    Args:
      offset, ratio: the encoded planes are offset + ratio·planes; so the tone curve's planes need not be written.
    """
    alpha, beta = once_backward(chroma_plane(planes))
    chroma = once_backward(_length(alpha, beta))
    toward_skin = (alpha * math.cos(math.radians(25)) + beta * math.sin(math.radians(25))) / chroma
    skin = smoothstep(0.8, 1.0, toward_skin)
    gain = 1 + v["Vibrance"] * (1 - smoothstep(0.0, 0.7, ratio * chroma)) * (1 - 0.5 * skin)
    gain = stage(ratio * (gain * (1 + v["Saturation"])))
    level = stage(offset + (ratio - gain) * once_backward(luma(planes)))
    return [level + gain * x for x in planes]


def black_and_white(planes, v):
    """y·(1 + mix·C/(C+.15)), mixed in by BlackAndWhite (0…1)."""
    alpha, beta = chroma_plane(planes)
    chroma = _length(alpha, beta)
    mix = _by_hue(_hue_ramps(hue_degrees(alpha, beta)), [v[f"Gray{name}"] for name in HUES])
    y = luma(planes)
    grey = y * (1 + mix * chroma / (chroma + 0.15))
    return [x + v["BlackAndWhite"] * (grey - x) for x in planes]


def grading(planes, v):
    """Colour and brightness for shadows, midtones, highlights and all; the three weights sum to 1."""
    y = luma(planes)
    pivot = 0.5 - 0.25 * v["GradingBalance"]
    width = 0.25 + 0.4 * v["GradingBlending"]
    shadow = 1 - smoothstep(pivot - width, pivot, y)
    highlight = smoothstep(pivot, pivot + width, y)
    weights = {"Shadow": shadow, "Midtone": 1 - shadow - highlight, "Highlight": highlight, "Global": jnp.ones_like(y)}
    strength = 0.2 * clip(4 * y * (1 - y), 0.0, 1.0)
    d_alpha = d_beta = light = 0.0
    for zone, weight in weights.items():
        amount = v[f"{zone}Saturation"] * weight
        d_alpha = d_alpha + amount * jnp.cos(v[f"{zone}Hue"])
        d_beta = d_beta + amount * jnp.sin(v[f"{zone}Hue"])
        if zone != "Global":
            light = light + weight * v[f"{zone}Luminance"]
    planes = shift_chroma(planes, strength * d_alpha, strength * d_beta)
    gain = 1 + 0.15 * v["GlobalLuminance"]
    rise = 0.3 * width * light  # neighbours at opposite ends stay monotone: slope ≥ 1 − .9
    return [gain * (x + rise) for x in planes]
