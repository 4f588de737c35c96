"""`rtq chat` loads a Hugging Face folder and answers about a photo: a tiny random one, written here."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from rtq import cli
from rtq.models.qwen25vl import config, model, params
from rtq.text import answers, large_vocabulary


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


def test_a_plan_is_what_the_grammar_lets_through(folder, photo, capsys):
    assert cli.main(["chat", str(folder), str(photo), "warmer", "--plan", "--max-new-tokens", "60", "--temperature",
                     "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    parsed = answers.parse_answer(answer)
    assert not isinstance(parsed, answers.Failure), (answer, parsed)
    assert cli.main(["chat", str(folder), str(photo), "warmer", "--plan", "--max-new-tokens", "3"]) == 1
    assert "at least" in capsys.readouterr().err


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
