"""Published sizes, config.json both ways, sharding rules."""

import jax
import pytest

from rtq.models.qwen25vl import config, model

# Parameters of the published checkpoints, in millions (sum of the tensors' sizes in their indices).
MILLIONS = {"3b": 3754.6, "7b": 8292.2, "32b": 33452.7, "72b": 73410.8}


@pytest.mark.parametrize("name", MILLIONS)
def test_full_sizes(name):
    shapes = model.param_shapes(config.preset(name))
    assert sum(x.size for x in jax.tree.leaves(shapes)) / 1e6 == pytest.approx(MILLIONS[name], abs=0.1)
    assert {str(x.dtype) for x in jax.tree.leaves(shapes)} == {"bfloat16"}


def test_pocket_size():
    shapes = model.param_shapes(config.preset("pocket"))
    assert sum(x.size for x in jax.tree.leaves(shapes)) <= 4.9e6


@pytest.mark.parametrize("name", config.PRESETS)
def test_config_json_round_trip(name):
    cfg = config.preset(name)
    back = config.from_hf(
        config.to_hf(cfg), dtype=cfg.dtype, param_dtype=cfg.param_dtype, max_pixels=cfg.max_pixels
    )
    assert back == cfg


def test_published_flat_config():
    """The keys of the published 3B config.json (the ones that matter here), before transformers 5."""
    hf = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "bos_token_id": 151643, "eos_token_id": 151645,
        "vision_start_token_id": 151652, "vision_end_token_id": 151653, "vision_token_id": 151654,
        "image_token_id": 151655, "video_token_id": 151656, "hidden_act": "silu", "hidden_size": 2048,
        "intermediate_size": 11008, "max_position_embeddings": 128000, "max_window_layers": 70,
        "model_type": "qwen2_5_vl", "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": True,
        "use_sliding_window": False, "vocab_size": 151936,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "vision_config": {
            "depth": 32, "hidden_act": "silu", "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
            "in_chans": 3, "out_hidden_size": 2048, "patch_size": 14, "spatial_merge_size": 2,
            "spatial_patch_size": 14, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
            "tokens_per_second": 2, "temporal_patch_size": 2,
        },
    }  # fmt: skip
    assert config.from_hf(hf) == config.preset("3b")
    with pytest.raises(ValueError, match="model_type is 'qwen2_vl'"):
        config.from_hf(hf | {"model_type": "qwen2_vl"})
    with pytest.raises(ValueError, match="use_sliding_window"):
        config.from_hf(hf | {"use_sliding_window": True})
    with pytest.raises(ValueError, match="'yarn' is not supported"):
        config.from_hf(hf | {"rope_scaling": {"type": "yarn"}})


def test_bad_configs():
    with pytest.raises(ValueError, match="unknown preset '5b'; choose from 3b, 7b"):
        config.preset("5b")
    with pytest.raises(ValueError, match="num_heads by num_kv_heads must divide evenly"):
        config.preset("3b", num_kv_heads=3)
    with pytest.raises(ValueError, match="mrope_section"):
        config.preset("3b", mrope_section=(16, 16, 16))
    with pytest.raises(ValueError, match="full_attention_blocks"):
        config.preset("3b", vision_depth=4)


@pytest.mark.parametrize("name", ["3b", "7b", "32b", "72b"])
@pytest.mark.parametrize("tensor", [1, 4, 8])
def test_every_parameter_divides(name, tensor):
    """Rules leave whole what the mesh does not divide, so every sharding is legal."""
    cfg = config.preset(name)
    rules = dict(config.logical_rules(cfg, tensor))
    sizes = {"data": 1, "fsdp": 8, "tensor": tensor}

    def check(shape, axes):
        for size, axis in zip(shape.shape, axes, strict=False):
            assert size % sizes.get(rules.get(axis), 1) == 0, (shape, axes)

    jax.tree.map(check, model.param_shapes(cfg), model.param_axes(cfg))
