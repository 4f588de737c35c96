"""Eight devices sample what one samples: under pmap with whole weights, and under jit with everything sharded."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from rtq.decode import sampling
from rtq.decode.generate import Prompts, generate
from rtq.decode.loop import Model
from rtq.decode.sampling import FORBIDDEN, Sampling
from rtq.models.qwen25vl import config, model

# Two key-value heads for a tensor axis of two; the vocabulary, 62, and the other widths divide by two as well.
CFG = config.preset(
    "pocket", vocab_size=62, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48,
    mrope_section=(1, 1, 2), vision_depth=1, vision_hidden_size=16, vision_num_heads=1, vision_ffn_size=16,
    full_attention_blocks=(0,),
).unrolled()  # fmt: skip
EOS, PROMPTS, LENGTH, GROUP, NEW = CFG.eos_token_id, 8, 10, 3, 8
MESH = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
ROWS = P(("data", "fsdp"))
RUN = Model(*(functools.partial(f, CFG) for f in (model.embed, model.forward, model.logits, model.init_cache)))


def table():
    """Any of the tokens 6–59 some times, then 60, then eos."""
    f = FORBIDDEN
    token_class = np.full(CFG.vocab_size, 3)
    token_class[6:60], token_class[60], token_class[EOS] = 0, 1, 2
    need, following = np.array([[2, 1, f, f], [f, f, 0, f]]), np.array([[0, 1, 0, 0], [0, 0, 1, 0]])
    return sampling.grammar_table(following, need, token_class, 0, EOS)


def inputs():
    """tokens int32[P, S], valid bool[P, S] with padding on the left, seeds int32[P], budgets int32[P, G]."""
    rng = np.random.RandomState(3)
    tokens = rng.randint(6, 60, (PROMPTS, LENGTH)).astype(np.int32)
    valid = np.arange(LENGTH)[None] >= rng.randint(0, 6, PROMPTS)[:, None]
    budgets = rng.randint(2, NEW + 1, (PROMPTS, GROUP)).astype(np.int32)
    return tokens, valid, np.arange(20, 20 + PROMPTS, dtype=np.int32), budgets


def answers(how, params, table, tokens, valid, seeds, budgets):
    positions = jnp.maximum(jnp.cumsum(valid, 1) - 1, 0)
    x = model.embed(CFG, params, tokens)
    prompts = Prompts(x, jnp.broadcast_to(positions, (3, *valid.shape)), valid, valid.sum(1))
    options = {"key": jax.random.key(7), "seeds": seeds, "group": GROUP, "max_new_tokens": NEW}
    return generate(RUN, params, prompts, table, how, budgets=budgets.reshape(-1), **options)


@pytest.fixture(scope="module")
def params():
    """Random weights, the embedding enlarged so that logits differ by several units."""
    tree = jax.jit(model.init, static_argnums=0)(CFG, jax.random.key(1))
    tree["language"]["embedding"] *= 15
    return tree


@pytest.fixture(scope="module", params=[0.0, 1.3], ids=["greedy", "warm"])
def on_one(request, params):
    """How to sample, and what one device samples."""
    how = Sampling(request.param)
    out = jax.jit(functools.partial(answers, how))(params, table(), *inputs())
    assert out.finished.all()
    assert len(np.unique(out.mask.sum(1))) > 3  # rows end at different times
    return how, out


def assert_same(out, other):
    """Sums go in another order, so log-probabilities are only close; all else is equal."""
    for name in ("tokens", "mask", "states", "finished"):
        np.testing.assert_array_equal(getattr(other, name), getattr(out, name), err_msg=name)
    np.testing.assert_allclose(other.logprobs, out.logprobs, atol=1e-4)


def test_pmap(on_one, params):
    """One prompt on each of eight devices, weights and grammar on every one."""
    how, out = on_one
    split = [x[:, None] for x in inputs()]
    mapped = jax.pmap(functools.partial(answers, how), axis_name="data", in_axes=(None, None, 0, 0, 0, 0))
    other = mapped(params, table(), *split)
    assert len(other.tokens.sharding.device_set) == 8
    assert_same(out, jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), other))


def test_sharded_weights_and_prompts(on_one, params):
    """Weights over (fsdp, tensor), prompts and their samples over (data, fsdp), on a mesh of 2 x 2 x 2."""
    how, out = on_one
    weights = jax.device_put(params, model.param_shardings(CFG, MESH))
    embedding = weights["language"]["embedding"]
    assert embedding.addressable_shards[0].data.size == embedding.size // 4
    batch = [jax.device_put(x, NamedSharding(MESH, ROWS)) for x in inputs()]
    grammar = jax.device_put(table(), NamedSharding(MESH, P()))
    rows = NamedSharding(MESH, ROWS)
    with jax.set_mesh(MESH), nn.logical_axis_rules(config.logical_rules(CFG, 2)):
        other = jax.jit(functools.partial(answers, how), out_shardings=rows)(weights, grammar, *batch)
    assert other.tokens.addressable_shards[0].data.shape == (PROMPTS * GROUP // 4, NEW)
    assert_same(out, other)
