"""Pillow: a table, ImageEnhance.Contrast and Color, UnsharpMask, and a mask made beforehand."""

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from peers import curves, photos


def work(size: str):
    """() → uint8[H, W, 3]."""
    photo = photos.photo(size)
    table = curves.tables().T.reshape(-1).tolist()
    mask = Image.fromarray(curves.vignette_mask(size))
    p = {name: value / 100 for name, value in photos.TWELVE.items()}
    unsharp = ImageFilter.UnsharpMask(3, int(p["sharpness"] * 100), 0)

    def edit():
        x = ImageEnhance.Contrast(Image.fromarray(photo).point(table)).enhance(1 + p["contrast"])
        x = ImageEnhance.Color(x).enhance((1 + p["vibrance"]) * (1 + p["saturation"]))
        return np.asarray(ImageChops.multiply(x.filter(unsharp), mask))

    return photo, edit
