"""The calibration tables: what named slider values make of named greys."""

import numpy as np
import pytest

from rtq.editor import probes
from rtq.editor.color import mired
from rtq.editor.plan import Plan
from rtq.editor.renderer import render, render_flat

GREYS = (0.10, 0.25, 0.50, 0.75, 0.90, 1.00)
TONE = {  # sRGB in → out, printed with these digits
    ("Exposure", 1): (".152", ".352", ".686", "1.02", "1.22", "1.35"),
    ("Exposure", -1): (".061", ".173", ".361", ".548", ".660", ".735"),
    ("Contrast", 50): (".068", ".208", ".5", ".792", ".932", "1"),
    ("Contrast", 100): (".035", ".166", ".5", ".834", ".965", "1"),
    ("Shadows", 100): (".177", ".377", ".526", ".75", ".90", "1"),
    ("Highlights", -100): (".10", ".25", ".467", ".614", ".774", ".918"),
    ("Whites", 100): (".10", ".253", ".522", ".826", "1.03", "1.18"),
    ("Blacks", -100): (".048", ".225", ".495", ".75", ".90", "1"),
}
TEMPERATURE = {20: (0.538, 0.495, 0.430), 50: (0.579, 0.491, 0.355), -50: (0.345, 0.523, 0.778)}
MIREDS = {20: -46, 50: -105, -50: 135, 100: -180}


def greys(levels) -> np.ndarray:
    return np.repeat(np.float32(levels)[:, None], 3, 1)


@pytest.mark.parametrize(("name", "value"), TONE)
def test_tone(name, value):
    out = np.asarray(render_flat(greys(GREYS), Plan({name: value})))
    for grey, seen, printed in zip(GREYS, out, TONE[name, value], strict=True):
        digits = max(2, len(printed.partition(".")[2]))  # "1" and ".5" stand for 1.00 and .50
        np.testing.assert_allclose(seen, float(printed), atol=0.5001 * 10**-digits + 1e-6, err_msg=f"{name} at {grey}")


@pytest.mark.parametrize("name", ["Exposure", "Highlights"])
def test_a_flat_photo_is_a_flat_colour(name):
    """The tone table holds for photos too: a photo of one grey."""
    photo = np.full((12, 16, 3), 0.75, np.float32)
    for value in (-1, 1):
        plan = Plan({name: value * (1 if name == "Exposure" else 100)})
        flat = np.asarray(render_flat(photo[0, :1], plan))[0]
        np.testing.assert_allclose(render(photo, plan), np.broadcast_to(flat, photo.shape), atol=2e-5)


@pytest.mark.parametrize("value", TEMPERATURE)
def test_temperature(value):
    """The table's figures come from a coarser Planck locus than ours; 4/1000 is under 1.1 levels of 255."""
    out = np.asarray(render_flat(greys([0.5]), Plan({"Temperature": value})))[0]
    np.testing.assert_allclose(out, TEMPERATURE[value], atol=0.004)


@pytest.mark.parametrize("value", MIREDS)
def test_mireds(value):
    assert mired(value / 100) - 200 == pytest.approx(MIREDS[value], abs=0.5)


def test_tint_is_greener_below_and_more_magenta_above():
    green, magenta = (np.asarray(render_flat(greys([0.5]), Plan({"Tint": v})))[0] for v in (-50, 50))
    assert green[1] > green[[0, 2]].mean() + 0.05
    assert magenta[1] < magenta[[0, 2]].mean() - 0.05


@pytest.mark.parametrize(("value", "factor"), [(100, 2), (-100, 0), (50, 1.5)])
def test_saturation_scales_chroma(value, factor):
    photo = probes.PROBES["muted"]()[0]
    out = np.asarray(render_flat(photo, Plan({"Saturation": value})))
    np.testing.assert_allclose(probes.chroma(out), factor * probes.chroma(photo), atol=1e-5)
    np.testing.assert_allclose(probes.luma(out), probes.luma(photo), atol=1e-5)
    grey = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[:, None], 3, 1)
    out = np.asarray(render_flat(grey, Plan({"Saturation": value})))
    np.testing.assert_array_equal(out, out[:, [1, 2, 0]])  # greys stay exactly grey
    np.testing.assert_allclose(out, grey, atol=1e-7)


def test_vignette_is_two_and_a_half_stops_at_the_corner():
    """−100 multiplies the encoded corner by 2^(−2.5/2.4), which is −2.5 EV of a pure power 2.4; the centre stays."""
    photo = np.full((401, 601, 3), 0.8, np.float32)
    out = render(photo, Plan({"VignetteAmount": -100}))
    assert out[0, 0, 0] == pytest.approx(0.8 * 2 ** (-2.5 / 2.4), rel=0.01)
    np.testing.assert_array_equal(out[200, 300], photo[200, 300])


def test_fade():
    out = np.asarray(render_flat(greys([0, 1]), Plan({"Fade": 100})))
    np.testing.assert_allclose(out[:, 0], [0.12, 0.92], atol=1e-6)
