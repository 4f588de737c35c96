"""Distances between photos, and the statistics that go with them. Imports nothing else of rtq.

Photos are `float32[H, W, 3]` in encoded sRGB, 0–1; what lies outside is clipped first, as a screen would.
"""

from collections.abc import Sequence

import numpy as np

_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                    [0.0193339, 0.1191920, 0.9503041]], np.float32)
_TO_XYZ_WHITE = _TO_XYZ / _TO_XYZ.sum(1, keepdims=True)  # white is exactly (1, 1, 1): a* = b* = 0 for every grey


def _pair(a, b) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.shape != b.shape or a.ndim < 2 or a.shape[-1] != 3 or a.size == 0:
        raise ValueError(f"photos of shapes {a.shape} and {b.shape}; two of one shape [H, W, 3] are needed")
    return np.clip(a, 0, 1), np.clip(b, 0, 1)


def l1(a, b) -> float:
    """Mean absolute difference on 0–255."""
    a, b = _pair(a, b)
    return float(255 * np.abs(a - b).mean(dtype=np.float64))


def l2(a, b) -> float:
    """Root mean squared difference on 0–255."""
    a, b = _pair(a, b)
    return float(255 * np.sqrt(np.square(a - b).mean(dtype=np.float64)))


def psnr(a, b) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal photos."""
    error = l2(a, b) / 255
    return float("inf") if error == 0 else float(-20 * np.log10(error))


def ssim(a, b) -> float:
    """Structural similarity (Wang et al. 2004: Gaussian window, σ 1.5), mean over channels; sides of at least 11."""
    from skimage.metrics import structural_similarity

    a, b = _pair(a, b)
    return float(structural_similarity(a, b, channel_axis=-1, data_range=1.0, gaussian_weights=True, sigma=1.5,
                                       use_sample_covariance=False))


def linear(photo, xp=np):
    """Encoded sRGB, clipped to 0–1 → linear light, float32 of the same shape. xp: numpy, or jax.numpy on a device."""
    x = xp.clip(xp.asarray(photo, np.float32), 0, 1)
    return xp.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def lab_of_linear(rgb, xp=np):
    """Linear sRGB 0–1, float32[..., 3] → CIELAB under D65: L* 0–100, a*, b*."""
    t = rgb @ _TO_XYZ_WHITE.T
    f = xp.where(t > 216 / 24389, xp.cbrt(t), (24389 / 27 * t + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return xp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def lab(photo, xp=np):
    """Encoded sRGB → CIELAB under D65, float32[..., 3]."""
    return lab_of_linear(linear(photo, xp), xp)


def delta_e2000(lab_a, lab_b, xp=np):
    """CIEDE2000 (Sharma, Wu and Dalal 2005) between CIELAB colours [..., 3] → [...]; kL = kC = kH = 1.

    float64 with numpy, float32 with jax.numpy.
    """
    precise = np.float64 if xp is np else np.float32
    (l1_, a1, b1), (l2_, a2, b2) = (xp.moveaxis(xp.asarray(x, precise), -1, 0) for x in (lab_a, lab_b))
    mean_c7 = ((xp.hypot(a1, b1) + xp.hypot(a2, b2)) / 2) ** 7
    g = 1 + 0.5 * (1 - xp.sqrt(mean_c7 / (mean_c7 + 25.0**7)))
    c1, c2 = xp.hypot(a1 * g, b1), xp.hypot(a2 * g, b2)
    h1, h2 = (xp.degrees(xp.arctan2(b, a * g)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    dh = xp.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    d_l, d_c, d_h = l2_ - l1_, c2 - c1, 2 * xp.sqrt(c1 * c2) * xp.sin(xp.radians(dh / 2))
    mean_l, mean_c = (l1_ + l2_) / 2, (c1 + c2) / 2
    wrap = xp.where(xp.abs(h1 - h2) <= 180, 0, xp.where(h1 + h2 < 360, 360, -360))
    mean_h = xp.where(grey, h1 + h2, (h1 + h2 + wrap) / 2)
    t = (1 - 0.17 * xp.cos(xp.radians(mean_h - 30)) + 0.24 * xp.cos(xp.radians(2 * mean_h))
         + 0.32 * xp.cos(xp.radians(3 * mean_h + 6)) - 0.20 * xp.cos(xp.radians(4 * mean_h - 63)))
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / xp.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    r = -2 * xp.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * xp.sin(xp.radians(60 * xp.exp(-(((mean_h - 275) / 25) ** 2))))
    return xp.sqrt((d_l / s_l) ** 2 + (d_c / s_c) ** 2 + (d_h / s_h) ** 2 + r * (d_c / s_c) * (d_h / s_h))


def delta_e(a, b) -> float:
    """Mean CIEDE2000 between two photos."""
    a, b = _pair(a, b)
    return float(delta_e2000(lab(a), lab(b)).mean())


def distances(a, b) -> dict[str, float]:
    """All of them by name: l1, l2, psnr, ssim, delta_e."""
    return {"l1": l1(a, b), "l2": l2(a, b), "psnr": psnr(a, b), "ssim": ssim(a, b), "delta_e": delta_e(a, b)}


def pair_accuracy(strong, weak) -> float:
    """Share of pairs whose strong edit scores above its weak one; a tie is wrong (RetouchIQ's 1[r > r_w])."""
    strong, weak = np.asarray(strong, np.float64), np.asarray(weak, np.float64)
    if strong.shape != weak.shape or strong.size == 0:
        raise ValueError(f"scores of shapes {strong.shape} and {weak.shape}; two of one shape, not empty, are needed")
    return float((strong > weak).mean())


def bootstrap(values, groups, n: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Mean and its standard error, resampling groups (photos) with all their values together.

    Args:
      values: float[N].
      groups: N labels; values of one photo share a label, so that they are not counted as independent.
      n: resamples.
      seed: of the resampling.

    Returns:
      (mean of the values, standard deviation of the mean over resamples: 0 with a single group).
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or values.size == 0 or len(groups) != values.size:
        raise ValueError(f"bootstrap: {values.shape} values with {len(groups)} groups; as many groups as values needed")
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(index, values), np.bincount(index)
    size = len(sums)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), n)
    return float(values.mean()), float(((drawn @ sums) / (drawn @ counts)).std())


def over_seeds(means: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error over independent seeds (0 for a single one)."""
    means = np.asarray(means, np.float64)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else 0.0


def ranks(values) -> np.ndarray:
    """Ranks from 0, ties sharing their mean rank."""
    _, index, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[index]


def spearman(a, b) -> float:
    """Rank correlation; 0 where either side is constant (nothing is ordered)."""
    if np.shape(a) != np.shape(b) or np.ndim(a) != 1:
        raise ValueError(f"rank correlation of shapes {np.shape(a)} and {np.shape(b)}; two vectors of one length")
    a, b = ranks(a), ranks(b)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0
