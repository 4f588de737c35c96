"""Low-rank factors: nothing at first, equal to the merged model later, the only thing that gets a gradient."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qwen_tiny

from rtq.models.qwen25vl import lora, model, params, weightfiles

CFG = dataclasses.replace(qwen_tiny.UNTIED, lora_alpha=3.0)
TARGET = r"language/layers\w*/(attn/[qv]|mlp/down)|vision/layers\w*/attn/qkv|vision/merger/fc1"
DATA = qwen_tiny.batch(CFG, [[(4, 6)]], side="right", seed=1)


@jax.jit
def output(tree, factors):
    patches, index = DATA.packed(CFG)
    features = model.vision(CFG, tree, jnp.asarray(patches), index, lora=factors)
    x = model.embed(CFG, tree, DATA.tokens, features, jnp.asarray(DATA.tokens == CFG.image_token_id) * 1 - 1)
    place = jnp.broadcast_to(jnp.arange(DATA.tokens.shape[1])[None, None], (3, *DATA.tokens.shape))
    hidden, _ = model.forward(CFG, tree, x, place, model.causal_mask(jnp.asarray(DATA.valid)), lora=factors)
    return hidden


@pytest.fixture(scope="module")
def tree():
    return jax.jit(model.init, static_argnums=0)(CFG, jax.random.key(0))


@pytest.fixture(scope="module")
def factors(tree):
    start = lora.init(tree, jax.random.key(1), rank=2, target=TARGET)
    keys = iter(jax.random.split(jax.random.key(2), 100))
    return jax.tree.map(lambda x: 0.3 * jax.random.normal(next(keys), x.shape), start)


def test_start_changes_nothing(tree):
    start = lora.init(tree, jax.random.key(1), rank=2, target=TARGET)
    assert len(jax.tree.leaves(start)) == 2 * 5
    assert start["language"]["layers"]["attn"]["q"]["a"].shape == (2, 32, 2)
    assert start["vision"]["layers"]["attn"]["qkv"]["b"].shape == (3, 2, 3, 32)
    np.testing.assert_allclose(output(tree, start), output(tree, None), atol=1e-6)


def test_merged_equals_added(tree, factors):
    merged = lora.merge(CFG, tree, factors)
    added = output(tree, factors)
    np.testing.assert_allclose(output(merged, None), added, atol=3e-5)
    assert np.abs(added - output(tree, None)).max() > 0.1


def test_unrolled_layers(tree, factors):
    cfg = CFG.unrolled()
    patches, index = DATA.packed(CFG)
    scanned = jax.jit(model.vision, static_argnums=0)(CFG, tree, patches, index, lora=factors)
    parts = model.unstack(cfg, tree), model.unstack(cfg, factors)
    looped = jax.jit(model.vision, static_argnums=0)(cfg, parts[0], patches, index, lora=parts[1])
    np.testing.assert_allclose(looped, scanned, atol=1e-5)
    direct = lora.init(parts[0], jax.random.key(1), rank=2, target=TARGET)
    assert jax.tree.map(jnp.shape, direct) == jax.tree.map(jnp.shape, parts[1])


def test_training_the_factors_alone(tree, factors):
    """A few steps on the factors lower a loss; every factor has a gradient, the parameters none."""
    start = lora.init(tree, jax.random.key(1), rank=2, target=TARGET)
    target = output(tree, factors)
    step = jax.jit(jax.value_and_grad(lambda f: jnp.mean((output(tree, f) - target) ** 2)))
    first, gradient = step(start)
    assert jax.tree.structure(gradient) == jax.tree.structure(start)
    value = first
    for _ in range(20):
        value, gradient = step(start)
        start = jax.tree.map(lambda x, g: x - 0.2 * g, start, gradient)
    assert value < 0.8 * first
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradient))


def test_merged_model_exports(tree, factors, tmp_path):
    merged = lora.merge(CFG, tree, factors)
    params.save(tmp_path, CFG, merged)
    back = params.load(tmp_path, params.read_config(tmp_path, dtype="float32", param_dtype="float32"))
    jax.tree.map(np.testing.assert_array_equal, back, merged)


def test_adapter_files(tree, factors, tmp_path):
    """PEFT's layout: for every module W + alpha / r · B A in the reference's orientation is the merged weight."""
    lora.save(tmp_path / "adapter", CFG, factors)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], settings["peft_type"]) == (2, 3.0, "LORA")
    adapter = weightfiles.open_file(tmp_path / "adapter" / "adapter_model.safetensors")
    for name, part in {"plain": tree, "merged": lora.merge(CFG, tree, factors)}.items():
        params.save(tmp_path / name, CFG, part)
    plain, merged = (weightfiles.open_folder(tmp_path / name) for name in ("plain", "merged"))
    for module in settings["target_modules"]:
        a, b = (adapter[f"base_model.model.{module}.lora_{which}.weight"] for which in "AB")
        name = module.replace("model.visual", "visual").replace("language_model.", "") + ".weight"
        np.testing.assert_allclose(merged[name], plain[name] + 1.5 * b @ a, atol=1e-5)
        assert np.abs(merged[name] - plain[name]).max() > 0.01
    assert len(settings["target_modules"]) == 3 * 2 + 3 + 1

    back = lora.load(tmp_path / "adapter", jax.eval_shape(lambda: factors))
    jax.tree.map(np.testing.assert_array_equal, back, factors)
    with pytest.raises(ValueError, match="there is an adapter already"):
        lora.save(tmp_path / "adapter", CFG, factors)
    with pytest.raises(ValueError, match=r"tensor .*q_proj\.lora_A\.weight is \[2, 32\], needed is \[3, 32\]"):
        lora.load(tmp_path / "adapter", lora.init(tree, jax.random.key(0), rank=3, target=TARGET))
    fewer = lora.init(tree, jax.random.key(0), rank=2, target=TARGET.replace("qv", "q"))
    with pytest.raises(ValueError, match=r"unexpected tensor .*layers\.0\.self_attn\.v_proj\.lora_A"):
        lora.load(tmp_path / "adapter", fewer)


def test_axes_have_the_layout_of_the_factors(tree):
    start = lora.init(tree, jax.random.key(1), rank=2, target=TARGET)
    axes = lora.axes(model.param_axes(CFG), TARGET)
    assert jax.tree.map(lambda x: x.ndim, start) == jax.tree.map(len, axes)
    assert axes["language"]["layers"]["mlp"]["down"]["a"] == jax.P("layers", "mlp", None)


def test_bad_requests(tree):
    with pytest.raises(ValueError, match="LoRA target 'attn' matches no layer; paths look like"):
        lora.init(tree, jax.random.key(0), rank=2, target="attn")
    with pytest.raises(ValueError, match="rank must be at least 1"):
        lora.init(tree, jax.random.key(0), rank=0)
