"""Live comparison with transformers' Qwen2.5-VL over random tiny configurations (PyTorch, float32, CPU).

    pytest -m parity tests/models/test_parity.py -s      # prints the table
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qwen_tiny

from rtq.models.qwen25vl import config, images, model, params, positions

pytestmark = pytest.mark.parity
TOLERANCE = 2e-4
COUNT = 16


def random_case(seed: int):
    """(config, batch, description): sizes, grids, padding and head drawn at random, text only now and then."""
    rng = np.random.RandomState(1000 + seed)
    heads, kv_heads = [(4, 2), (4, 4), (6, 2), (2, 1)][rng.randint(4)]
    section = tuple(int(i) for i in rng.randint(1, 4, 3))
    depth = int(rng.randint(1, 5))
    full = tuple(int(i) for i in np.flatnonzero(rng.uniform(size=depth) < 0.5))
    vision_heads = int(rng.randint(1, 4))
    cfg = dataclasses.replace(
        qwen_tiny.CONFIG,
        num_heads=heads, num_kv_heads=kv_heads, mrope_section=section, hidden_size=heads * 2 * sum(section),
        num_layers=int(rng.randint(1, 4)), ffn_size=int(rng.randint(8, 60)), tie_embeddings=bool(rng.randint(2)),
        vision_depth=depth, full_attention_blocks=full, vision_num_heads=vision_heads,
        vision_hidden_size=vision_heads * 4 * int(rng.randint(1, 5)), vision_ffn_size=int(rng.randint(8, 60)),
        window_size=28 * int(rng.randint(1, 5)), rms_norm_eps=float(rng.choice([1e-6, 1e-5])),
        rope_theta=float(rng.choice([1e4, 1e6])), temporal_patch_size=int(rng.choice([1, 2])),
    )  # fmt: skip
    counts = [0] * 2 if seed % 5 == 4 else rng.randint(0, 4, int(rng.randint(1, 4)))
    grids = [[tuple(int(2 * i) for i in rng.randint(1, 9, 2)) for _ in range(count)] for count in counts]
    side = ["left", "right"][seed % 2]
    text = f"heads {heads}/{kv_heads} layers {cfg.num_layers} vision {depth} full {full} window {cfg.window_size}"
    return cfg, qwen_tiny.batch(cfg, grids, side=side, seed=seed), f"{text} {side} {grids}"


def ours(cfg, tree, data):
    """features of all photos in order, hidden, logits, positions, delta."""
    out, features = {}, None
    if any(data.grids):
        patches, index = data.packed(cfg)
        features = jax.jit(model.vision, static_argnums=0)(cfg, tree, patches, index)
        counts = [sum(h * w for h, w in row) // 4 for row in data.grids]
        out["features"] = np.concatenate([x[:n] for x, n in zip(features, counts, strict=True)])
    out["positions"], out["delta"] = positions.mrope_positions(data.tokens, data.grids, cfg, data.valid)

    @jax.jit
    def text(tree, features):
        x = model.embed(cfg, tree, data.tokens, features, jnp.asarray(positions.feature_index(data.tokens, cfg)))
        mask = model.causal_mask(jnp.asarray(data.valid))
        hidden, _ = model.forward(cfg, tree, x, jnp.asarray(out["positions"]), mask)
        return hidden, model.logits(cfg, tree, hidden)

    hidden, logits = text(tree, features)
    keep = data.valid[..., None]
    return out | {"hidden": hidden * keep, "logits": logits * keep}


@pytest.mark.parametrize("seed", range(COUNT))
def test_parity(seed, tmp_path):
    import qwen_reference

    cfg, data, text = random_case(seed)
    tensors = qwen_tiny.hf_tensors(cfg, seed)
    theirs = qwen_reference.run(qwen_reference.build(cfg, tensors), cfg, data)
    mine = ours(cfg, params.load(qwen_tiny.write(tmp_path, cfg, tensors), cfg), data)
    assert mine.keys() == theirs.keys()
    error = {key: float(np.abs(np.asarray(mine[key]) - theirs[key]).max()) for key in theirs}
    largest = float(np.abs(theirs["logits"]).max())
    table = " ".join(f"{key} {error[key]:.1e}" for key in sorted(error))
    print(f"\n{seed:2d} {table} |logits| {largest:.1f} {text}")
    assert error["positions"] == error["delta"] == 0
    assert max(error.values()) <= TOLERANCE


def test_transformers_loads_what_we_save(tmp_path):
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    cfg = dataclasses.replace(qwen_tiny.UNTIED, param_dtype="bfloat16")
    tree = jax.jit(model.init, static_argnums=0)(cfg, jax.random.key(0))
    params.save(tmp_path, cfg, tree, shard_bytes=40_000)
    module, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    module.save_pretrained(tmp_path / "back")
    back = params.load(tmp_path / "back", params.read_config(tmp_path / "back", dtype="float32"))
    bits = [jax.tree.map(lambda x: np.asarray(x).view(np.uint16), part) for part in (tree, back)]
    jax.tree.map(np.testing.assert_array_equal, *bits)
    assert module.dtype == torch.bfloat16


@pytest.mark.parametrize("seed", range(12))
def test_image_processor(seed):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    rng = np.random.RandomState(seed)
    limit = int(rng.choice([140 * 140, 300 * 300, 28 * 28 * 1280]))
    cfg = config.preset("7b", max_pixels=limit)
    photo = qwen_tiny.photo(*rng.randint(10, 400, 2), seed)
    theirs = Qwen2VLImageProcessorPil(min_pixels=cfg.min_pixels, max_pixels=limit)(images=[photo], return_tensors="np")
    patches, grid = images.process(photo, cfg)
    assert [1, *grid] == theirs["image_grid_thw"][0].tolist()
    np.testing.assert_array_equal(patches, theirs["pixel_values"])


def test_greedy_decoding(tmp_path):
    """transformers.generate and our cached steps choose the same tokens, with photos and left padding."""
    import qwen_reference
    import torch

    cfg, data = qwen_tiny.CONFIG, qwen_tiny.batch(qwen_tiny.CONFIG, [[(6, 4)], [(4, 4), (2, 6)]], side="left", seed=3)
    tensors = qwen_tiny.hf_tensors(cfg)
    module = qwen_reference.build(cfg, tensors)
    kind = torch.from_numpy(data.tokens == cfg.image_token_id).int()
    expected = module.generate(
        input_ids=torch.from_numpy(data.tokens).long(), attention_mask=torch.from_numpy(data.valid).long(),
        pixel_values=torch.from_numpy(np.concatenate([p for row in data.patches for p in row])),
        image_grid_thw=torch.tensor([[1, h, w] for row in data.grids for h, w in row]),
        mm_token_type_ids=kind, max_new_tokens=8, min_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0,
    )[:, data.tokens.shape[1]:].numpy()  # fmt: skip

    cfg, tree = cfg.unrolled(), model.unstack(cfg, params.load(qwen_tiny.write(tmp_path, cfg, tensors), cfg))
    place, delta = positions.mrope_positions(data.tokens, data.grids, cfg, data.valid)
    valid = jnp.asarray(data.valid)
    features = model.vision(cfg, tree, *data.packed(cfg))
    x = model.embed(cfg, tree, data.tokens, features, positions.feature_index(data.tokens, cfg))
    hidden, prefix = model.forward(cfg, tree, x, place, model.causal_mask(valid))
    start, cache, chosen = data.valid.sum(1) + delta, model.init_cache(cfg, 2, 8), []

    @jax.jit
    def step(cache, tokens, t):
        x = model.embed(cfg, tree, tokens[:, None])
        place = jnp.broadcast_to((start + t)[None, :, None], (3, 2, 1))
        mask = model.decode_mask(t, 8)
        return model.forward(cfg, tree, x, place, mask, cache=cache, slot=t, prefix=prefix, prefix_mask=valid)

    hidden = hidden[:, -1:]
    for t in range(8):
        tokens = jnp.argmax(model.logits(cfg, tree, hidden)[:, 0], -1)
        chosen.append(tokens)
        hidden, cache = step(cache, tokens, t)
    np.testing.assert_array_equal(np.stack(chosen, 1), expected)
