"""What an edit changed, measured in pixels: signed, graded attribute changes in CIELAB between two aligned photos.

Attributes depend on one another: more light also means more contrast and more chroma. So all but brightness are
measured against the *matched* photo: the one before, its linear light multiplied (and clipped) until its mean L* is
that of the photo after. What pure exposure does is brightness and little else.

Units: one *level* is about what a person would call "slightly" (`LEVEL`); 0 is no change. The sign says more (+) or
less (−) of the named thing:

    brightness               mean L*
    contrast                 slope of the tone curve through the middle tones (log2)
    highlights, shadows      L* of the bright and of the dark tones: half of the rise itself, half relative to the
                             matched photo (a mere change of light counts, but only half)
    whites, blacks           L* near the white and near the black end, likewise; blacks + is lighter
    warmth, tint             cast a grey would get: along daylight (+ yellow), across it (+ magenta)
    saturation, mono         chroma, cast aside (log2); its loss
    sharpness, clarity       finest and middling local contrast, overall contrast aside (log2)
    noise                    median of the finest local contrast (log2)
    vignette                 L* of the centre above that of the corners
    haze                     lighter blacks and less saturation, half each
    fade                     lighter blacks and less contrast, half each
    <hue>_saturation         mean chroma of that hue's colours (log2)
    <hue>_luminance          mean L* of that hue's colours

A soft region (float[H, W], 0–1) restricts every measure to itself.
"""

import dataclasses

import numpy as np

from rtq.eval import metrics

HUES = ("red", "orange", "yellow", "green", "aqua", "blue", "purple", "magenta")
TONES = ("brightness", "contrast", "highlights", "shadows", "whites", "blacks", "warmth", "tint", "saturation",
         "sharpness", "clarity", "noise", "vignette")
DERIVED = ("haze", "fade", "mono")  # made of the others
BY_HUE = tuple(f"{hue}_{what}" for hue in HUES for what in ("saturation", "luminance"))
ATTRIBUTES = TONES + DERIVED + BY_HUE
LEVEL = {"brightness": 4.0, "contrast": 0.06, "highlights": 1.0, "shadows": 1.0, "whites": 1.0, "blacks": 1.0,
         "warmth": 4.0, "tint": 2.5, "saturation": 0.12, "sharpness": 0.2, "clarity": 0.06, "noise": 0.3,
         "vignette": 3.0, "mono": 1.4}
LEVEL |= {name: 0.15 if name.endswith("saturation") else 2.0 for name in BY_HUE}

# CIELAB hue angles of the eight named colours at full strength (sRGB hues 0, 30, 60, 120, 180, 240, 270, 300 degrees).
_HUE_ANGLES = np.radians([40.0, 62.0, 102.8, 136.0, 196.4, 290.0, 309.0, 328.2])
# Where a grey's (a*, b*) moves when the light moves along the Planckian locus near D65, and across it.
_WARM, _MAGENTA = np.array([0.05, 1.0]), np.array([1.0, -0.95])
_FROM_CAST = np.linalg.inv(np.stack([_WARM, _MAGENTA], 1))


@dataclasses.dataclass(frozen=True)
class Measured:
    """A photo prepared for comparing. linear, lab: float32[H, W, 3], clipped to display range."""

    linear: np.ndarray
    lab: np.ndarray


def measured(photo) -> Measured:
    """Encoded sRGB float32[H, W, 3] → `Measured`."""
    photo = np.asarray(photo, np.float32)
    if photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) < 16:
        raise ValueError(f"photo of shape {photo.shape}; [H, W, 3] with sides of at least 16 is needed")
    light = metrics.linear(photo)
    return Measured(light, metrics.lab_of_linear(light))


def changes(before, after, region=None) -> dict[str, float]:
    """Signed changes in levels, every attribute of `ATTRIBUTES`.

    Args:
      before, after: float32[H, W, 3] encoded sRGB of one size, or `Measured`.
      region: float[H, W] in 0–1, or None for the whole photo.
    """
    before, after = (x if isinstance(x, Measured) else measured(x) for x in (before, after))
    if before.lab.shape != after.lab.shape:
        raise ValueError(f"before is {before.lab.shape[:2]}, after {after.lab.shape[:2]}; one size is needed")
    shape = before.lab.shape[:2]
    weight = np.ones(shape, np.float32) if region is None else np.asarray(region, np.float32)
    if weight.shape != shape or not (weight.min() >= 0 and weight.sum() > 0):
        raise ValueError(f"region of shape {weight.shape} for photos {shape}; that shape, 0–1, not all 0, is needed")
    weight = weight / weight.sum()
    gain = _matching_gain(before, after, weight)
    reference = before.lab if gain == 1 else metrics.lab_of_linear(np.minimum(before.linear * np.float32(gain), 1))
    raw = {"brightness": _mean(after.lab[..., 0] - before.lab[..., 0], weight),
           **_tone(before.lab[..., 0], reference[..., 0], after.lab[..., 0], weight),
           **_color(reference, after.lab, weight), **_detail(reference[..., 0], after.lab[..., 0], weight),
           "vignette": _vignette(after.lab[..., 0] - reference[..., 0], weight),
           **_hues(before.lab, reference, after.lab, weight)}
    out = {name: float(value) / LEVEL[name] for name, value in raw.items()}
    out["haze"] = (out["blacks"] - out["saturation"]) / 2
    out["fade"] = (out["blacks"] - out["contrast"]) / 2
    return {name: out[name] for name in ATTRIBUTES}


def _mean(x, weight) -> float:
    return float((x * weight).sum(dtype=np.float64))


def _log2(after: float, before: float, floor: float) -> float:
    return float(np.log2((abs(after) + floor) / (abs(before) + floor)))


def _matching_gain(before: Measured, after: Measured, weight: np.ndarray) -> float:
    """What the linear light before is multiplied by (and clipped) so that its mean L* is that of the photo after."""
    rise = _mean(after.lab[..., 0] - before.lab[..., 0], weight)
    if abs(rise) < 1e-3:
        return 1.0
    step = max(1, min(weight.shape) // 96)  # every so many pixels are enough to find one number
    light, part = before.linear[::step, ::step], weight[::step, ::step]
    if part.sum() < 0.2 / step**2:  # a thin region that the coarse grid misses
        light, part = before.linear, weight
    part = part / part.sum()
    target = _mean(metrics.lab_of_linear(light)[..., 0], part) + rise
    lo, hi = -5.0, 5.0
    for _ in range(16):
        middle = (lo + hi) / 2
        mean = _mean(metrics.lab_of_linear(np.minimum(light * np.float32(2**middle), 1))[..., 0], part)
        lo, hi = (middle, hi) if mean < target else (lo, middle)
    return 2 ** ((lo + hi) / 2)


def _quantiles(x: np.ndarray, weight: np.ndarray, at) -> np.ndarray:
    """Weighted quantiles of float[H, W]."""
    order = np.argsort(x, axis=None)
    total = np.cumsum(weight.ravel()[order])
    index = np.minimum(np.searchsorted(total, np.asarray(at) * total[-1]), x.size - 1)
    return x.ravel()[order][index]


def _slope(x, y, weight) -> float:
    """Slope of y over x by weighted least squares, drawn to 1 where x hardly varies."""
    total = weight.sum()
    dx, dy = x - (x * weight).sum() / total, y - (y * weight).sum() / total
    return float(((dx * dy * weight).sum() / total + 0.25) / ((dx * dx * weight).sum() / total + 0.25))


def _tone(before, reference, after, weight) -> dict[str, float]:
    q02, q10, q35, q65, q90, q98 = _quantiles(before, weight, (0.02, 0.10, 0.35, 0.65, 0.90, 0.98))
    rise = after - (reference + before) / 2

    def over(mask):
        part = weight * mask
        return _mean(rise, part / part.sum()) if part.sum() > 0 else 0.0

    middle = weight * ((before >= q10) & (before <= q90))
    slope = _slope(reference, after, middle if middle.sum() > 0 else weight)
    return {"contrast": np.log2(max(slope, 0.05)), "highlights": over((before >= q65) & (before <= q98)),
            "shadows": over((before >= q02) & (before <= q35)), "whites": over(before >= q98),
            "blacks": over(before <= q02)}


def _color(reference, after, weight) -> dict[str, float]:
    """(a*, b*) after = k·(a*, b*) before + cast by least squares: k is saturation, the cast is warmth and tint."""
    x, y = reference[..., 1:].astype(np.float64), after[..., 1:].astype(np.float64)
    w = weight[..., None]
    mean_x, mean_y = (x * w).sum((0, 1)), (y * w).sum((0, 1))
    spread = (w * (x - mean_x) ** 2).sum()
    k = ((w * (x - mean_x) * (y - mean_y)).sum() + 2) / (spread + 2)
    warmth, tint = _FROM_CAST @ (mean_y - k * mean_x)
    saturation = np.log2(max(k, 0.05))
    return {"saturation": saturation, "mono": max(-saturation, 0.0), "warmth": warmth, "tint": tint}


def _blur(x: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(x, sigma, mode="nearest", truncate=3)


def _detail(x, y, weight) -> dict[str, float]:
    """Local contrast after / before in two bands (below 1 px; 0.4–2% of the long side), overall contrast aside."""
    inside = weight > 0.1 * weight.max()

    def deviations(plane):
        bands = (plane - _blur(plane, 1.0), _blur(plane, 0.004 * max(x.shape)) - _blur(plane, 0.02 * max(x.shape)),
                 plane - _mean(plane, weight))
        return [*(np.sqrt(_mean(band * band, weight)) for band in bands), np.median(np.abs(bands[0][inside]))]

    fine, middling, overall, typical = (_log2(a, b, 0.05) for a, b in zip(deviations(y), deviations(x), strict=True))
    return {"sharpness": fine - overall, "clarity": middling - overall, "noise": typical - overall}


def _vignette(rise, weight) -> float:
    rows, columns = (np.abs(np.linspace(-1, 1, n, dtype=np.float32)) for n in rise.shape)
    radius = np.hypot(rows[:, None], columns[None]) / np.sqrt(2)
    centre, corners = weight * (radius < 0.4), weight * (radius > 0.75)
    if min(centre.sum(), corners.sum()) < 0.02:
        return 0.0
    return _mean(rise, centre / centre.sum()) - _mean(rise, corners / corners.sum())


def _hues(before, reference, after, weight) -> dict[str, float]:
    """By hue in the matched photo; a hue that fills under 0.5% of the region has not changed."""
    chroma = np.hypot(reference[..., 1], reference[..., 2])
    angle = np.arctan2(reference[..., 2], reference[..., 1])
    colored = np.clip((chroma - 4) / 8, 0, 1) * weight
    chroma_after = np.hypot(after[..., 1], after[..., 2])
    out = {}
    for i, hue in enumerate(HUES):
        away = (angle - _HUE_ANGLES[i] + np.pi) % (2 * np.pi) - np.pi
        down = (_HUE_ANGLES[i] - _HUE_ANGLES[i - 1]) % (2 * np.pi)
        up = (_HUE_ANGLES[(i + 1) % 8] - _HUE_ANGLES[i]) % (2 * np.pi)
        part = colored * np.clip(1 - np.abs(away) / np.where(away < 0, down, up), 0, 1)
        share = part.sum()
        if share < 0.005:
            out |= {f"{hue}_saturation": 0.0, f"{hue}_luminance": 0.0}
            continue
        part = part / share
        out[f"{hue}_saturation"] = _log2(_mean(chroma_after, part), _mean(chroma, part), 1.0)
        out[f"{hue}_luminance"] = _mean(after[..., 0] - before[..., 0], part)
    return out
