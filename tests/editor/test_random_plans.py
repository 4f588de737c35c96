"""Laws that hold for any plan: grey ramps rise, no NaN, the same twice, a batch is its photos, locals add."""

import functools

import numpy as np
import pytest
from editor_cases import LEAN, colorful, random_plan, render_many

from rtq.editor import develop, renderer
from rtq.editor.plan import CURVES, Local, Mask, Plan, scaled
from rtq.editor.probes import color
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS

ALL = Mask("luminance", (0, 100, 0))  # the mask that is 1 everywhere
SHAPE = (16, 24)
# What one colour alone cannot carry.
NOT_FLAT = {row.name for row in SLIDERS if row.group in
            ("clarity", "texture", "dehaze", "sharpen", "noise", "vignette", "grain")}


def random_local(rng: np.random.Generator) -> Local:
    masks = [Mask("linear", (100, 200, 800, 900)), Mask("radial", (500, 400, 300, 500, 30, 50), "", "subtract", True),
             Mask("luminance", (10, 70, 20), "", "intersect"), Mask("color", (180, 120, 100, 60), "", "add")]
    kept = [masks[0], *(masks[i] for i in rng.permutation([1, 2, 3])[:2])]
    sliders = {row.name: float(np.round(rng.uniform(*row.local))) for row in LOCAL_SLIDERS}
    return Local(tuple(kept), sliders, int(rng.integers(0, 201)))


@functools.cache
def full_plans() -> list[Plan]:
    """64 plans with every slider, curves, and up to four locals."""
    rng = np.random.default_rng(0)
    plans = []
    for i in range(64):
        plan = random_plan(rng, curves=CURVES)
        plans.append(Plan(plan.sliders, tuple(random_local(rng) for _ in range(i % 5)), plan.curves, None,
                          int(rng.integers(0, 201))))
    return plans


@functools.cache
def photos() -> np.ndarray:
    """float32[64, 16, 24, 3]: pictures, and flat and extreme ones."""
    pictures = [colorful(*SHAPE, seed) for seed in range(64)]
    for i, rgb in enumerate(((0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (4, 4, 4), (-0.2, -0.2, -0.2), (1.2, -0.3, 4))):
        pictures[10 * i] = np.broadcast_to(np.float32(rgb), (*SHAPE, 3))
    return np.stack(pictures)


@functools.cache
def rendered() -> np.ndarray:
    return render_many(photos(), full_plans(), develop.superset())


def test_no_nan_in_full_plans():
    bad = [i for i, picture in enumerate(rendered()) if not np.isfinite(picture).all()]
    assert not bad, [full_plans()[i].to_json()[:200] for i in bad]


def test_the_same_twice():
    np.testing.assert_array_equal(render_many(photos(), full_plans(), develop.superset()), rendered())


def test_order_in_the_batch_does_not_matter():
    order = np.random.default_rng(1).permutation(64)
    again = render_many(photos()[order], [full_plans()[i] for i in order], develop.superset())
    np.testing.assert_array_equal(again, rendered()[order])


@pytest.mark.parametrize("i", [2, 4])
def test_superset_is_the_specialised_program(i):
    """The program for just this plan, in strips, gives the batch's picture."""
    single = renderer.render(photos()[i], full_plans()[i])
    np.testing.assert_allclose(single, rendered()[i], atol=2e-4 * max(1, np.abs(single).max()))


def grey_ramps(plans) -> np.ndarray:
    linear = np.linspace(0, 4, 400)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    ramp = np.repeat(encoded[:, None], 3, 1).astype(np.float32)
    return np.stack([np.asarray(renderer.render_flat(ramp, plan)) for plan in plans])


NOT_COLOR = {row.name for row in SLIDERS if row.group in ("hsl", "color", "mono", "grading")}
CAST = {row.name for row in SLIDERS if row.group in ("white_balance", "calibration")}


BY_HUE = {row.name for row in SLIDERS if row.name.startswith("Luminance") or row.group == "mono"}


@pytest.mark.parametrize(("skip", "curves", "least"), [
    (CAST, ("rgb",), -1e-5), (CAST | BY_HUE, CURVES, -1e-5), (NOT_COLOR, (), -0.01), (BY_HUE, (), -0.01),
], ids=["no cast", "channel curves, nothing by hue", "cast, no colour", "cast, nothing by hue"])  # fmt: skip
def test_grey_ramps_rise_under_any_plan(skip, curves, least):
    """Luma never falls from black to two stops above white, whatever flat-field sliders do together.

    With a cast, or curves of single channels, the ramp is no longer grey: brightness by hue may then turn it, and with
    Temperature and Tint both at an end, where channels leave sRGB far behind, luma may fall by less than a hundredth.
    """
    rng = np.random.default_rng(2)
    out = grey_ramps([random_plan(rng, skip=NOT_FLAT | skip, curves=curves) for _ in range(200)])
    assert np.isfinite(out).all()
    luma = out @ np.array([0.2126, 0.7152, 0.0722])
    falls = np.diff(luma, axis=1).min(1)
    assert falls.min() >= least, f"{(falls < least).sum()} of 200 plans, worst {falls.min():.4f}"


def test_grey_ramps_rise_at_the_corners_of_tone():
    """Every channel, at all corners of ±100 of the tone sliders and the parametric curve, at five exposures."""
    names = ("Contrast", "Whites", "Blacks", "Highlights", "Shadows")
    parametric = ("ParametricShadows", "ParametricDarks", "ParametricLights", "ParametricHighlights")
    rng = np.random.default_rng(3)
    plans = []
    for corner in range(32):
        signs = [1 if corner >> k & 1 else -1 for k in range(5)]
        for ev in (-2, -1, 0.5, 1, 2):
            plans.append(Plan({"Exposure": ev} | {n: 100 * s for n, s in zip(names, signs, strict=True)}
                              | {n: int(rng.choice([-100, 100])) for n in parametric}))
    out = grey_ramps(plans)
    assert np.diff(out, axis=1).min() >= -1e-5


@pytest.mark.parametrize("row", LOCAL_SLIDERS, ids=lambda row: row.name)
def test_a_local_under_a_full_mask_is_global(row):
    value = min(row.hi, row.local[1]) / 2 if row.integer else 1.0
    plans = [Plan({row.name: value}), Plan({}, (Local((ALL,), {row.name: value}),)),
             Plan({}, (Local((ALL,), {row.name: value / 2}, 200),)),
             Plan({}, (Local((ALL,), {row.name: value / 2}), Local((ALL,), {row.name: value / 2})))]
    out = render_many([photos()[1]] * len(plans), plans, develop.superset())
    assert np.abs(out[0] - photos()[1]).max() > 1e-5 or row.name == "Texture"  # finer than this photo
    for other in out[1:]:
        np.testing.assert_allclose(other, out[0], atol=2e-6)


def test_locals_are_order_free():
    rng = np.random.default_rng(4)
    some = [random_local(rng) for _ in range(4)]
    plans = [Plan({"Exposure": 0.5}, tuple(some[i] for i in order)) for order in ((0, 1, 2, 3), (3, 1, 0, 2))]
    out = render_many([photos()[1]] * 2, plans, develop.superset())
    np.testing.assert_allclose(out[0], out[1], atol=3e-5)


def test_amount():
    """0 is the photo, 200 doubles, and `scaled` multiplies amounts."""
    plan = Plan({"Exposure": 0.5, "Contrast": 20, "Vibrance": 20, "ShadowSaturation": 20, "ShadowHue": 30},
                (Local((Mask("linear", (0, 0, 1000, 1000)),), {"Exposure": 0.5, "Saturation": 10}),))
    double = Plan({"Exposure": 1.0, "Contrast": 40, "Vibrance": 40, "ShadowSaturation": 40, "ShadowHue": 30},
                  (Local(plan.locals[0].mask, {"Exposure": 1.0, "Saturation": 20}),))
    out = render_many([photos()[1]] * 4, [scaled(plan, 0), scaled(plan, 200), double, Plan()], develop.superset())
    np.testing.assert_allclose(out[0], photos()[1], atol=2e-6)
    np.testing.assert_array_equal(out[3], out[0])
    np.testing.assert_allclose(out[1], out[2], atol=2e-6)
    assert scaled(scaled(plan, 50), 50).amount == 25
    with pytest.raises(ValueError, match=r"amount.*0 to 200"):
        scaled(plan, 201)


def test_sums_are_clipped_to_the_range():
    full = Local((ALL,), {"Exposure": 4.0, "Contrast": 100})
    out = render_many([photos()[1]] * 2, [Plan({"Exposure": 4.0, "Contrast": 80}, (full,)),
                                          Plan({"Exposure": 5.0, "Contrast": 100})], develop.superset())
    np.testing.assert_allclose(out[0], out[1], atol=1e-5 * np.abs(out[1]).max())


@pytest.mark.parametrize("row", [r for r in SLIDERS if r.circular], ids=lambda r: r.name)
def test_hues_are_circular(row):
    photo = np.broadcast_to(np.float32({"ShadowHue": 0.15, "HighlightHue": 0.8}.get(row.name, 0.5)), (48, 64, 3))
    plans = [Plan({**dict(row.companions), row.name: v}) for v in (0, 359, 180)]
    start, end, far = render_many([photo] * 3, plans, LEAN)
    assert np.abs(start - end).max() < 0.02 * np.abs(start - far).max() + 1e-6


@pytest.mark.parametrize("hue", [0, 359.9999])
def test_hsl_has_no_seam_at_red(hue):
    plan = Plan({"HueRed": 40, "SaturationRed": 30, "LuminanceMagenta": -50, "GrayRed": 30})
    out = np.asarray(renderer.render_flat(np.stack([color(0.0, 0.4, 0.5), color(hue, 0.4, 0.5)]), plan))
    np.testing.assert_allclose(out[0], out[1], atol=1e-4)
