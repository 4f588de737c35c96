"""Photos that the benchmark edits, and the twelve adjustments as numbers."""

import numpy as np

# In the order in which every peer applies them; −100 to 100, exposure 30 is 0.3 EV.
TWELVE = {"exposure": 30, "contrast": 20, "highlights": -30, "shadows": 30, "whites": 15, "blacks": -10,
          "temperature": 20, "tint": -10, "vibrance": 30, "saturation": 15, "sharpness": 40, "vignette": -30}

SIZES = {"12mp": (3000, 4000), "1024": (1024, 1024), "50mp": (6144, 8192)}  # height, width


def photo(size: str) -> np.ndarray:
    """uint8[H, W, 3]: scikit-image's coffee, or astronaut for the square, enlarged, with a little noise."""
    from PIL import Image
    from skimage import data

    height, width = SIZES[size]
    source = data.astronaut() if size == "1024" else data.coffee()
    large = np.asarray(Image.fromarray(source).resize((width, height), Image.Resampling.BICUBIC))
    noise = np.random.default_rng(0).normal(0, 3, (512, width, 3)).astype(np.int16)
    out = np.empty_like(large)
    for top in range(0, height, 512):
        rows = large[top:top + 512]
        out[top:top + 512] = np.clip(rows + noise[:rows.shape[0]], 0, 255)
    return out


def synthetic(height: int, width: int, seed: int = 0) -> np.ndarray:
    """float32[H, W, 3]: smooth colours with noise, for machines without scikit-image."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    waves = [0.5 + 0.4 * np.sin(a * x + b * y + c) for a, b, c in rng.uniform(1, 12, (3, 3)).astype(np.float32)]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 0.01, (height, width, 3)).astype(np.float32), 0, 1)
