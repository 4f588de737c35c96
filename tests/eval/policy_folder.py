"""A tiny policy with random weights as a folder: pocket's tokenizer, photos of 56 pixels, short answers."""

import json
import pathlib

import jax
import numpy as np

from rtq.models.qwen25vl import params
from tests.rl import tiny_policy as tiny

SIDE = tiny.SIDE


def write(folder: pathlib.Path) -> pathlib.Path:
    """Weights that end their reasoning soon, so that there is room for sliders."""
    tree = jax.tree.map(np.array, tiny.params(scale=5.0))
    tree["language"]["embedding"][tiny.TOKENIZER.encode("</think>")] *= 20
    params.save(folder, tiny.CFG, tree)
    (folder / "rtq.json").write_text(json.dumps({"photo": SIDE, "new_tokens": 32}))
    return folder


def photos(count: int, seed: int = 0) -> np.ndarray:
    """float32[count, S, S, 3], each different."""
    return tiny.photos(count, seed).astype(np.float32) / 255
