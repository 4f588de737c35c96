"""Orientation and crop frames."""

import math

import numpy as np
import pytest
from PIL import Image, ImageOps

from rtq.interop import geometry

SIZE = (60, 40)


@pytest.mark.parametrize("orientation", geometry.ORIENTATIONS)
def test_orientation_agrees_with_pillow(orientation):
    pixels = np.arange(SIZE[0] * SIZE[1], dtype=np.int32).reshape(SIZE[::-1])
    stored = Image.fromarray(pixels, "I")
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    for column, row in ((3, 5), (59, 0), (20, 39)):
        x, y = geometry.to_upright((column + 0.5) / SIZE[0], (row + 0.5) / SIZE[1], orientation)
        height, width = upright.shape
        assert upright[int(y * height), int(x * width)] == pixels[row, column]
        assert geometry.to_sensor(x, y, orientation) == pytest.approx(((column + 0.5) / SIZE[0], (row + 0.5) / SIZE[1]))
    assert geometry.swaps_sides(orientation) == (upright.shape == SIZE)


@pytest.mark.parametrize("orientation", geometry.ORIENTATIONS)
def test_turns(orientation):
    for degrees in (0, 90, 180, 270):
        after = geometry.turned(orientation, degrees)
        assert geometry.turn_between(orientation, after) == degrees
        x, y = geometry.to_upright(0.2, 0.3, orientation)
        for _ in range(degrees // 90):
            x, y = 1 - y, x
        assert geometry.to_upright(0.2, 0.3, after) == pytest.approx((x, y))
    assert geometry.turn_between(1, 2) is None


def _corners(box, angle, size):
    """The four corners of a turned rectangle, in pixels."""
    width, height = size
    dx, dy = (box[2] - box[0]) * width, (box[3] - box[1]) * height
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    w, h = dx * cos + dy * sin, dy * cos - dx * sin
    cx, cy = (box[0] + box[2]) * width / 2, (box[1] + box[3]) * height / 2
    return [(cx + (a * w * cos - b * h * sin) / 2, cy + (a * w * sin + b * h * cos) / 2)
            for a in (-1, 1) for b in (-1, 1)]


@pytest.mark.parametrize("orientation", geometry.ORIENTATIONS)
@pytest.mark.parametrize("angle", [0, 7.5, -30])
def test_crop_keeps_its_four_corners(orientation, angle):
    box = (0.2, 0.3, 0.7, 0.8)
    size = SIZE[::-1] if geometry.swaps_sides(orientation) else SIZE
    moved, moved_angle = geometry.convert_frame(box, angle, orientation, SIZE, upright=True)
    expected = [(x * size[0], y * size[1]) for x, y in (
        geometry.to_upright(u / SIZE[0], v / SIZE[1], orientation) for u, v in _corners(box, angle, SIZE))]
    found = _corners(moved, moved_angle, size)
    assert all(min(math.dist(a, b) for b in expected) < 1e-6 for a in found)
    assert all(min(math.dist(a, b) for b in found) < 1e-6 for a in expected)
    back, back_angle = geometry.convert_frame(moved, moved_angle, orientation, size, upright=False)
    assert (*back, back_angle) == pytest.approx((*box, angle))


def test_a_turned_frame_needs_the_size():
    assert geometry.convert_frame((0, 0, 1, 0.5), 3, 6, None, upright=True) is None
    assert geometry.convert_frame((0, 0, 1, 0.5), 3, 1, None, upright=True) == ((0, 0, 1, 0.5), 3)
