"""The per-channel part of the twelve adjustments as 8-bit tables, for the peers that work with tables."""

import numpy as np

from peers.photos import SIZES, TWELVE


def tables() -> np.ndarray:
    """uint8[256, 3]: exposure, contrast, highlights, shadows, whites, blacks, temperature, tint; a table a channel."""
    p = {name: value / 100 for name, value in TWELVE.items()}
    x = np.linspace(0, 1, 256)[:, None].repeat(3, 1) * 2 ** p["exposure"]
    x = (x - 0.5) * (1 + p["contrast"]) + 0.5
    x = x + 0.3 * p["highlights"] * np.clip(2 * x - 1, 0, 1) ** 2 + 0.3 * p["shadows"] * np.clip(1 - 2 * x, 0, 1) ** 2
    x = x + 0.2 * p["whites"] * np.clip(x, 0, 1) ** 4 + 0.2 * p["blacks"] * np.clip(1 - x, 0, 1) ** 4
    warm, tint = 0.2 * p["temperature"], 0.1 * p["tint"]
    x = x * np.array([1 + warm, 1 - tint, 1 - warm])
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


def saturation_table() -> np.ndarray:
    """uint8[256]: vibrance, then saturation, on the saturation of HSV."""
    s = np.linspace(0, 1, 256)
    s = s * (1 + TWELVE["vibrance"] / 100 * (1 - s)) * (1 + TWELVE["saturation"] / 100)
    return np.rint(np.clip(s, 0, 1) * 255).astype(np.uint8)


def vignette_mask(size: str) -> np.ndarray:
    """uint8[H, W, 3]: what the vignette leaves, 255 = all."""
    height, width = SIZES[size]
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1)[:, None]
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1)[None]
    left = 1 + TWELVE["vignette"] / 100 * ((x * x + y * y) / 2) ** 1.25
    return np.rint(left * 255).astype(np.uint8)[..., None].repeat(3, 2)
