"""OpenCV: an 8-bit pipeline by hand; two tables and the vignette's mask are made beforehand."""

import cv2
import numpy as np

from peers import curves, photos


def work(size: str):
    """() → uint8[H, W, 3]."""
    photo = photos.photo(size)
    tables, mask = curves.tables()[None], curves.vignette_mask(size)
    keep = np.arange(256, dtype=np.uint8)
    hsv_tables = np.stack([keep, curves.saturation_table(), keep], -1)[None]
    amount = photos.TWELVE["sharpness"] / 100

    def edit():
        x = cv2.LUT(photo, tables)
        hsv = cv2.cvtColor(x, cv2.COLOR_RGB2HSV_FULL)
        cv2.LUT(hsv, hsv_tables, hsv)
        cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL, x)
        blurred = cv2.GaussianBlur(x, (19, 19), 3, dst=hsv)
        cv2.addWeighted(x, 1 + amount, blurred, -amount, 0, dst=x)
        return cv2.multiply(x, mask, dst=x, scale=1 / 255)

    return photo, edit
