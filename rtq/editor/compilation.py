"""How the editor's programs are compiled: the one place with compiler options.

XLA:CPU drops optimization barriers before it fuses, and then computes shared stages anew for every use, in its newer
fusion emitters exponentially often: the full pipeline becomes hundreds of times slower. `CPU_OPTIONS` keeps the
barriers, takes the older emitters, and lets vectors be 512 bits wide where the processor has them. A program that
contains the editor inside a larger jit must be compiled with them too (as flags: `XLA_FLAGS`).
"""

import functools

import jax
from jax import lax

CPU_OPTIONS = {
    "xla_disable_hlo_passes": "cse_barrier_expander",
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_prefer_vector_width": 512,
    "xla_cpu_enable_fast_min_max": True,  # NaN need not pass through min and max
}
XLA_FLAGS = ("--xla_disable_hlo_passes=cse_barrier_expander --xla_cpu_use_fusion_emitters=false "
             "--xla_cpu_prefer_vector_width=512 --xla_cpu_enable_fast_min_max=true")


def options() -> dict:
    """Compiler options for the default backend."""
    return dict(CPU_OPTIONS) if jax.default_backend() == "cpu" else {}


def jit(function=None, *, static_argnames=()):
    """`jax.jit` with the editor's options; the backend is asked on the first call, not on import."""
    if function is None:
        return functools.partial(jit, static_argnames=static_argnames)

    @functools.cache
    def compiled():
        return jax.jit(function, static_argnames=static_argnames, compiler_options=options())

    @functools.wraps(function)
    def call(*args, **kwargs):
        return compiled()(*args, **kwargs)

    return call


def stage(planes):
    """Marks the end of a stage: its planes are computed once, however many operations read them."""
    return lax.optimization_barrier(planes)
