"""Hugging Face folders in and out."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import qwen_tiny
import safetensors.numpy

from rtq.models.qwen25vl import model, params, weightfiles

CFG = dataclasses.replace(qwen_tiny.UNTIED, param_dtype="bfloat16")
TENSORS = {k: v.astype(ml_dtypes.bfloat16) for k, v in qwen_tiny.hf_tensors(CFG).items()}
NEWER = {
    ("model." + name if name.startswith("visual.") else name.replace("model.", "model.language_model.")): array
    for name, array in TENSORS.items()
}


def bits(x):
    return np.asarray(x).view(np.uint16)


def test_round_trip_is_bit_exact(tmp_path):
    loaded = params.load(qwen_tiny.write(tmp_path / "in", CFG, TENSORS, files=3), CFG)
    assert {str(x.dtype) for x in jax.tree.leaves(loaded)} == {"bfloat16"}
    params.save(tmp_path / "out", CFG, loaded, shard_bytes=30_000)
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) == len(list((tmp_path / "out").glob("*.safetensors"))) > 2
    back = weightfiles.open_folder(tmp_path / "out")
    assert back.keys() == TENSORS.keys() == index["weight_map"].keys()
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(bits(back[name]), bits(array), err_msg=name)
    assert params.read_config(tmp_path / "out", dtype="float32", param_dtype="bfloat16") == CFG
    with pytest.raises(ValueError, match="there are weights already"):
        params.save(tmp_path / "out", CFG, loaded)


def test_files_are_the_format_others_read_and_write(tmp_path):
    loaded = params.load(qwen_tiny.write(tmp_path / "in", CFG, TENSORS), CFG)
    params.save(tmp_path / "out", CFG, loaded)
    back = safetensors.numpy.load_file(tmp_path / "out" / "model.safetensors")
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(bits(back[name]), bits(array), err_msg=name)
    (tmp_path / "other").mkdir()
    safetensors.numpy.save_file(TENSORS, tmp_path / "other" / "model.safetensors")
    again = params.load(tmp_path / "other", CFG)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(bits(a), bits(b)), loaded, again)


def test_one_tensor_under_two_names_is_refused(tmp_path):
    name = "model.layers.1.mlp.up_proj.weight"
    twice = TENSORS | {name.replace("model.", "model.language_model."): TENSORS[name]}
    with pytest.raises(ValueError, match=rf"{name} is there twice"):
        params.load(qwen_tiny.write(tmp_path, CFG, twice), CFG)


@pytest.mark.parametrize(("seen", "limits"), [
    ({"min_pixels": 3136, "max_pixels": 401408}, (3136, 401408)),
    ({"size": {"shortest_edge": 3136, "longest_edge": 501760}}, (3136, 501760)),
    ({}, (params.Config.min_pixels, params.Config.max_pixels)),
])  # fmt: skip
def test_how_large_photos_are_seen_is_read(tmp_path, seen, limits):
    qwen_tiny.write(tmp_path, CFG, TENSORS)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(seen))
    cfg = params.read_config(tmp_path)
    assert (cfg.min_pixels, cfg.max_pixels) == limits


@pytest.mark.parametrize(("text", "message"), [
    ("{", r"config\.json: not JSON"), ("[]", r"config\.json: needed is an object"),
    ('{"model_type": "qwen2_5_vl"}', "'vision_config' is missing"),
    ('{"model_type": "qwen2_5_vl", "vision_config": null}', "not laid out"),
    ('{"model_type": "qwen2_5_vl", "vision_config": {}, "text_config": null}', "not laid out"),
    ('{"model_type": "qwen2_5_vl", "vision_config": {}}', "'hidden_size' is missing"),
])  # fmt: skip
def test_broken_configurations_are_named(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        params.read_config(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_both_layouts_and_casting(tmp_path):
    """Newer names load the same; float32 parameters from bfloat16 files are exact."""
    wide = dataclasses.replace(CFG, param_dtype="float32")
    old = params.load(qwen_tiny.write(tmp_path / "old", CFG, TENSORS), CFG)
    new = params.load(qwen_tiny.write(tmp_path / "new", CFG, NEWER), wide)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a, np.float32), b), old, new)


def test_straight_into_shards(tmp_path):
    mesh = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), axis_types=(jax.sharding.AxisType.Auto,) * 3)
    folder = qwen_tiny.write(tmp_path, CFG, TENSORS)
    shardings = model.param_shardings(CFG, mesh)
    sharded = params.load(folder, CFG, shardings)
    gate = sharded["language"]["layers"]["mlp"]["gate"]["kernel"]
    assert gate.sharding.spec == jax.P(None, "fsdp", "tensor")
    assert gate.addressable_shards[0].data.shape == (2, 16, 24)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(bits(a), bits(b)), sharded, params.load(folder, CFG))


def test_wrong_tensors_are_named(tmp_path):
    name = "visual.blocks.1.attn.qkv.bias"
    less = {k: v for k, v in TENSORS.items() if k != name}
    with pytest.raises(ValueError, match=r"tensor visual\.blocks\.1\.attn\.qkv\.bias is missing \(our vision/layers/"):
        params.load(qwen_tiny.write(tmp_path / "a", CFG, less), CFG)
    more = TENSORS | {"model.layers.2.mlp.up_proj.weight": np.zeros(3, np.float32), "z": np.zeros(1, np.float32)}
    with pytest.raises(ValueError, match=r"unexpected tensor model\.layers\.2\.mlp\.up_proj\.weight and 1 more"):
        params.load(qwen_tiny.write(tmp_path / "b", CFG, more), CFG)
    shape = TENSORS | {"model.norm.weight": np.zeros(5, np.float32)}
    with pytest.raises(ValueError, match=r"tensor model\.norm\.weight is \[5\], needed is \[32\]"):
        params.load(qwen_tiny.write(tmp_path / "c", CFG, shape), CFG)


def test_broken_files_are_named(tmp_path):
    file = qwen_tiny.write(tmp_path, CFG, TENSORS) / "model-1-of-1.safetensors"
    whole = file.read_bytes()
    for content, message in (
        (whole[:-7], "is cut short"),
        (whole[:4], "not a safetensors file"),
        (b"", "not a safetensors file"),
        *((len(header).to_bytes(8, "little") + header + bytes(8), message) for header, message in (
            (b"{}x", "its header is no JSON"), (b"[" * 100_000, "its header is no JSON"), (b"[]", "is no object"),
            (b'{"a":{}}', "a: the header says nothing"),
            (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}}', "a: the header says nothing"),
            (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', "a: the header says nothing"),
        )),
    ):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"model-1-of-1\.safetensors: .*{message}"):
            params.load(tmp_path, CFG)
    file.unlink()
    with pytest.raises(ValueError, match=r"no \*\.safetensors file"):
        params.load(tmp_path, CFG)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no config\.json"):
        params.read_config(tmp_path)


def test_tied_head_may_be_stored_twice(tmp_path):
    cfg = dataclasses.replace(CFG, tie_embeddings=True)
    head = TENSORS["model.embed_tokens.weight"]
    params.load(qwen_tiny.write(tmp_path / "a", cfg, TENSORS | {"lm_head.weight": head}), cfg)
    with pytest.raises(ValueError, match=r"lm_head\.weight is not model\.embed_tokens\.weight"):
        params.load(qwen_tiny.write(tmp_path / "b", cfg, TENSORS | {"lm_head.weight": head + 1}), cfg)


def test_stacked_parameters_hold_the_layers_in_order(tmp_path):
    loaded = params.load(qwen_tiny.write(tmp_path, CFG, TENSORS), CFG)
    unstacked = model.unstack(CFG, loaded)
    for i in range(CFG.num_layers):
        theirs = TENSORS[f"model.layers.{i}.mlp.down_proj.weight"]
        np.testing.assert_array_equal(unstacked["language"][f"layers_{i}"]["mlp"]["down"]["kernel"], theirs.T)
    assert jnp.asarray(loaded["vision"]["layers"]["attn"]["qkv"]["kernel"]).shape == (3, 32, 3, 32)
