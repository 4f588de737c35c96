"""kornia.enhance: the seven adjustments that it has (no highlights, shadows, vibrance, temperature or vignette)."""

import kornia.enhance as enhance
import torch

from peers import photos
from peers.torch_chain import from_tensor, to_tensor


def work(size: str):
    """() → uint8[H, W, 3]."""
    photo = photos.photo(size)

    @torch.inference_mode()
    def edit():
        x = to_tensor(photo)[None]
        x = enhance.adjust_brightness(x, 0.05)
        x = enhance.adjust_contrast(x, 1.2)
        x = enhance.adjust_gamma(x, 0.9)
        x = enhance.adjust_sigmoid(x, cutoff=0.5, gain=6.0)
        x = enhance.adjust_hue(x, 0.02)
        x = enhance.adjust_saturation(x, 1.15)
        return from_tensor(enhance.sharpness(x, 1.4)[0])

    return photo, edit
