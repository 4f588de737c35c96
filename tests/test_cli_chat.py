"""`rtq chat` and `rtq edit` with a Hugging Face folder of Qwen's vocabulary: a tiny random one, written here."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from rtq import cli
from rtq.data.options import POCKET
from rtq.editor import Plan
from rtq.models.qwen25vl import config, model, params
from rtq.text import grammar, large_vocabulary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two layers, random weights, Qwen's vocabulary size and special tokens."""
    path = tmp_path_factory.mktemp("qwen")
    words = large_vocabulary.write(path)
    cfg = config.preset(
        "pocket", vocab_size=152_064, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48,
        mrope_section=(1, 1, 2), vision_depth=2, vision_hidden_size=16, vision_num_heads=1, vision_ffn_size=16,
        full_attention_blocks=(1,), image_token_id=words.image_id, vision_start_token_id=words.vision_start_id,
        vision_end_token_id=words.vision_end_id, eos_token_id=words.eos_id)  # fmt: skip
    params.save(path, cfg, jax.jit(model.init, static_argnums=0)(cfg, jax.random.key(0)))
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)).save(path)
    return path


def test_edits_are_what_the_grammar_lets_through(folder, photo, tmp_path, capsys):
    """Of a vocabulary of Qwen's size too, in which a plan takes three times as many tokens."""
    (folder / "rtq.json").write_text('{"photo": 56, "new_tokens": 60}')
    out = tmp_path / "edited.png"
    assert cli.main(["edit", str(photo), "warmer", "--policy", str(folder), "--temperature", "2", "--amount", "0",
                     "-o", str(out), "--json"]) == 0
    (done,) = json.loads(capsys.readouterr().out)["photos"]
    assert grammar.permitted(Plan.from_json({**done["plan"], "amount": 100}), POCKET)
    assert out.exists()


def test_words_are_answered_with_words(folder, photo, capsys):
    assert cli.main(["chat", str(folder), str(photo), "What is this?", "--max-new-tokens", "5"]) == 0
    first = capsys.readouterr().out
    assert first.strip()
    assert cli.main(["chat", str(folder), str(photo), "What is this?", "--max-new-tokens", "5"]) == 0
    assert capsys.readouterr().out == first


def test_what_is_missing_is_said_in_one_line(folder, photo, tmp_path, capsys):
    for arguments, code, words in (
            ((str(tmp_path / "none"), str(photo)), 1, "no such folder"),
            ((str(tmp_path), str(photo)), 1, "config.json"),
            ((str(folder), str(tmp_path / "none.jpg")), 3, "none.jpg")):
        assert cli.main(["chat", *arguments, "hello"]) == code
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
