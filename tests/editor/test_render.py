"""`render`, `render_batch`, `render_flat`: kinds, shapes, errors."""

import dataclasses
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from editor_cases import colorful, photo

from rtq import editor
from rtq.editor import renderer
from rtq.editor.plan import Plan

PLAN = Plan({"Exposure": 0.5, "Contrast": 20, "Vibrance": 30})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_kind_in_is_kind_out(dtype):
    picture = colorful(9, 13)
    if dtype != np.float32:
        picture = (np.clip(picture, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    before = picture.copy()
    out, other = editor.render(picture, PLAN), editor.render(jnp.asarray(picture), PLAN)
    assert type(out) is np.ndarray
    assert isinstance(other, jax.Array)
    assert out.dtype == other.dtype == dtype
    np.testing.assert_array_equal(out, np.asarray(other))
    np.testing.assert_array_equal(picture, before)
    assert out.flags.writeable


def test_float_keeps_what_integers_clip():
    bright = np.full((4, 4, 3), 0.9, np.float32)
    out = editor.render(bright, Plan({"Exposure": 2.0}))
    assert out.min() > 1.5
    assert editor.render((bright * 255).astype(np.uint8), Plan({"Exposure": 2.0})).min() == 255
    assert editor.render(np.full((2, 2, 3), -0.2, np.float32), Plan({"Exposure": 1.0})).max() < -0.2


@pytest.mark.parametrize(("bad", "message"), [
    ([[[0, 0, 0]]], "photo: list where a numpy or jax array is needed"),
    (np.zeros((4, 4), np.uint8), r"photo: shape \(4, 4\) where \[height, width, 3\] is needed"),
    (np.zeros((4, 4, 4), np.uint8), "photo: shape"),
    (np.zeros((0, 4, 3), np.uint8), "photo: shape"),
    (np.zeros((4, 4, 3), np.float64), "photo: dtype float64 where one of uint8, uint16, float32 is needed"),
    (np.zeros((4, 4, 3), np.int16), "photo: dtype int16"),
])
def test_bad_photos(bad, message):
    with pytest.raises(ValueError, match=message) as error:
        editor.render(bad, PLAN)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), 1001])
def test_bad_scales(scale):
    with pytest.raises(ValueError, match="scale: "):
        editor.render(np.zeros((2, 2, 3), np.uint8), PLAN, scale=scale)


def test_a_batch_is_its_photos():
    pictures = np.stack([colorful(21, 33, seed) for seed in range(3)])
    plans = [PLAN, Plan({"Clarity": 60, "Sharpness": 80}),
             Plan({"Dehaze": 40, "GrainAmount": 50, "NoiseReduction": 40})]
    program = renderer.program_of(Plan({k: v for plan in plans for k, v in plan.sliders.items()}))
    out = np.asarray(editor.render_batch(pictures, plans, program=program))
    for picture, plan, seen in zip(pictures, plans, out, strict=True):
        np.testing.assert_allclose(editor.render(picture, plan), seen, atol=3e-5)


def test_flat_is_render_on_flat_photos():
    """The lookup table's form: Highlights, Shadows and all point sliders; what needs neighbours is left out."""
    plan = Plan({"Exposure": 0.5, "Temperature": 20, "Shadows": 60, "Highlights": -50, "Contrast": 30, "HueRed": 30,
                 "Vibrance": 20, "ShadowSaturation": 40, "Fade": 20}, (), {"rgb": ((0, 10), (128, 120), (255, 255))})
    colors = colorful(2, 3).reshape(-1, 3)
    seen = np.asarray(renderer.render_flat(colors, plan))
    assert seen.shape == colors.shape
    for color, expected in zip(colors, seen, strict=True):
        flat = editor.render(np.broadcast_to(color, (6, 8, 3)).copy(), plan)
        np.testing.assert_allclose(flat, np.broadcast_to(expected, flat.shape), atol=5e-5)
    wild = dataclasses.replace(plan, sliders={**plan.sliders, "Clarity": 80, "VignetteAmount": -50, "GrainAmount": 90})
    np.testing.assert_allclose(np.asarray(renderer.render_flat(colors, wild)), seen, atol=1e-6)


def test_a_large_photo_of_many_strips():
    """Bundled photograph, tiled to 6 megapixels: equal tiles far apart give equal pixels under a point plan."""
    tile = photo("astronaut")
    large = np.tile(tile, (4, 6, 1))
    out = editor.render(large, PLAN)
    assert out.shape == large.shape
    np.testing.assert_array_equal(out[:512, :512], out[-512:, -512:])
    np.testing.assert_array_equal(out[:512, :512], editor.render(tile, PLAN))


def test_the_package_loads_jax_only_when_it_renders():
    code = "import sys, rtq.editor as e; e.Plan.from_json('{\"v\":1,\"Exposure\":1}'); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = editor.nothing
