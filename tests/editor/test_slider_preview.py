"""A small photo edited shows what the large one edited and then shrunk would show."""

import functools

import numpy as np
import pytest
from editor_cases import CASE_IDS, CASES, photo, render_many, shrink, smallest_program, with_companions
from skimage.color import deltaE_ciede2000, rgb2lab

from rtq.editor.plan import Plan
from rtq.editor.renderer import render

FACTOR = 4
EXEMPT = {"grain"}  # its cells are finer than a preview's pixels; so are *pixel* sliders
SEEN = [i for i, (row, _) in zip(CASE_IDS, CASES, strict=True) if row.scale != "pixel" and row.group not in EXEMPT]
CROPS = {"astronaut": (0, 60), "coffee": (60, 120), "chelsea": (30, 20)}


@functools.cache
def photos() -> np.ndarray:
    """float32[3, 256, 384, 3]."""
    return np.stack([photo(name)[y:y + 256, x:x + 384] for name, (y, x) in CROPS.items()]).astype(np.float32) / 255


@functools.cache
def renders() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """id → (small rendered, large rendered and shrunk); photos take turns."""
    cases = [CASES[CASE_IDS.index(i)] for i in SEEN]
    plans = [with_companions(*case) for case in cases]
    large = [photos()[k % 3] for k in range(len(plans))]
    small = [shrink(x, FACTOR) for x in large]
    program = smallest_program([row for row, _ in cases])
    shrunk = np.concatenate([shrink(render_many(large[i:i + 8], plans[i:i + 8], program, 8), FACTOR)
                             for i in range(0, len(plans), 8)])
    return dict(zip(SEEN, zip(render_many(small, plans, program, 8), shrunk, strict=True), strict=True))


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean CIEDE2000, display range."""
    return float(deltaE_ciede2000(rgb2lab(np.clip(a, 0, 1)), rgb2lab(np.clip(b, 0, 1))).mean())


@pytest.mark.parametrize("case", SEEN)
def test_preview_shows_the_final(case):
    small, shrunk = renders()[case]
    before = shrink(photos()[SEEN.index(case) % 3], FACTOR)
    assert difference(small, shrunk) <= 0.25 * difference(before, shrunk) + 0.1


def test_pixel_radii_follow_the_scale():
    """Sharpening and noise reduction at scale ½ have half the radius in this photo's pixels."""
    picture = photos()[0][:64, :96]
    full = render(picture, Plan({"Sharpness": 100, "SharpenRadius": 10}))
    halved = render(picture, Plan({"Sharpness": 100, "SharpenRadius": 20}), scale=0.5)
    np.testing.assert_allclose(halved, full, atol=1e-5)
    off = render(picture, Plan({"Sharpness": 100, "NoiseReduction": 100, "ColorNoiseReduction": 100}), scale=0.02)
    np.testing.assert_allclose(off, picture, atol=1e-6)
    weaker = [np.abs(render(picture, Plan({"NoiseReduction": 100}), scale=s) - picture).mean() for s in (1, 0.5, 0.25)]
    assert weaker[0] > weaker[1] > weaker[2] > 0
