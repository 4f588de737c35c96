"""Crop, rotate, straighten."""

import numpy as np
import pytest

from rtq.editor import crop
from rtq.editor.plan import Crop, Plan
from rtq.editor.renderer import program_of, render, render_batch


def numbered(height: int, width: int, dtype=np.uint16) -> np.ndarray:
    return np.arange(height * width * 3).reshape(height, width, 3).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_plain_crop_keeps_the_pixels(dtype):
    photo = numbered(40, 60, dtype)
    out = render(photo, Plan(crop=Crop(100, 250, 600, 750)))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, photo[10:30, 6:36])


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation_is_clockwise(turn):
    photo = numbered(40, 60)
    np.testing.assert_array_equal(render(photo, Plan(crop=Crop(rotate=turn))), np.rot90(photo, -turn // 90))
    np.testing.assert_array_equal(render(photo, Plan(crop=Crop(0, 0, 500, 1000, 0, turn))),
                                  np.rot90(photo[:, :30], -turn // 90))


@pytest.mark.parametrize("degrees", [-7, 5, 12])
def test_a_slanting_line_becomes_level(degrees):
    """A line that falls by `degrees` to the right is level in a crop of that angle."""
    height, width = 200, 300
    y, x = np.mgrid[:height, :width] + 0.5
    slope = np.tan(np.radians(degrees))
    below = (y - height / 2) - slope * (x - width / 2)
    photo = np.repeat(np.clip(below / 4 + 0.5, 0, 1)[..., None], 3, -1).astype(np.float32)
    out = crop.apply(photo, Crop(200, 200, 800, 800, degrees))
    crossing = np.array([np.interp(0.5, column, np.arange(len(column))) for column in np.asarray(out)[..., 0].T])
    assert np.ptp(crossing) < 0.3
    assert abs(crossing.mean() - (out.shape[0] - 1) / 2) < 0.5


@pytest.mark.parametrize("degrees", [-10, 10])
def test_corners_of_a_turned_crop(degrees):
    """(left, top) and (right, bottom) are opposite corners of the kept rectangle."""
    y, x = np.mgrid[:400, :600] + 0.5
    photo = np.stack([x, y, x + y], -1).astype(np.float32)
    out = np.asarray(crop.apply(photo, Crop(250, 250, 750, 750, degrees)))
    np.testing.assert_allclose(out[0, 0, :2], (150, 100), atol=1.5)
    np.testing.assert_allclose(out[-1, -1, :2], (450, 300), atol=1.5)


def test_straightening_interpolates_integers_too():
    photo = np.full((50, 70, 3), 40000, np.uint16)
    out = render(photo, Plan(crop=Crop(200, 200, 800, 800, 3.5)))
    assert out.dtype == np.uint16
    assert (out == 40000).all()


def test_crops_of_small_photos():
    assert render(numbered(1, 1), Plan(crop=Crop(990, 990, 1000, 1000))).shape == (1, 1, 3)
    assert render(numbered(3, 5), Plan(crop=Crop(0, 0, 10, 10))).shape == (1, 1, 3)
    assert render(numbered(3, 5), Plan({"Exposure": 1}, crop=Crop(500, 0, 1000, 1000, 0, 90))).shape == (2, 3, 3)


def test_a_crop_without_area():
    with pytest.raises(ValueError, match=r"crop: turned by 45° the rectangle has no area"):
        render(numbered(100, 100), Plan(crop=Crop(0, 400, 1000, 500, 45)))


def test_the_vignette_belongs_to_the_crop():
    photo = np.full((120, 160, 3), 0.8, np.float32)
    out = render(photo, Plan({"VignetteAmount": -100}, crop=Crop(0, 0, 500, 500)))
    assert out.shape == (60, 80, 3)
    corners = out[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    np.testing.assert_allclose(corners, corners[0], atol=1e-5)
    assert corners[0] < 0.45
    np.testing.assert_allclose(out[30, 40], 0.8, atol=1e-6)


@pytest.mark.parametrize("degrees", [-8, 3])
def test_the_vignette_turns_with_the_crop(degrees):
    """As if the cropped photo had been given."""
    photo, frame = np.full((240, 320, 3), 0.8, np.float32), Crop(200, 150, 800, 850, degrees)
    sliders = {"VignetteAmount": -100, "VignetteRoundness": 40}
    out = np.asarray(render(photo, Plan(sliders, crop=frame)))
    wanted = render(np.asarray(crop.apply(photo, frame)), Plan(sliders))
    np.testing.assert_allclose(out, wanted, atol=6e-3)  # the frame falls between pixels
    np.testing.assert_allclose(out, out[:, ::-1], atol=1e-3)


def test_a_turned_vignette_is_the_same_in_a_preview():
    photo = np.full((1, 240, 320, 3), 0.8, np.float32)
    plan = Plan({"VignetteAmount": -100}, crop=Crop(200, 150, 800, 850, 5))
    large, small = (np.asarray(render_batch(x, [plan], program=program_of(plan)))[0]
                    for x in (photo, photo[:, ::2, ::2]))
    np.testing.assert_allclose(small, large.reshape(120, 2, 160, 2, 3).mean((1, 3)), atol=1e-3)
    assert large.min() < 0.45
