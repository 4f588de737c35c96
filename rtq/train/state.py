"""What a step of training changes: parameters, the optimizer's state, and how many updates there were."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class State(NamedTuple):
    """A model in training.

    params: `{"vision": …, "language": …}` and, where low-rank factors train beside frozen weights, `"lora": …`.
    opt_state: moments, only of what trains. step: int32[], updates so far.
    """

    params: Any
    opt_state: Any
    step: jax.Array


def create(params: Any, optimizer: optax.GradientTransformation) -> State:
    """The state before the first update."""
    return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))


def update(state: State, gradient: Any, optimizer: optax.GradientTransformation) -> State:
    """One update; what does not train stays the same to the bit."""
    updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
    return State(optax.apply_updates(state.params, updates), opt_state, state.step + 1)
