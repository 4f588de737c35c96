"""Sliders ↔ Kelvin and tint."""

import numpy as np
import pytest

from rtq.interop import white_balance


@pytest.mark.parametrize("as_shot", [(2850, 0), (5200, 8), (7500, -20)])
def test_round_trip(as_shot):
    for temperature in range(-100, 101, 10):
        for tint in range(-100, 101, 20):
            kelvin, raw_tint = white_balance.to_absolute(temperature, tint, as_shot)
            if kelvin < np.inf:
                found = white_balance.to_relative(kelvin, raw_tint, as_shot)
                assert found == pytest.approx((temperature, tint), abs=1e-6)


def test_published_shifts():
    assert [round(white_balance.mired_shift(t)) for t in (20, 50, -50, 100)] == [-46, -105, 135, -180]
    kelvin = [white_balance.to_absolute(t, 0, (5000, 0))[0] for t in (-100, 0, 100)]
    assert kelvin == pytest.approx([1e6 / 500, 5000, 1e6 / 20])


@pytest.mark.parametrize(("xy", "kelvin", "tint"), [
    ((0.34567, 0.35850), 5000, 10),  # D50, D65: daylight is greener than a black body
    ((0.31271, 0.32902), 6500, 10),
    ((0.44757, 0.40745), 2856, 0),  # illuminant A is on it
])
def test_known_lights(xy, kelvin, tint):
    found = white_balance.kelvin_and_tint(*xy)
    assert found[0] == pytest.approx(kelvin, rel=0.015)
    assert found[1] == pytest.approx(tint, abs=2)


def test_as_shot_of_a_camera():
    matrix = np.array([[0.7, -0.2, -0.1], [-0.4, 1.2, 0.2], [-0.05, 0.15, 0.6]])
    for x, y in ((0.34567, 0.35850), (0.44757, 0.40745)):
        neutral = matrix @ np.array([x / y, 1, (1 - x - y) / y])
        assert white_balance.as_shot(7 / neutral, matrix) == pytest.approx(white_balance.kelvin_and_tint(x, y))
    with pytest.raises(ValueError, match="no usable"):
        white_balance.as_shot((0, 1, 1), matrix)
    with pytest.raises(ValueError, match="no usable"):
        white_balance.as_shot((1, 1, 1), np.zeros((3, 3)))
