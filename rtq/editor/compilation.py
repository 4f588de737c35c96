"""How the editor's programs are compiled: the one place with compiler options.

XLA:CPU drops optimization barriers before it fuses, and then computes shared stages anew for every use: the full
pipeline becomes tens of times slower. `CPU_OPTIONS` keeps the barriers and lets vectors be 512 bits wide where the
processor has them. A program that contains the editor inside a larger jit should be compiled with them too.
"""

import functools

import jax
from jax import lax

CPU_OPTIONS = {"xla_disable_hlo_passes": "cse_barrier_expander", "xla_cpu_prefer_vector_width": 512}


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
