"""Strip gradients equal reverse mode through the whole photo."""

import jax
import jax.numpy as jnp
import numpy as np
from skimage import data

from rtq.editor import Plan, compilation, gradient, render, renderer, strips
from rtq.editor.plan_arrays import to_arrays
from rtq.editor.sliders import INDEX

SLIDERS = {"Exposure": 0.3, "Contrast": 20, "Highlights": -30, "Shadows": 30, "Whites": 15, "Temperature": 20,
           "Vibrance": 30, "Saturation": 15, "Texture": 20, "Sharpness": 40, "VignetteAmount": -30}


def test_strips_give_the_gradient_of_the_whole(monkeypatch):
    photo = data.coffee()[:150, :202]
    target = render(photo, Plan(SLIDERS | {"Exposure": 0.6, "Contrast": 0}))
    plan, names = Plan(SLIDERS), tuple(SLIDERS)
    program, arrays = renderer.program_of(plan), to_arrays(plan)
    monkeypatch.setattr(strips, "STRIP_PIXELS", 202 * 40)
    monkeypatch.setattr(strips, "GRADIENT_CHUNK", 202 * 10)
    loss, slopes = gradient.loss_and_gradient(photo, target, arrays, program, names)

    which = jnp.array([INDEX[name] for name in names])

    def whole(values):
        out = renderer.whole(photo.astype(np.float32) / 255,
                             arrays._replace(sliders=jnp.asarray(arrays.sliders).at[which].set(values)),
                             np.zeros((0, 150, 202), np.float32), program)
        return jnp.mean((out - target.astype(np.float32) / 255) ** 2)

    expected_loss, expected = compilation.jit(jax.value_and_grad(whole))(arrays.sliders[np.asarray(which)])
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4)
    np.testing.assert_allclose(slopes, expected, rtol=5e-3, atol=1e-4 * np.abs(expected).max())
    assert (np.abs(slopes) > 0).all()
