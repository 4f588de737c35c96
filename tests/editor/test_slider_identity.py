"""A neutral plan changes no level, though every group runs."""

import numpy as np
import pytest
from editor_cases import LEAN, photo

from rtq.editor import strips
from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.plan_arrays import to_arrays
from rtq.editor.renderer import render


def levels(dtype) -> np.ndarray:
    """[256, 256, 3] with every level of the type: as greys, and in colours."""
    count = np.iinfo(dtype).max + 1
    rng = np.random.default_rng(0)
    every = np.resize(np.arange(count), 256 * 256)
    if dtype == np.uint8:  # half greys, half mixed
        mixed = np.stack([every, every[::-1], rng.permutation(every)], -1)
        grey = np.repeat(every[:, None], 3, 1)
        return np.where(np.arange(256 * 256)[:, None] < 256 * 128, grey, mixed).astype(dtype).reshape(256, 256, 3)
    return np.stack([every, rng.permutation(every), rng.permutation(every)], -1).astype(dtype).reshape(256, 256, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_neutral_groups_change_nothing(dtype):
    """All 256 or 65,536 levels as greys and as colours, and photos: 0 mismatches."""
    full = np.iinfo(dtype).max
    grey = np.repeat(np.arange(0, 256 * 256)[:, None], 3, 1).reshape(256, 256, 3)
    photos = {"levels": levels(dtype), "greys": (grey % (full + 1)).astype(dtype)}
    for name in ("astronaut", "chelsea", "coffee"):
        pixels = photo(name)[20:276, 30:286]
        noise = np.random.default_rng(1).integers(0, 257, pixels.shape) if dtype == np.uint16 else 0
        scaled = pixels.astype(np.int64) * (257 if dtype == np.uint16 else 1)
        photos[name] = np.minimum(scaled + noise, full).astype(dtype)
    named = np.zeros((0, 256, 256), np.float32)
    for name, pixels in photos.items():
        out = strips.render(pixels, to_arrays(Plan()), LEAN, named)
        assert out.dtype == dtype
        assert int((out != pixels).sum()) == 0, name


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_render_of_a_neutral_plan_copies(dtype):
    pixels = np.random.default_rng(0).integers(0, 200, (5, 7, 3)).astype(dtype)
    out = render(pixels, Plan())
    np.testing.assert_array_equal(out, pixels)
    assert not np.shares_memory(out, pixels)


def test_plans_that_change_nothing_are_identities():
    pixels = photo("chelsea")[:64, :64]
    whole = Mask("luminance", (0, 100, 0))
    for plan in (Plan({"Exposure": 1.0, "Clarity": 50}, (Local((whole,), {"Contrast": 50}),), amount=0),
                 Plan({}, (Local((whole,), {"Contrast": 50}, 0),)),
                 Plan({"SharpenRadius": 30, "GrainSize": 80, "ShadowHue": 200}),
                 Plan({}, (), {"rgb": ((0, 0), (90, 90), (255, 255))}, Crop())):
        np.testing.assert_array_equal(render(pixels, plan), pixels)
