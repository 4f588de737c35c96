"""The model's functions: equal to the reference's golden files, and to themselves in every way of computing them."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qwen_tiny
from flax import linen as nn

from rtq.models.qwen25vl import config, images, model, params, positions

CFG, UNTIED = qwen_tiny.CONFIG, qwen_tiny.UNTIED
embed = jax.jit(model.embed, static_argnums=0)
forward = jax.jit(model.forward, static_argnums=0)
vision = jax.jit(model.vision, static_argnums=0)
head = jax.jit(model.logits, static_argnums=0)
GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "qwen.npz")
CASES = {
    "left": (CFG, [[(6, 4), (4, 10)], [(10, 6)]], "left"),
    "right": (UNTIED, [[(2, 14)], []], "right"),
    "text": (UNTIED, [[], []], "left"),
}
DATA = qwen_tiny.batch(CFG, CASES["left"][1], side="left", seed=7)


def run(cfg, tree, data, layout=None):
    """(features, hidden, logits) of a batch."""
    features = None
    if any(data.grids):
        features = vision(cfg, tree, *data.packed(cfg, layout))
    x = embed(cfg, tree, data.tokens, features, positions.feature_index(data.tokens, cfg))
    place, _ = positions.mrope_positions(data.tokens, data.grids, cfg, data.valid)
    hidden, _ = forward(cfg, tree, x, place, model.causal_mask(jnp.asarray(data.valid)))
    return features, hidden, head(cfg, tree, hidden)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Our parameters of the tied tiny model, loaded from a Hugging Face folder."""
    folder = qwen_tiny.write(tmp_path_factory.mktemp("tied"), CFG, qwen_tiny.hf_tensors(CFG))
    return params.load(folder, CFG)


@pytest.fixture(scope="module")
def untied(tmp_path_factory):
    folder = qwen_tiny.write(tmp_path_factory.mktemp("untied"), UNTIED, qwen_tiny.hf_tensors(UNTIED))
    return params.load(folder, UNTIED)


@pytest.fixture(scope="module")
def expected(weights):
    return run(CFG, weights, DATA)


@pytest.mark.parametrize("case", CASES)
def test_equals_reference(case, weights, untied):
    cfg, grids, side = CASES[case]
    data = qwen_tiny.batch(cfg, grids, side=side, seed=7)
    features, hidden, logits = run(cfg, weights if cfg.tie_embeddings else untied, data)
    if case != "text":
        counts = [sum(h * w for h, w in row) // 4 for row in grids]
        ours = np.concatenate([x[:n] for x, n in zip(features, counts, strict=True)])
        np.testing.assert_allclose(ours, GOLDEN[f"{case}/features"], atol=2e-5)
    keep = data.valid[..., None]
    np.testing.assert_allclose(hidden * keep, GOLDEN[f"{case}/hidden"], atol=5e-5)
    np.testing.assert_allclose(logits * keep, GOLDEN[f"{case}/logits"], atol=5e-5)


@pytest.mark.parametrize("change", ["unrolled", "remat", "chunk", "layout"])
def test_ways_of_computing_agree(change, weights, expected):
    """Layers as a loop, rematerialised, attention in blocks of queries, photos in a larger bucket."""
    cfg, layout, tree = CFG, None, weights
    if change == "unrolled":
        cfg, tree = CFG.unrolled(), model.unstack(CFG, weights)
    elif change == "layout":
        layout = images.Layout(80, 10, 3, 72)
    else:
        cfg = dataclasses.replace(CFG, **{"remat": {"remat": True}, "chunk": {"attention_chunk": 7}}[change])
    features, hidden, logits = run(cfg, tree, DATA, layout)
    np.testing.assert_allclose(features[:, :15], expected[0][:, :15], atol=1e-5)
    keep = DATA.valid[..., None]
    np.testing.assert_allclose(hidden * keep, expected[1] * keep, atol=2e-5)
    np.testing.assert_allclose(logits * keep, expected[2] * keep, atol=2e-5)


def test_one_row_of_photos_serves_all(weights, expected):
    """Vision over one flat row of all photos, features picked by global index, gives the same embeddings."""
    row = [pair for p, g in zip(DATA.patches, DATA.grids, strict=True) for pair in zip(p, g, strict=True)]
    patches, index = images.pack([row], CFG)
    features = vision(CFG, weights, patches, index)
    place = positions.feature_index(DATA.tokens, CFG)
    place[1] = np.where(place[1] >= 0, place[1] + 16, -1)
    one = embed(CFG, weights, DATA.tokens, features, place)
    each = embed(CFG, weights, DATA.tokens, expected[0], positions.feature_index(DATA.tokens, CFG))
    np.testing.assert_allclose(one, each, atol=1e-5)


def shared_prefix_case(seed=0):
    """Two prompts (the first left-padded), three continuations each: tokens, validity and positions of both."""
    rng = np.random.RandomState(seed)
    prompt = rng.randint(6, 64, (2, 9)).astype(np.int32)
    prompt_valid = np.arange(9)[None] >= np.array([[4], [0]])
    more = rng.randint(6, 64, (6, 5)).astype(np.int32)
    more_valid = np.arange(5)[None] < np.array([[5], [3], [4], [5], [5], [1]])
    return prompt, prompt_valid, more, more_valid


def place_of(valid, start=0):
    return jnp.broadcast_to(jnp.asarray(np.cumsum(valid, 1) - 1 + start), (3, *valid.shape)).astype(jnp.int32)


def shared_prefix_loss(cfg, tree, case, repeat):
    """Sum of log-probabilities of the continuations, with the prompt shared or repeated for each of its rows."""
    prompt, prompt_valid, more, more_valid = case
    start = np.repeat(prompt_valid.sum(1), 3)[:, None]
    if repeat:
        tokens = np.concatenate([np.repeat(prompt, 3, 0), more], 1)
        valid = np.concatenate([np.repeat(prompt_valid, 3, 0), more_valid], 1)
        x = model.embed(cfg, tree, tokens)
        hidden, _ = model.forward(cfg, tree, x, place_of(valid), model.causal_mask(jnp.asarray(valid)))
        hidden = hidden[:, 9:]
    else:
        x = model.embed(cfg, tree, prompt)
        mask = model.causal_mask(jnp.asarray(prompt_valid))
        _, prefix = model.forward(cfg, tree, x, place_of(prompt_valid), mask)
        x = model.embed(cfg, tree, more)
        mask, place = model.causal_mask(jnp.asarray(more_valid)), place_of(more_valid, start)
        hidden, _ = model.forward(cfg, tree, x, place, mask, prefix=prefix, prefix_mask=jnp.asarray(prompt_valid))
    scores, _ = model.token_logprobs(cfg, tree, hidden[:, :-1], jnp.asarray(more[:, 1:]))
    return jnp.sum(scores * more_valid[:, 1:])


def test_shared_prefix_is_exact(weights):
    """Value and gradient equal those of the prompt repeated for every sample."""
    case = shared_prefix_case()
    value = jax.jit(jax.value_and_grad(lambda t: shared_prefix_loss(CFG, t, case, repeat=False)))(weights)
    plain = jax.jit(jax.value_and_grad(lambda t: shared_prefix_loss(CFG, t, case, repeat=True)))(weights)
    np.testing.assert_allclose(value[0], plain[0], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), value[1]["language"], plain[1]["language"])


@pytest.mark.parametrize("layers", ["scanned", "unrolled"])
def test_decoding_step_by_step(layers, weights):
    """One token at a time through the cache, beside a shared prompt, equals all tokens at once."""
    cfg, tree = (CFG, weights) if layers == "scanned" else (CFG.unrolled(), model.unstack(CFG, weights))
    prompt, prompt_valid, more, _ = shared_prefix_case()
    mask = model.causal_mask(jnp.asarray(prompt_valid))
    _, prefix = forward(cfg, tree, embed(cfg, tree, prompt), place_of(prompt_valid), mask)
    start = np.repeat(prompt_valid.sum(1), 3)[:, None]
    place = place_of(np.ones_like(more, bool), start)
    shared = {"prefix": prefix, "prefix_mask": jnp.asarray(prompt_valid)}
    mask = model.causal_mask(jnp.ones(more.shape, bool))
    whole, _ = forward(cfg, tree, embed(cfg, tree, more), place, mask, **shared)

    @jax.jit
    def step(cache, tokens, place, t):
        x = model.embed(cfg, tree, tokens)
        return model.forward(cfg, tree, x, place, model.decode_mask(t, 8), cache=cache, slot=t, **shared)

    cache = model.init_cache(cfg, 6, 8)
    for t in range(5):
        hidden, cache = step(cache, more[:, t : t + 1], place[:, :, t : t + 1], t)
        np.testing.assert_allclose(hidden[:, 0], whole[:, t], atol=2e-5)


@pytest.mark.parametrize("layers", ["scanned", "unrolled"])
def test_prefix_in_two_stretches(layers, weights):
    """A prefix computed in two calls and joined is the prefix computed in one."""
    cfg, tree = (CFG, weights) if layers == "scanned" else (CFG.unrolled(), model.unstack(CFG, weights))
    prompt = shared_prefix_case()[0]
    valid = np.ones(prompt.shape, bool)
    place = place_of(valid)

    def stretch(part, **prefix):
        mask = model.causal_mask(jnp.asarray(valid[:, part]))
        return forward(cfg, tree, embed(cfg, tree, prompt[:, part]), place[:, :, part], mask, **prefix)[1]

    first = stretch(slice(0, 6))
    second = stretch(slice(6, 9), prefix=first, prefix_mask=jnp.asarray(valid[:, :6]))
    whole = stretch(slice(0, 9))
    joined = model.concat_kv(first, second)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), joined, whole)


def test_decode_loop_does_not_copy_the_prompt(weights):
    """In the compiled loop no operation makes a new array of a prompt cache's size."""
    cfg, tree = CFG.unrolled(), model.unstack(CFG, weights)
    shape = {"k": (2, 2, 8, 333), "v": (2, 2, 333, 8)}
    prefix = tuple(model.KV(jnp.ones(shape["k"]), jnp.ones(shape["v"])) for _ in range(2))

    def loop(tree, prefix, valid, n):
        def body(carry):
            t, x, cache = carry
            mask, place = model.decode_mask(t, 16), jnp.full((3, 6, 1), 333 + t)
            shared = {"prefix": prefix, "prefix_mask": valid}
            x, cache = model.forward(cfg, tree, x, place, mask, cache=cache, slot=t, **shared)
            return t + 1, x, cache

        init = (0, jnp.ones((6, 1, 32)), model.init_cache(cfg, 6, 16))
        return jax.lax.while_loop(lambda carry: carry[0] < n, body, init)[1]

    text = jax.jit(loop).lower(tree, prefix, jnp.ones((2, 333), bool), 9).compile().as_text()
    makers = [
        line for line in text.splitlines()
        if any(f" = f32[{','.join(map(str, s))}]" in line for s in shape.values())
        and not any(f" {name}(" in line for name in ("parameter", "get-tuple-element", "bitcast"))
    ]  # fmt: skip
    assert "f32[2,2,8,333]" in text
    assert not makers, makers


def test_logprobs(weights):
    """Chunked log-probabilities and entropy equal the plain ones, with masks and temperature, and so do gradients."""
    rng = np.random.RandomState(0)
    hidden = jnp.asarray(rng.standard_normal((3, 11, 32)).astype(np.float32))
    table = jnp.asarray(rng.uniform(size=(5, 64)) < 0.6).at[:, 0].set(True)
    states = jnp.asarray(rng.randint(0, 5, (3, 11)))
    targets = jnp.asarray(np.argmax(rng.uniform(size=(3, 11, 64)) * table[states], -1))

    def plain(hidden):
        scores = jnp.where(table[states], model.logits(CFG, weights, hidden) / 0.7, -jnp.inf)
        logp = jax.nn.log_softmax(scores)
        entropy = -jnp.sum(jnp.where(table[states], jnp.exp(logp) * logp, 0), -1)
        return jnp.take_along_axis(logp, targets[..., None], -1)[..., 0], entropy

    def chunked(hidden):
        options = {"chunk": 4, "temperature": 0.7, "allowed": lambda s: table[s], "states": states}
        return model.token_logprobs(CFG, weights, hidden, targets, **options)

    for ours, theirs in zip(jax.jit(chunked)(hidden), jax.jit(plain)(hidden), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    gradients = [jax.jit(jax.grad(lambda h, f=f: jnp.sum(f(h)[0] * h[..., 0])))(hidden) for f in (chunked, plain)]
    np.testing.assert_allclose(*gradients, atol=1e-5)


def test_logprobs_never_hold_batch_time_vocabulary():
    """Nor does their gradient: all memory of the compiled program is far below [B, T, V]."""
    cfg = dataclasses.replace(CFG, vocab_size=4096)
    tree = {"language": {"embedding": jnp.ones((4096, 32))}}
    hidden, targets = jnp.ones((4, 512, 32)), jnp.zeros((4, 512), jnp.int32)

    def total(hidden):
        return model.token_logprobs(cfg, tree, hidden, targets, chunk=16)[0].sum()

    memory = jax.jit(jax.grad(total)).lower(hidden).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 0.3 * (4 * 512 * 4096 * 4)


def loss(tree, patches, tokens, index, where, place, valid):
    """A number that depends on every part of the model."""
    features = model.vision(CFG, tree, patches, index)
    x = model.embed(CFG, tree, tokens, features, where)
    hidden, _ = model.forward(CFG, tree, x, place, model.causal_mask(valid))
    return jnp.sum(jnp.where(valid[..., None], model.logits(CFG, tree, hidden), 0) ** 2)


def test_gradient_on_one_device_and_on_a_mesh(weights):
    """Every parameter has a gradient; over a 1 x 2 x 4 mesh by the logical rules value and gradient are the same."""
    patches, index = DATA.packed(CFG)
    place, _ = positions.mrope_positions(DATA.tokens, DATA.grids, CFG, DATA.valid)
    rest = index, positions.feature_index(DATA.tokens, CFG), place, DATA.valid
    value, gradient = jax.jit(jax.value_and_grad(loss))(weights, patches, DATA.tokens, *rest)
    for keys, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        path = jax.tree_util.keystr(keys)
        assert np.isfinite(leaf).all(), path
        assert np.abs(leaf).max() > 0, path

    mesh = jax.make_mesh((1, 2, 4), ("data", "fsdp", "tensor"), axis_types=(jax.sharding.AxisType.Auto,) * 3)
    shardings = model.param_shardings(CFG, mesh)
    batch = jax.sharding.NamedSharding(mesh, jax.P(("data", "fsdp")))
    with jax.set_mesh(mesh), nn.logical_axis_rules(config.logical_rules(CFG, 4)):
        step = jax.jit(jax.value_and_grad(loss), out_shardings=(None, shardings))
        inputs = (jax.device_put(x, batch) for x in (patches, DATA.tokens))
        sharded_value, sharded_gradient = step(jax.device_put(weights, shardings), *inputs, *rest)
    np.testing.assert_allclose(sharded_value, value, rtol=1e-5)
    scale = max(float(np.abs(x).max()) for x in jax.tree.leaves(gradient))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5 * scale), sharded_gradient, gradient)


@pytest.mark.parametrize("name", ["3b", "7b", "32b", "72b"])
def test_full_sizes_have_the_right_shapes(name):
    """Vision of a 448 px photo, a group beside a shared prompt, log-probabilities: traced, nothing computed."""
    cfg = config.preset(name, remat=True)
    index = images.index_of([[(32, 32)]], cfg)

    def program(tree, patches, prompt, more):
        features = model.vision(cfg, tree, patches, index)
        x = model.embed(cfg, tree, prompt, features, jnp.where(prompt == cfg.image_token_id, 0, -1))
        valid = jnp.ones(prompt.shape, bool)
        _, prefix = model.forward(cfg, tree, x, jnp.zeros((3, *prompt.shape)), model.causal_mask(valid))
        mask = model.causal_mask(jnp.ones(more.shape, bool))
        shared = {"prefix": prefix, "prefix_mask": valid}
        x = model.embed(cfg, tree, more)
        hidden, kv = model.forward(cfg, tree, x, jnp.zeros((3, *more.shape)), mask, **shared)
        return features, prefix, kv, model.token_logprobs(cfg, tree, hidden, more)

    shape = jax.ShapeDtypeStruct
    inputs = shape((2, 1024, 1176), jnp.float32), shape((2, 300), jnp.int32), shape((8, 100), jnp.int32)
    features, prefix, kv, scores = jax.eval_shape(program, model.param_shapes(cfg), *inputs)
    assert features.shape == (2, 256, cfg.hidden_size)
    assert prefix.k.shape == (cfg.num_layers, 2, cfg.num_kv_heads, 128, 300)
    assert kv.v.shape == (cfg.num_layers, 8, cfg.num_kv_heads, 100, 128)
    assert prefix.k.dtype == features.dtype == jnp.bfloat16
    assert [(x.shape, x.dtype) for x in scores] == [((8, 100), jnp.float32)] * 2


def test_bfloat16(weights, expected):
    """bfloat16 compute keeps float32 logits and stays near float32."""
    cfg = dataclasses.replace(CFG, dtype="bfloat16")
    _, hidden, logits = run(cfg, weights, DATA)
    assert hidden.dtype == jnp.bfloat16
    assert logits.dtype == jnp.float32
    error = np.abs(logits - expected[2])[DATA.valid]
    assert 1e-4 < error.mean() < 0.03


def test_gradient_reaches_rendered_pixels(weights):
    """From the features of a fixed grid back to float32[B, H, W, 3] on the device."""
    index = images.index_of([[(4, 6)]], CFG)

    def energy(pixels):
        return jnp.sum(model.vision(CFG, weights, images.to_patches(pixels, CFG), index) ** 2)

    gradient = jax.jit(jax.grad(energy))(jnp.full((2, 56, 84, 3), 0.4))
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).reshape(2, 4, 14, 6, 14, 3).sum((2, 4, 5)) > 0).all()


def test_init():
    """Fresh parameters have the announced shapes, and their scale keeps logits of order one."""
    tree = jax.jit(model.init, static_argnums=0)(UNTIED, jax.random.key(0))
    shapes = model.param_shapes(UNTIED)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), tree) == jax.tree.map(lambda x: (x.shape, x.dtype), shapes)
    data = qwen_tiny.batch(UNTIED, CASES["text"][1], side="left", seed=7)
    _, hidden, logits = run(UNTIED, tree, data)
    assert 0.5 < np.asarray(hidden)[data.valid].std() < 2
    assert 0.01 < np.asarray(logits)[data.valid].std() < 2
