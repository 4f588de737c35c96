"""Small random models in the reference's names, equal on every machine: numpy's frozen RandomState makes them."""

import dataclasses

import numpy as np

from rtq.models.qwen25vl import params
from rtq.models.qwen25vl.config import Config

CONFIG = Config(
    vocab_size=64, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48,
    mrope_section=(1, 1, 2), tie_embeddings=True,
    vision_depth=3, vision_hidden_size=32, vision_num_heads=2, vision_ffn_size=40,
    full_attention_blocks=(1,), window_size=56, max_pixels=140 * 140, max_position_embeddings=4096,
    bos_token_id=0, eos_token_id=1, vision_start_token_id=2, vision_end_token_id=3, image_token_id=4,
    video_token_id=5, dtype="float32", param_dtype="float32",
)  # fmt: skip
UNTIED = dataclasses.replace(CONFIG, tie_embeddings=False)


def hf_tensors(cfg: Config, seed: int = 0) -> dict[str, np.ndarray]:
    """Random float32 tensors as published, large enough that every part of the model matters."""
    rng, out = np.random.RandomState(seed), {}
    for name, tensor in sorted(params.hf_tensors(cfg).items()):
        noise = rng.standard_normal(tensor.shape).astype(np.float32)
        if "norm" in name or "ln_q" in name:
            out[name] = 1 + 0.1 * noise
        elif len(tensor.shape) == 1:
            out[name] = 0.1 * noise
        else:
            out[name] = noise * np.float32(np.prod(tensor.shape[1:]) ** -0.5)
    return out


def prompt(cfg: Config, grids, rng, *, length: int, side: str = "right"):
    """int32[T] tokens and bool[T] valid of one prompt with its photos, words between, padded on `side`."""
    words = np.arange(6, cfg.vocab_size)
    row = list(rng.choice(words, 2))
    for h, w in grids:
        row += [cfg.vision_start_token_id] + [cfg.image_token_id] * (h * w // cfg.patches_per_token)
        row += [cfg.vision_end_token_id, *rng.choice(words, rng.randint(1, 4))]
    assert len(row) <= length
    padding = length - len(row)
    valid = np.arange(length) < len(row) if side == "right" else np.arange(length) >= padding
    tokens = np.zeros(length, np.int32)
    tokens[valid] = row
    return tokens, valid
