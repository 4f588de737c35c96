"""How the editor's programs are compiled: the one place with compiler options.

XLA:CPU drops optimization barriers before it fuses, and then computes shared stages anew for every use, exponentially
often: the full pipeline becomes too slow to use. `CPU_OPTIONS` keeps the barriers and lets vectors be 512 bits
wide where the processor has them. A program that contains the editor inside a larger jit must be compiled with them
too (as flags: `XLA_FLAGS`).
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

CPU_OPTIONS = {
    "xla_disable_hlo_passes": "cse_barrier_expander",
    "xla_cpu_prefer_vector_width": 512,
    "xla_cpu_enable_fast_min_max": True,  # NaN need not pass through min and max
}
# For programs that already run side by side, one per core: XLA would split their loops over the same cores again.
_UNSPLIT = {"xla_disable_hlo_passes": f"{CPU_OPTIONS['xla_disable_hlo_passes']},cpu-parallel-task-assigner"}
XLA_FLAGS = " ".join(f"--{name}={str(value).lower()}" for name, value in CPU_OPTIONS.items())


def options() -> dict:
    """Compiler options for the default backend."""
    return dict(CPU_OPTIONS) if jax.default_backend() == "cpu" else {}


def jit(function=None, *, static_argnames=(), side_by_side: bool = False):
    """`jax.jit` with the editor's options; the backend is asked on the first call, not on import.

    Args:
      side_by_side: several calls run at once, from one thread per core; each then keeps to its thread on CPU.
    """
    if function is None:
        return functools.partial(jit, static_argnames=static_argnames, side_by_side=side_by_side)

    @functools.cache
    def compiled():
        chosen = options()
        if side_by_side and chosen:
            chosen |= _UNSPLIT
        return jax.jit(function, static_argnames=static_argnames, compiler_options=chosen)

    @functools.wraps(function)
    def call(*args, **kwargs):
        return compiled()(*args, **kwargs)

    return call


def stage(planes):
    """Marks the end of a stage: its planes are computed once, however many operations read them."""
    return lax.optimization_barrier(planes)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def spread(value, shape: tuple[int, int]):
    """A scalar over a plane [h, W]; maps stay. Its gradient is a dot product: XLA:CPU sums to a scalar one by one."""
    return jnp.broadcast_to(value, shape)


@spread.defjvp
def _spread_jvp(shape, primals, tangents):
    (value,), (tangent,) = primals, tangents
    if value.ndim == 0:
        ones = jnp.ones((shape[0] * shape[1], 1), value.dtype)
        tangent = jnp.dot(ones, tangent[None], precision=lax.Precision.HIGHEST).reshape(shape)
    return spread(value, shape), lax.optimization_barrier(tangent)


@jax.custom_jvp
def once_backward(values):
    """The identity; in reverse mode the gradient that arrives here is computed once (`stage` for the way back)."""
    return values


@once_backward.defjvp
def _once_backward_jvp(primals, tangents):
    return primals[0], lax.optimization_barrier(tangents[0])
