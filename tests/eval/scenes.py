"""Photos and edits for the tests of eval: real ones in miniature, edited by plain arithmetic instead of the editor."""

import numpy as np
from PIL import Image
from skimage import data

SIDE = 96


def square(name: str, side: int = SIDE) -> np.ndarray:
    """A photo of scikit-image as float32[side, side, 3]."""
    image = Image.fromarray(getattr(data, name)()).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255


# with some room at both ends, so that edits are not cut off
PHOTOS = {name: 0.06 + 0.82 * square(name) for name in ("astronaut", "coffee", "chelsea")}


def _light(photo):
    return np.where(photo <= 0.04045, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4)


def _encoded(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def _luma(photo):
    return photo @ np.array([[0.2126], [0.7152], [0.0722]], np.float32)


def _bump(photo, centre, width):
    return np.exp(-(((_luma(photo) - centre) / width) ** 2))


def _blurred(photo):
    padded = np.pad(photo, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return sum(padded[i:i + photo.shape[0], j:j + photo.shape[1]] for i in range(3) for j in range(3)) / 9


def _corners(photo):
    rows, columns = (np.linspace(-1, 1, n) for n in photo.shape[:2])
    return (rows[:, None] ** 2 + columns[None] ** 2)[..., None] / 2


# attribute → edit(photo, amount); amount 1 is plain, −1 its opposite
EDITS = {
    "brightness": lambda p, a: _encoded(_light(p) * 2 ** (0.5 * a)),
    "contrast": lambda p, a: np.clip((p - 0.45) * 1.25**a + 0.45, 0, 1),
    "warmth": lambda p, a: _encoded(_light(p) * np.array([1.12**a, 1, 0.8**a])),
    "tint": lambda p, a: _encoded(_light(p) * np.array([1.06**a, 0.92**a, 1.06**a])),
    "saturation": lambda p, a: np.clip(_luma(p) + (p - _luma(p)) * 1.35**a, 0, 1),
    "highlights": lambda p, a: np.clip(p + 0.08 * a * _bump(p, 0.75, 0.15), 0, 1),
    "shadows": lambda p, a: np.clip(p + 0.05 * a * _bump(p, 0.2, 0.15), 0, 1),
    "whites": lambda p, a: np.clip(p * (1 + 0.12 * a * _luma(p) ** 4), 0, 1),
    "blacks": lambda p, a: np.clip(p + 0.03 * a * (1 - _luma(p)) ** 6, 0, 1),
    "sharpness": lambda p, a: np.clip(p + 0.6 * a * (p - _blurred(p)), 0, 1),
    "vignette": lambda p, a: _encoded(_light(p) * 2 ** (-0.8 * a * _corners(p))),
    "haze": lambda p, a: np.clip(p + (0.75 - p) * 0.15 * a, 0, 1),
}


def edit(photo: np.ndarray, attribute: str, amount: float) -> np.ndarray:
    """The photo with one attribute changed by plain arithmetic."""
    return EDITS[attribute](photo, amount).astype(np.float32)
