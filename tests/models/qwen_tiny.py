"""Small random models in the reference's names, equal on every machine: numpy's frozen RandomState makes them."""

import dataclasses
import json
import pathlib
from typing import NamedTuple

import numpy as np

from rtq.models.qwen25vl import images, params, weightfiles
from rtq.models.qwen25vl.config import Config, to_hf

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


def write(folder: pathlib.Path, cfg: Config, tensors: dict[str, np.ndarray], files: int = 1) -> pathlib.Path:
    """A Hugging Face folder with these tensors, dealt out over `files` files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(to_hf(cfg)), encoding="utf-8")
    for i in range(files):
        part = dict(sorted(tensors.items())[i::files])
        shapes = {name: (array.shape, array.dtype) for name, array in part.items()}
        weightfiles.write_file(folder / f"model-{i + 1}-of-{files}.safetensors", shapes, part.__getitem__)
    return folder


class Batch(NamedTuple):
    """Prompts with photos: tokens int32[B, T], valid bool[B, T], grids and patches of the photos of each row."""

    tokens: np.ndarray
    valid: np.ndarray
    grids: list[list[tuple[int, int]]]
    patches: list[list[np.ndarray]]

    def packed(self, cfg: Config, layout=None):
        rows = [list(zip(p, g, strict=True)) for p, g in zip(self.patches, self.grids, strict=True)]
        return images.pack(rows, cfg, layout)


def batch(cfg: Config, grids: list[list[tuple[int, int]]], *, side: str, seed: int, extra: int = 3) -> Batch:
    """Random words around the photos of each row, padded on `side` ('left' or 'right') to a common length."""
    rng = np.random.RandomState(seed)
    words = np.arange(6, cfg.vocab_size)
    rows = []
    for photos in grids:
        row = list(rng.choice(words, rng.randint(2, 6)))
        for h, w in photos:
            row += [cfg.vision_start_token_id] + [cfg.image_token_id] * (h * w // cfg.patches_per_token)
            row += [cfg.vision_end_token_id, *rng.choice(words, rng.randint(0, 4))]
        rows.append([*row, int(rng.choice(words))])
    length = max(map(len, rows)) + extra
    tokens, valid = np.zeros((len(rows), length), np.int32), np.zeros((len(rows), length), bool)
    for b, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(length - len(row), length)
        tokens[b, place], valid[b, place] = row, True
    patches = [[rng.standard_normal((h * w, cfg.patch_dim)).astype(np.float32) for h, w in row] for row in grids]
    return Batch(tokens, valid, grids, patches)


def photo(height: int, width: int, seed: int) -> np.ndarray:
    """uint8[H, W, 3]: waves and a little noise."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x * rng.uniform(0.02, 0.3) + y * rng.uniform(0.02, 0.3) + i) for i in range(3)]
    noise = 4 * rng.standard_normal((height, width, 3))
    return np.clip(128 + 100 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)
