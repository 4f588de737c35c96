"""PyTorch: the twelve adjustments in float32 planes, eager or compiled, with gradients of the twelve amounts."""

import numpy as np
import torch
from torch.nn import functional

from peers import photos

SIGMA, TAPS = 3.0, 19


def to_tensor(photo: np.ndarray) -> torch.Tensor:
    """uint8[H, W, 3] → float32[3, H, W], 0–1."""
    return _to_planes(torch.from_numpy(photo))


def from_tensor(x: torch.Tensor) -> np.ndarray:
    """float32[3, H, W] → uint8[H, W, 3]."""
    return _to_pixels(x).numpy()


def _to_planes(pixels):
    return pixels.permute(2, 0, 1).float() / 255


def _to_pixels(x):
    return (x.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).contiguous()


def blur(x):
    """Separable Gaussian, [3, H, W]; edges reflected, for the compiled backward of "replicate" fails (torch 2.13.0)."""
    reach = TAPS // 2
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / SIGMA) ** 2)
    weights = (weights / weights.sum()).repeat(3, 1)
    x = functional.pad(x[None], (0, 0, reach, reach), mode="reflect")
    x = functional.conv2d(x, weights[:, None, :, None], groups=3)
    x = functional.pad(x, (reach, reach, 0, 0), mode="reflect")
    return functional.conv2d(x, weights[:, None, None, :], groups=3)[0]


def adjust(x, p):
    """The twelve adjustments.

    Args:
      x: float32[3, H, W], 0–1.
      p: float32[12], amounts / 100 in the order of `photos.TWELVE`.

    Returns:
      float32[3, H, W].
    """
    exposure, contrast, highlights, shadows, whites, blacks, temperature, tint, vibrance, saturation, sharp, corner = p
    x = x * 2 ** exposure
    x = (x - 0.5) * (1 + contrast) + 0.5
    luma = 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]
    x = x + (0.3 * highlights * (2 * luma - 1).clamp(0, 1) ** 2 + 0.3 * shadows * (1 - 2 * luma).clamp(0, 1) ** 2)
    luma = (0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]).clamp(0, 1)
    x = x + (0.2 * whites * luma ** 4 + 0.2 * blacks * (1 - luma) ** 4)
    one = torch.ones_like(tint)
    x = x * torch.stack([one + 0.2 * temperature, one - 0.1 * tint, one - 0.2 * temperature])[:, None, None]
    x = x.clamp(0, 1)
    value = x.amax(0)
    in_use = 1 - x.amin(0) / (value + 1e-6)  # saturation of HSV; scaling it needs no hue
    x = value - (value - x) * ((1 + vibrance * (1 - in_use)) * (1 + saturation))
    x = x + sharp * (x - blur(x))
    height, width = x.shape[1:]
    rows = ((torch.arange(height) + 0.5) / height * 2 - 1)[:, None]
    columns = ((torch.arange(width) + 0.5) / width * 2 - 1)[None]
    return x * (1 + corner * ((rows * rows + columns * columns) / 2) ** 1.25)


def work(size: str, compiled: bool):
    """() → uint8[H, W, 3]."""
    photo = photos.photo(size)
    amounts = torch.tensor(list(photos.TWELVE.values())) / 100

    def forward(pixels, p):
        return _to_pixels(adjust(_to_planes(pixels), p))

    function = torch.compile(forward) if compiled else forward

    @torch.inference_mode()
    def edit():
        return function(torch.from_numpy(photo), amounts).numpy()

    return photo, edit


def gradient_work(size: str, compiled: bool):
    """() → (loss, float64[12]): mean squared distance to the photo itself, and its gradient."""
    photo = photos.photo(size)
    pixels = torch.from_numpy(photo)
    amounts = (torch.tensor(list(photos.TWELVE.values())) / 100).requires_grad_()

    def loss(pixels, p):
        x = _to_planes(pixels)
        return ((adjust(x, p) - x) ** 2).mean()

    function = torch.compile(loss) if compiled else loss

    def evaluate():
        value = function(pixels, amounts)
        return value.item(), torch.autograd.grad(value, amounts)[0].numpy()

    return photo, evaluate
