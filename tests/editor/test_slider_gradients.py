"""Gradients are those of finite differences, none is zero, and all are finite on greys, black and white."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from editor_cases import ROW_IDS, colorful, random_plan, smallest_program, with_companions

from rtq.editor import compilation, renderer
from rtq.editor.plan import Local, Mask, Plan
from rtq.editor.plan_arrays import stack
from rtq.editor.sliders import INDEX, SLIDERS

SHAPE = (8, 160)  # long, so that Texture and grain have a size
BATCH = 16
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


# Noise reduction, most of a program's size and time, has one of its own.
KINDS = {kind: [row for row in SLIDERS if (row.group == "noise") == (kind == "noise")] for kind in ("noise", "others")}


def gradients_at(kind: str, sliders, photo, arrays):
    """Values [N] and gradients [N, S] of a random functional at N settings, in batches of `BATCH`."""
    weight = np.random.default_rng(1).standard_normal(photo.shape)
    program = smallest_program(KINDS[kind])
    values, gradients = [], []
    for i in range(0, len(sliders), BATCH):
        rows = np.minimum(np.arange(i, i + BATCH), len(sliders) - 1)
        batch = type(arrays)(*(x[rows] for x in arrays))
        value, gradient = gradient_program(0)(sliders[rows], photo, batch, weight.astype(photo.dtype), program)
        values.append(np.asarray(value))
        gradients.append(np.asarray(gradient))
    return np.concatenate(values)[:len(sliders)], np.concatenate(gradients)[:len(sliders)]


@functools.cache
def differences() -> dict[str, list[tuple[float, float]]]:
    """name → (gradient, central difference) at each of `SHARES`, per whole range, float64."""
    seen: dict = {row.name: [] for row in SLIDERS}
    for kind, rows in KINDS.items():
        cases = [(row, share) for row in rows for share in SHARES]
        arrays = stack([Plan(dict(row.companions)) for row, _ in cases])
        base = arrays.sliders.astype(np.float64)
        step = np.zeros_like(base)
        for i, (row, share) in enumerate(cases):
            base[i, INDEX[row.name]] = at_share(row, share)
            step[i, INDEX[row.name]] = STEP * (row.hi - row.lo)
        double = type(arrays)(*(x.astype(np.float64) if x.dtype == np.float32 else x for x in arrays))
        photo = colorful(*SHAPE).astype(np.float64)
        with jax.enable_x64(True):
            _, gradients = gradients_at(kind, base, photo, double)
            (above, _), (below, _) = (gradients_at(kind, base + sign * step, photo, double) for sign in (1, -1))
        for i, (row, _) in enumerate(cases):
            gradient = float(gradients[i, INDEX[row.name]]) * (row.hi - row.lo)
            seen[row.name].append((gradient, float(above[i] - below[i]) / (2 * STEP)))
    return seen


@pytest.mark.parametrize("row", SLIDERS, ids=ROW_IDS)
def test_gradient_is_the_finite_difference(row):
    for gradient, difference in differences()[row.name]:
        assert gradient == pytest.approx(difference, rel=2e-3, abs=1e-8)
        assert abs(gradient) > 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_at_neutral_are_not_zero(kind):
    """Where every search starts: drivers alone, modifiers with their companions."""
    rows = KINDS[kind]
    arrays = stack([with_companions(row, row.neutral) for row in rows])
    _, gradients = gradients_at(kind, arrays.sliders, colorful(*SHAPE), arrays)
    assert np.isfinite(gradients).all()
    sizes = {row.name: abs(float(gradients[i, INDEX[row.name]])) * (row.hi - row.lo) for i, row in enumerate(rows)}
    assert min(sizes.values()) > 1e-7, min(sizes, key=sizes.get)


FLATS = {"black": 0, "white": 1, "grey": 0.5, "darkest": 1e-4, "above white": 1.7, "below black": -0.1,
         "red": (1, 0, 0), "cyan": (0, 1, 1), "beyond sRGB": (1.1, -0.2, 0.3)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FLATS)
def test_gradients_are_finite_on_flat_colours(name, kind):
    """Of every slider, at neutral and in random full plans, in float32."""
    skip = {row.name for row in SLIDERS} - {row.name for row in KINDS[kind]}
    arrays = stack([Plan(), *(random_plan(np.random.default_rng(i), skip=skip) for i in range(7))])
    photo = np.broadcast_to(np.float32(FLATS[name]), (*SHAPE, 3)).copy()
    values, gradients = gradients_at(kind, arrays.sliders, photo, arrays)
    assert np.isfinite(values).all()
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

