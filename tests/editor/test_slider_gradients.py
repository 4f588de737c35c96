"""Gradients are those of finite differences, none is zero, and all are finite on greys, black and white."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from editor_cases import LEAN, ROW_IDS, colorful, random_plan, with_companions

from rtq.editor import compilation, renderer
from rtq.editor.plan import Local, Mask, Plan
from rtq.editor.plan_arrays import stack
from rtq.editor.sliders import INDEX, SLIDERS

SHAPE = (10, 320)  # long, so that Texture and grain have a size
SHARES = (0.29, 0.83)  # of the range: off ends, off neutral and off kinks
STEP = 1e-5  # of the range
# Programs that run once: code that compiles fast.
FAST_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def weighted_sum(sliders, photo, arrays, weight, program):
    named = jnp.zeros((0, *photo.shape[:2]), photo.dtype)
    return jnp.mean(weight * renderer.whole(photo, arrays._replace(sliders=sliders), named, program))


@functools.cache
def gradient_program(argnums):
    one = jax.value_and_grad(weighted_sum, argnums=argnums)
    return jax.jit(jax.vmap(one, in_axes=(0, None, 0, None, None)), static_argnums=4,
                   compiler_options=compilation.options() | FAST_COMPILE)


def at_share(row, share: float) -> float:
    """A value of the slider that need not be on its grid."""
    return row.lo + share * (row.hi - row.lo)


@functools.cache
def differences() -> dict[str, list[tuple[float, float]]]:
    """name → (gradient, central difference) of a random functional at each of `SHARES`, per whole range, float64."""
    cases = [(row, share) for row in SLIDERS for share in SHARES]
    arrays = stack([Plan(dict(row.companions)) for row, _ in cases])
    base = arrays.sliders.astype(np.float64)
    for i, (row, share) in enumerate(cases):
        base[i, INDEX[row.name]] = at_share(row, share)
    step = np.zeros_like(base)
    for i, (row, _) in enumerate(cases):
        step[i, INDEX[row.name]] = STEP * (row.hi - row.lo)
    photo = colorful(*SHAPE).astype(np.float64)
    weight = np.random.default_rng(1).standard_normal(photo.shape)
    with jax.enable_x64(True):
        double = type(arrays)(*(jnp.asarray(x, jnp.float64 if x.dtype == np.float32 else None) for x in arrays))
        run = gradient_program(0)
        value = {}
        for sign in (0, 1, -1):
            value[sign] = jax.device_get(run(jnp.asarray(base + sign * step), jnp.asarray(photo), double,
                                             jnp.asarray(weight), LEAN))
    seen: dict = {row.name: [] for row in SLIDERS}
    for i, (row, _) in enumerate(cases):
        gradient = float(value[0][1][i, INDEX[row.name]]) * (row.hi - row.lo)
        seen[row.name].append((gradient, float(value[1][0][i] - value[-1][0][i]) / (2 * STEP)))
    return seen


@pytest.mark.parametrize("row", SLIDERS, ids=ROW_IDS)
def test_gradient_is_the_finite_difference(row):
    for gradient, difference in differences()[row.name]:
        assert gradient == pytest.approx(difference, rel=2e-3, abs=1e-8)
        assert abs(gradient) > 1e-7


def test_gradients_at_neutral_are_not_zero():
    """Where every search starts: drivers alone, modifiers with their companions."""
    arrays = stack([with_companions(row, row.neutral) for row in SLIDERS])
    photo = colorful(*SHAPE)
    weight = np.random.default_rng(2).standard_normal(photo.shape).astype(np.float32)
    _, gradients = gradient_program(0)(arrays.sliders, photo, arrays, weight, LEAN)
    assert np.isfinite(gradients).all()
    dead = [row.name for i, row in enumerate(SLIDERS)
            if abs(float(gradients[i, INDEX[row.name]])) * (row.hi - row.lo) < 1e-8]
    assert not dead


FLATS = {"black": 0, "white": 1, "grey": 0.5, "darkest": 1e-4, "above white": 1.7, "below black": -0.1,
         "red": (1, 0, 0), "cyan": (0, 1, 1), "beyond sRGB": (1.1, -0.2, 0.3)}


@pytest.mark.parametrize("name", FLATS)
def test_gradients_are_finite_on_flat_colours(name):
    """Of every slider at neutral, of every slider in random full plans, and of the photo, in float32."""
    plans = [Plan(), *(random_plan(np.random.default_rng(i)) for i in range(3))]
    arrays = stack([plans[i % 4] for i in range(len(SLIDERS))])
    photo = np.broadcast_to(np.float32(FLATS[name]), (*SHAPE, 3)).copy()
    value, gradients = gradient_program(0)(arrays.sliders, photo, arrays, np.ones_like(photo), LEAN)
    assert np.isfinite(value).all()
    bad = {SLIDERS[k].name for _, k in np.argwhere(~np.isfinite(gradients))}
    assert not bad


def photo_and_curves(photo, points, locals_, amounts, arrays, weight, program):
    arrays = arrays._replace(curve_points=points, local_sliders=locals_, local_amount=amounts)
    named = jnp.zeros((0, *photo.shape[:2]), photo.dtype)
    return jnp.mean(weight * renderer.whole(photo, arrays, named, program))


def test_gradients_of_curves_locals_and_photo():
    """Along random directions, off the curve's knots: a local adjustment under a radial mask, curves, the photo."""
    rng = np.random.default_rng(3)
    curve = ((0, 10), (70, 60), (150, 170), (255, 240))
    local = Local((Mask("radial", (500, 500, 400, 600, 10, 60)),), {"Exposure": 0.8, "Contrast": 30, "Highlights": -40})
    plan = Plan({"Saturation": 20, "Shadows": 30}, (local,), {"rgb": curve, "red": curve}, None, 80)
    single = type(stack([plan]))(*(x[0] for x in stack([plan])))
    program = renderer.program_of(plan)
    with jax.enable_x64(True):
        arrays = type(single)(*(jnp.asarray(x, jnp.float64 if x.dtype == np.float32 else None) for x in single))
        photo = jnp.asarray(colorful(12, 16, 4).astype(np.float64))
        weight = jnp.asarray(rng.standard_normal(photo.shape))
        at = (photo, arrays.curve_points, arrays.local_sliders, arrays.local_amount)
        run = jax.jit(jax.value_and_grad(photo_and_curves, argnums=(0, 1, 2, 3)), static_argnums=6,
                      compiler_options=compilation.options() | FAST_COMPILE)
        _, gradients = run(*at, arrays, weight, program)
        for k, gradient in enumerate(gradients):
            direction = rng.standard_normal(gradient.shape)
            if k == 1:  # points that a curve does not have stay where they are
                direction[:, 4:] = direction[[2, 3]] = 0
                direction[..., 0] = 0  # the padding repeats the last x; y of the last point moves with its padding
                direction[:2, 4:, 1] = direction[:2, 3:4, 1]
            if k >= 2:
                direction[1:] = 0
            values = []
            for sign in (1, -1):
                moved = list(at)
                moved[k] = at[k] + sign * 1e-6 * jnp.asarray(direction)
                values.append(float(run(*moved, arrays, weight, program)[0]))
            assert float(jnp.sum(gradient * direction)) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4), k
            assert np.isfinite(gradient).all()

