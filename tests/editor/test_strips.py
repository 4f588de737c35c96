"""A photo in strips is the photo in one piece."""

import functools

import numpy as np
import pytest
from editor_cases import CASE_IDS, CASES, LEAN, colorful, random_plan, smallest_program, with_companions

from rtq.editor import compilation, guides, renderer, strips
from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.plan_arrays import to_arrays
from rtq.editor.sliders import BY_NAME

SHAPE = (1100, 24)  # the copies for the guides are smaller than the photo


@functools.cache
def pieces():
    return compilation.jit(renderer.whole, static_argnames=("program",))


def both(photo, plan: Plan, program=LEAN, names=(), named=None):
    """(in strips, in one piece)."""
    named = np.zeros((0, *photo.shape[:2]), np.float32) if named is None else named
    arrays = to_arrays(plan, names)
    return strips.render(photo, arrays, program, named), np.asarray(pieces()(photo, arrays, named, program=program))


@pytest.fixture
def small_strips(monkeypatch):
    monkeypatch.setattr(strips, "STRIP_PIXELS", 3000)  # 125 rows of `SHAPE`: nine strips, the last one overlapping


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("case", CASE_IDS)
def test_strips_are_the_whole(case):
    row, value = CASES[CASE_IDS.index(case)]
    photo = colorful(*SHAPE)
    out, whole = both(photo, with_companions(row, value))
    np.testing.assert_allclose(out, whole, atol=1e-4)
    assert np.abs(out - photo).max() > 1e-3 or not (row.driver or row.companions)


@pytest.mark.usefixtures("small_strips")
def test_random_plans_and_an_odd_number_of_rows():
    for seed in range(3):
        out, whole = both(colorful(1100, 24, seed), random_plan(np.random.default_rng(seed)))
        # 2e-4: with all sliders at once values reach far beyond white.
        np.testing.assert_allclose(out, whole, atol=2e-4 * max(1, np.abs(whole).max()))


@pytest.mark.usefixtures("small_strips")
def test_grain_is_the_same_noise_in_every_strip():
    """Were a seed or an offset to depend on the strip, whole grains would differ."""
    program = smallest_program([BY_NAME["GrainAmount"], BY_NAME["GrainSize"], BY_NAME["GrainRoughness"]])
    grey = np.full((*SHAPE, 3), 0.5, np.float32)
    out, whole = both(grey, Plan({"GrainAmount": 100, "GrainSize": 60}), program)
    np.testing.assert_allclose(out, whole, atol=1e-6)
    bands = out[:1000, :, 0].reshape(8, 125, 24)
    assert len({band.tobytes() for band in bands}) == 8  # and the noise does not repeat from strip to strip


@pytest.mark.usefixtures("small_strips")
def test_masks_in_strips():
    """All kinds at once: positions, input pixels and given masks are read where they belong."""
    masks = (Mask("linear", (100, 0, 900, 1000)), Mask("luminance", (20, 90, 20), "", "intersect"))
    plan = Plan({"Sharpness": 60}, (
        Local(masks, {"Exposure": 1.0, "Clarity": 50}),
        Local((Mask("radial", (400, 500, 900, 300, 20, 60)), Mask("color", (200, 120, 90, 60), "", "subtract")),
              {"Saturation": -60, "Sharpness": 40}),
        Local((Mask("bitmap", (), "sky"),), {"Temperature": -40})))
    named = np.random.default_rng(0).random((1, *SHAPE)).astype(np.float32)
    out, whole = both(colorful(*SHAPE), plan, renderer.program_of(plan, 1.0, ("sky",)), ("sky",), named)
    np.testing.assert_allclose(out, whole, atol=1e-4)


@pytest.mark.usefixtures("small_strips")
def test_a_turned_vignette_in_strips():
    plan = Plan({"VignetteAmount": -100}, crop=Crop(200, 300, 800, 700, 5))
    out, whole = both(colorful(*SHAPE), plan, renderer.program_of(plan))
    np.testing.assert_allclose(out, whole, atol=1e-6)


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_round_the_float_result_once(dtype):
    top = np.iinfo(dtype).max
    photo = (np.clip(colorful(301, 40), 0, 1) * top).astype(dtype)
    plan = Plan({"Exposure": 0.7, "Contrast": 40, "Vibrance": 30, "Clarity": 30})
    out = renderer.render(photo, plan)
    exact = np.clip(renderer.render((photo / top).astype(np.float32), plan), 0, 1) * top
    assert out.dtype == dtype
    assert np.abs(out.astype(float) - exact).max() <= 0.5 + top * 2e-6


def test_wide_and_tall_and_tiny():
    """Every shape down to one pixel, one row, one column, with every group running."""
    plan = random_plan(np.random.default_rng(5))
    program = renderer.program_of(plan)
    for shape in ((1, 1), (1, 9), (9, 1)):
        photo = colorful(8, 16)[:shape[0], :shape[1]]
        out, whole = both(np.resize(photo, (*shape, 3)), plan, program)
        assert out.shape == (*shape, 3)
        assert np.isfinite(out).all()
        np.testing.assert_allclose(out, whole, atol=2e-4 * max(1, np.abs(whole).max()))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_copies_of_huge_panoramas_do_not_overflow(dtype):
    """A long side of more than 257 × 1024 pixels: 264 rows of white are more than a uint16 holds."""
    top = np.iinfo(dtype).max
    white = np.asarray(guides.shrink(np.full((264, 264, 3), top, dtype), 264))
    np.testing.assert_allclose(white, np.full((1, 1, 3), top), rtol=1e-5)


def test_an_error_in_the_work_is_raised():
    with pytest.raises(IndexError, match="out of range"):
        strips.run(lambda i: [][i], range(20))
