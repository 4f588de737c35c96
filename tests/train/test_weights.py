"""A run's start and end: fresh or from a folder, with low-rank factors, and back into a folder."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from rtq.eval import policy
from rtq.models.qwen25vl import config, lora, params
from rtq.train import weights
from tests.train import train_tiny as tiny

OPTIONS = ConfigDict(
    {"preset": "pocket", "tokenizer": "pocket", "dtype": "float32", "param_dtype": "float32", "remat": False,
     "lora_alpha": 8.0}
)


def test_from_nothing_to_a_folder_and_on_with_factors(tmp_path):
    weights.save(tmp_path / "policy", tiny.CONFIG, tiny.params(), photo=56)
    folder = str(tmp_path / "policy")
    cfg = weights.config_of(OPTIONS, folder)
    assert cfg.hidden_size == tiny.CONFIG.hidden_size
    function, arguments = weights.start(cfg, folder, jax.random.key(0), rank=2)
    loaded = function(*arguments)
    jax.tree.map(np.testing.assert_array_equal, {k: loaded[k] for k in ("vision", "language")}, tiny.params())
    trained = {**loaded, "lora": jax.tree.map(lambda x: x + 0.1, loaded["lora"])}
    weights.save(tmp_path / "policy", cfg, trained, photo=56)  # in place of the first
    merged = lora.merge(cfg, {k: loaded[k] for k in ("vision", "language")}, trained["lora"])
    jax.tree.map(np.testing.assert_array_equal, params.load(folder, cfg), merged)
    kept = lora.load(tmp_path / "policy" / weights.ADAPTER, trained["lora"])
    jax.tree.map(np.testing.assert_array_equal, kept, trained["lora"])
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]
    assert policy.read_settings(tmp_path / "policy", policy.POCKET).photo == 56


def test_stored_weights_are_rounded_and_say_what_the_model_saw(tmp_path):
    weights.save(tmp_path / "policy", tiny.CONFIG, tiny.params(), photo=56)
    weights.store(tmp_path / "policy", tmp_path / "assets" / "policy")
    stored = tmp_path / "assets" / "policy"
    assert policy.read_settings(stored, policy.POCKET).photo == 56
    cfg = weights.config_of(OPTIONS, str(stored))
    rounded = jax.tree.map(lambda x: x.astype("bfloat16").astype("float32"), tiny.params())
    jax.tree.map(np.testing.assert_array_equal, params.load(stored, cfg), rounded)
    assert (stored / "model.safetensors").stat().st_size < 0.6 * (tmp_path / "policy/model.safetensors").stat().st_size


def test_companions_travel_along(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "tokenizer.json").write_text("{}")
    (tmp_path / "source" / "preprocessor_config.json").write_text('{"max_pixels": 7}')  # of that folder's weights
    weights.save(tmp_path / "out", tiny.CONFIG, tiny.params(), photo=56,
                 source=str(tmp_path / "source"))  # fmt: skip
    assert (tmp_path / "out" / "tokenizer.json").read_text() == "{}"
    assert params.read_config(tmp_path / "out").max_pixels == tiny.CONFIG.max_pixels


def test_a_tokenizer_must_come_from_somewhere():
    assert weights.tokenizer_of(OPTIONS, "", config.preset("smoke")).size == 2048
    with pytest.raises(ValueError, match=r"model\.tokenizer is empty"):
        weights.words_from(ConfigDict({**OPTIONS, "tokenizer": ""}), "")


def test_the_tokenizer_must_be_that_of_the_weights():
    """Images are put where the model looks for its token: with another's it would see none, and say nothing."""
    other = config.preset("smoke", image_token_id=7)
    with pytest.raises(ValueError, match=r"image_token_id is 7 in config\.json, 4 in the tokenizer"):
        weights.tokenizer_of(OPTIONS, "", other)
    with pytest.raises(ValueError, match="knows 100 tokens, the tokenizer has 2048"):
        weights.tokenizer_of(OPTIONS, "", config.preset("smoke", vocab_size=100))
