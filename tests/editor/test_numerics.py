"""The fast elementary functions keep the errors that they state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.editor import numerics, tone
from rtq.editor.color import cone_gains


def true_encode(x):
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    return np.where(size <= 0.0031308, 12.92 * x, np.sign(x) * (1.055 * np.maximum(size, 1e-9) ** (1 / 2.4) - 0.055))


def true_decode(x):
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    return np.where(size <= 0.04045, x / 12.92, np.sign(x) * ((size + 0.055) / 1.055) ** 2.4)


def test_log2_and_exp2():
    x = np.exp2(np.linspace(-20, 20, 200_001)).astype(np.float32)
    assert np.abs(np.asarray(jax.jit(numerics.log2)(x)) - np.log2(x.astype(np.float64))).max() <= 1.2e-6
    t = np.linspace(-20, 20, 200_001).astype(np.float32)
    assert np.abs(np.asarray(jax.jit(numerics.exp2)(t)) / np.exp2(t.astype(np.float64)) - 1).max() <= 3e-7
    assert float(numerics.exp2(jnp.float32(0))) == 1
    assert float(numerics.exp2(jnp.float32(3))) == 8
    assert np.isfinite(np.asarray(numerics.exp2(jnp.float32([-1e6, 1e6])))).all()


def test_encode_and_decode():
    encoded = np.linspace(-1.5, 4, 300_001).astype(np.float32)
    decoded = np.asarray(jax.jit(numerics.decode)(encoded))
    np.testing.assert_allclose(decoded, true_decode(encoded), rtol=2e-6, atol=2e-7)
    linear = np.linspace(-2, 20, 300_001).astype(np.float32)
    np.testing.assert_allclose(np.asarray(jax.jit(numerics.encode)(linear)), true_encode(linear), rtol=2e-6, atol=2e-6)
    shown = np.linspace(0, 1, 65536).astype(np.float32)
    back = np.asarray(jax.jit(lambda x: numerics.encode(numerics.decode(x)))(shown))
    assert np.abs(back - shown).max() <= 1.1e-6
    np.testing.assert_array_equal(np.asarray(numerics.decode(-encoded)), -np.asarray(numerics.decode(encoded)))


@pytest.mark.parametrize("name", ["encode", "decode", "log2", "exp2"])
def test_gradients_are_the_slopes(name):
    function, x = getattr(numerics, name), np.linspace(0.02, 3, 400).astype(np.float32)
    slope = jax.vmap(jax.grad(function))(x)
    with jax.enable_x64(True):
        double = jnp.asarray(x, jnp.float64)
        expected = (function(double + 1e-7) - function(double - 1e-7)) / 2e-7
    np.testing.assert_allclose(slope, expected, rtol=1e-4)


def test_gradients_at_zero_are_finite():
    for function in (numerics.encode, numerics.decode):
        assert np.isfinite(jax.grad(function)(0.0))
        assert jax.grad(function)(0.0) > 0


def test_gradients_where_two_values_meet():
    """All of it goes to the first; so a curve continued beyond its ends by its end slopes keeps its slope there."""
    assert jax.grad(numerics.maximum)(2.0, 2.0) == jax.grad(numerics.minimum)(2.0, 2.0) == 1
    assert jax.grad(numerics.maximum, 1)(2.0, 2.0) == jax.grad(numerics.minimum, 1)(2.0, 2.0) == 0
    slopes = jax.vmap(jax.grad(lambda x: numerics.clip(x, 0.0, 1.0)))(jnp.array([-0.1, 0.0, 0.5, 1.0, 1.1]))
    np.testing.assert_array_equal(slopes, [0, 1, 1, 1, 0])
    slopes = jax.vmap(jax.grad(lambda x: tone.contrast(x, 0.5)))(jnp.array([-1e-4, 0.0, 1e-4, 1 - 1e-4, 1.0, 1 + 1e-4]))
    np.testing.assert_allclose(slopes, 0.55, atol=1e-3)


def test_smoothstep():
    x = jnp.linspace(-1, 2, 31)
    y = np.asarray(numerics.smoothstep(0.0, 1.0, x))
    assert y[x <= 0].max() == 0
    assert y[x >= 1].min() == 1
    assert (np.diff(y) >= 0).all()
    assert float(numerics.smoothstep(2.0, 4.0, jnp.float32(3))) == 0.5
    slopes = jax.grad(numerics.smoothstep, (0, 1, 2))(2.0, 4.0, 2.5)  # −(1 − t), −t, 1, times 6t(1 − t)/(hi − lo)
    np.testing.assert_allclose(slopes, [-0.75 * 0.5625, -0.25 * 0.5625, 0.5625], rtol=1e-6)
    assert jax.grad(numerics.smoothstep, (0, 1, 2))(2.0, 4.0, 4.5) == (0, 0, 0)


def test_planck_locus():
    """Neutral white balance is exactly no change; gains stay positive and finite over the whole range."""
    assert [float(g) for g in cone_gains(jnp.float32(0), jnp.float32(0))] == [1, 1, 1]
    t, s = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    gains = np.stack([np.broadcast_to(g, t.shape) for g in cone_gains(jnp.float32(t), jnp.float32(s))])
    assert gains.min() > 0.05
    assert np.isfinite(gains).all()
    assert (np.diff(gains[2], axis=1) < 0).all()  # warmer: less of the short wavelengths
    assert gains.max() < 12
