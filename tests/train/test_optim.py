"""Rates, clipping, decay, and what trains."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rtq.models.qwen25vl import lora
from rtq.train import optim, state
from tests.train import train_tiny as tiny


def options(**changes):
    out = tiny.OPTIMIZER.copy_and_resolve_references()
    out.update(changes)
    return out


def test_rates():
    rate = optim.learning_rate(options(warmup=4, final=0.1), 24)
    np.testing.assert_allclose([float(rate(i)) for i in (0, 1, 3, 4)], [0.0025, 0.005, 0.01, 0.01], rtol=1e-6)
    np.testing.assert_allclose([float(rate(i)) for i in (14, 24, 99)], [0.0055, 0.001, 0.001], rtol=1e-5)
    constant = optim.learning_rate(options(schedule="constant", warmup=0), 24)
    assert {float(constant(i)) for i in (0, 5, 99)} == {float(jnp.float32(0.01))}
    with pytest.raises(ValueError, match=r"optimizer\.schedule is 'linear'; choose from constant, cosine"):
        optim.make(options(schedule="linear"), 24)
    with pytest.raises(ValueError, match="warmup is 30, but there are 24 updates; allowed: 0 to 24"):
        optim.make(options(warmup=30), 24)


def test_clip_is_by_the_norm_of_all_that_trains():
    """After clipping, a huge gradient acts like one of norm 1: Adam forgets scale, so look at the first moment."""
    params = {"language": {"a": {"kernel": jnp.zeros(3)}, "b": {"kernel": jnp.zeros(1)}}, "vision": {"c": jnp.zeros(1)}}
    optimizer = optim.make(options(trains="language/.*"), 10)
    gradient = jax.tree.map(lambda x: jnp.full(x.shape, 100.0), params)
    _, after = optimizer.update(gradient, optimizer.init(params), params)
    moments = [x for keys, x in jax.tree_util.tree_leaves_with_path(after) if "/mu/" in optim.path_of(keys)]
    np.testing.assert_allclose(np.concatenate(moments), np.full(4, 0.1 * 0.5), rtol=1e-5)


def test_matrices_decay_and_the_rest_does_not():
    params = tiny.params()
    paths = {optim.path_of(k): bool(v) for k, v in jax.tree_util.tree_leaves_with_path(optim.decays(params))}
    assert paths["language/layers/attn/q/kernel"]
    assert paths["language/embedding"]
    assert not paths["language/layers/attn/q/bias"]
    assert not paths["language/norm/weight"]
    optimizer = optim.make(options(warmup=0, schedule="constant"), 10)
    old = state.create(params, optimizer)
    new = jax.jit(lambda old: state.update(old, optax.tree.zeros_like(old.params), optimizer))(old)
    kernel = "language", "layers", "mlp", "up", "kernel"
    before, after = old.params, new.params
    for name in kernel:
        before, after = before[name], after[name]
    np.testing.assert_allclose(after, before * (1 - 0.01 * 0.1), rtol=1e-6)
    np.testing.assert_array_equal(new.params["language"]["norm"]["weight"], old.params["language"]["norm"]["weight"])


def test_what_trains_is_float32():
    half = {"language": {"a": {"kernel": jnp.zeros(3, jnp.bfloat16)}}, "lora": {"a": jnp.zeros(3)}}
    assert jax.tree.leaves(optim.trains(half, "lora/.*")) == ["freeze", "train"]
    with pytest.raises(ValueError, match="language/a/kernel would train in bfloat16"):
        optim.trains(half, ".*")


@pytest.mark.parametrize("pattern", ["language/.*", "lora/.*"])
def test_only_what_the_pattern_names_trains(pattern):
    params = {**tiny.params(), "lora": lora.init(tiny.params(), jax.random.key(1), rank=2)}
    optimizer = optim.make(options(trains=pattern), 10)
    old = state.create(params, optimizer)
    new, _ = jax.jit(tiny.make_step(optimizer), static_argnames="axis_name")(
        old, tiny.rows(0), jax.random.key(0), axis_name=None
    )
    part = pattern.split("/")[0]
    for name in params:
        same = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), old.params[name], new.params[name])
        assert all(jax.tree.leaves(same)) == (name != part)
    moments = [x for k, x in jax.tree_util.tree_leaves_with_path(old.opt_state) if "/mu/" in optim.path_of(k)]
    assert len(moments) == len(jax.tree.leaves(params[part]))  # none for what is frozen


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match="no parameter's path matches"):
        optim.make(options(trains="visoin/.*"), 10).init({"vision": jnp.zeros(2)})
