"""A tiny model with pocket's tokenizer, small photos and plans of three sliders: what the tests of RL run on."""

import functools

import jax
import numpy as np

from rtq.editor import Plan
from rtq.editor.plan_arrays import stack
from rtq.models.qwen25vl import config, model
from rtq.rl import rollout
from rtq.text import grammar, tokenizer

SIDE = 56  # pixels; four image tokens
CFG = config.preset(
    "pocket", hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48, mrope_section=(1, 1, 2),
    vision_depth=1, vision_hidden_size=16, vision_num_heads=1, vision_ffn_size=16, full_attention_blocks=(0,),
    window_size=56,
)  # fmt: skip
TOKENIZER = tokenizer.load()
OPTIONS = grammar.Options(("Exposure", "Contrast", "Saturation"), (), 0, ())
EXECUTOR = rollout.executor(OPTIONS)
IMAGE_TOKENS = rollout.image_side(CFG, SIDE) ** 2


@functools.cache
def params(seed: int = 0, scale: float = 10.0):
    """Random weights; the embedding is enlarged so that logits differ by several units."""
    tree = jax.jit(model.init, static_argnums=0)(CFG, jax.random.key(seed))
    tree["language"]["embedding"] *= scale
    return tree


def photos(count: int, seed: int = 0) -> np.ndarray:
    """uint8[count, S, S, 3]: a smooth gradient with a little noise, different in each."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.2, 0.8, SIDE)[:, None, None] * rng.uniform(0.4, 1.2, (count, 1, 1, 3))
    return np.clip(255 * ramp + rng.normal(0, 8, (count, SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def plans(count: int, seed: int = 0):
    """Arrays of `count` plans."""
    rng = np.random.default_rng(seed)
    return stack([Plan({"Exposure": float(rng.integers(-10, 11)) / 10, "Contrast": int(rng.integers(-50, 51))})
                  for _ in range(count)])  # fmt: skip
