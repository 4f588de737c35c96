"""Value and gradient of an image distance with respect to sliders, for photos of any size, in strips.

The backward pass recomputes each block of rows, so memory stays at a few strips however large the photo is; what
guides contribute is gathered over the strips and pulled back through the guides once.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rtq.editor import compilation, develop, guides, strips
from rtq.editor.plan_arrays import PlanArrays
from rtq.editor.sliders import INDEX, SLIDERS


def _with(arrays: PlanArrays, which: tuple[int, ...], values) -> PlanArrays:
    """The plan with the sliders `which` at `values`; gradients of the others are never computed."""
    return arrays._replace(sliders=arrays.sliders.at[jnp.array(which)].set(values))


def _strip_loss(values, guide, arrays, target, pixels, weights, rows, size, named, program, which):
    """Sum of squared differences over one strip; `target` [h, W, 3] of any dtype."""
    arrays = _with(arrays, which, values)
    names = tuple(SLIDERS[i].name for i in which)
    planes, effective, view = strips.point_planes(pixels, arrays, guide, weights, rows, size, named, program, names)
    effective = strips.spread_values(effective, names, target.shape[:2])
    out = develop.finish(planes, effective, program, view, arrays.crop)
    difference = [x - strips.to_float(target[..., c]) for c, x in enumerate(out)]
    return sum(jnp.vdot(d, d, precision=jax.lax.Precision.HIGHEST) for d in difference)


_strip_value_and_grad = compilation.jit(jax.value_and_grad(_strip_loss, argnums=(0, 1)),
                                        static_argnames=("program", "which"), side_by_side=True)


@compilation.jit(static_argnames=("program", "which", "factors", "size"))
def _guides_pullback(values, arrays, copy, tone_copy, cotangent, program, which, factors, size):
    """Gradient that reaches the sliders through the guides."""
    def make(values):
        return develop.make_guides(_with(arrays, which, values), program, copy, tone_copy, factors, size)

    return jax.vjp(make, values)[1](cotangent)[0]


def loss_and_gradient(photo: np.ndarray, target: np.ndarray, arrays: PlanArrays, program: develop.Program,
                      names: Sequence[str]) -> tuple[float, np.ndarray]:
    """Mean squared difference between the rendered photo and a target, and its gradient.

    Args:
      photo, target: uint8, uint16 or float32 [H, W, 3], encoded; the rendered photo is not clipped.
      arrays: the plan, without crop or named masks; slider values need not lie on their steps.
      program: a program that contains the groups of all `names` and of the plan.
      names: sliders to differentiate, in a person's units.

    Returns:
      (loss, float64[len(names)]).
    """
    height, width = photo.shape[:2]
    arrays = jax.device_put(PlanArrays(*(np.asarray(x) for x in arrays)))
    named = np.zeros((0, height, width), np.float32)
    copies, factors = strips.prepare(photo, named, program)
    guide = strips.make_guides(arrays, *copies, program, factors, (height, width))
    guide = guides.Guides(*(np.asarray(x) for x in guide))
    plan = strips.Strips(photo, named, program, factors, overlap=False, chunk=strips.GRADIENT_CHUNK)
    which = tuple(INDEX[name] for name in names)
    values = arrays.sliders[jnp.array(which)]
    evaluate = functools.partial(_strip_value_and_grad, program=program, which=which)

    def one(start):
        rows = plan.rows_at(start)
        pixels, part, *rest = plan.inputs(start, guide)
        value, (direct, through) = evaluate(values, part, arrays, target[start:start + rows], pixels, *rest)
        return start, float(value), np.asarray(direct, np.float64), jax.tree.map(np.asarray, through)

    total, gradient = 0.0, 0.0
    cotangent = guides.Guides(*(np.zeros_like(x) for x in guide))
    for start, value, direct, through in strips.run(one, plan.starts):
        (g0, gn), (t0, tn) = plan.windows_at(start)
        total, gradient = total + value, gradient + direct
        cotangent.base[:, g0:g0 + gn] += through.base
        cotangent.band[t0:t0 + tn] += through.band
    if program.groups & {"light", "clarity", "texture"}:
        pulled = _guides_pullback(values, arrays, *copies, cotangent, program, which, factors, (height, width))
        gradient = gradient + np.asarray(pulled)
    count = height * width * 3
    return total / count, gradient / count
