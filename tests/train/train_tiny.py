"""A tiny model, rows of random words with a photo, and a real loss: what the tests of training train."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from rtq.models.qwen25vl import images, model, positions
from rtq.models.qwen25vl.config import Config
from rtq.train import accumulate, optim, state

CONFIG = Config(
    vocab_size=64, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48,
    mrope_section=(1, 1, 2), tie_embeddings=True,
    vision_depth=2, vision_hidden_size=32, vision_num_heads=2, vision_ffn_size=40,
    full_attention_blocks=(1,), window_size=56, max_pixels=56 * 56, max_position_embeddings=512,
    bos_token_id=0, eos_token_id=1, vision_start_token_id=2, vision_end_token_id=3, image_token_id=4,
    video_token_id=5, dtype="float32", param_dtype="float32",
)  # fmt: skip
GRID = (4, 4)  # 56 x 56 pixels, four tokens
OPTIMIZER = ConfigDict({
    "learning_rate": 1e-2, "schedule": "cosine", "warmup": 2, "final": 0.1, "b1": 0.9, "b2": 0.95, "eps": 1e-8,
    "weight_decay": 0.1, "clip": 1.0, "trains": ".*",
})  # fmt: skip


class Rows(NamedTuple):
    """photos float32[B, S, S, 3], tokens int32[B, T], weights float32[B, T]."""

    photos: np.ndarray
    tokens: np.ndarray
    weights: np.ndarray


def rows(seed: int, count: int = 8, length: int = 16) -> Rows:
    """Photo, then words, of which some have weight 0: rows differ in how many words count."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(6, 64, (count, length), np.int32)
    tokens[:, :6] = [2, 4, 4, 4, 4, 3]
    weights = (np.arange(length) >= rng.integers(7, length - 1, (count, 1))).astype(np.float32)
    return Rows(rng.random((count, 56, 56, 3), np.float32), tokens, weights)


def loss(params: Any, batch: Rows):
    """Cross-entropy of the words with weight; one layout holds for all rows."""
    tokens = np.full((1, batch.tokens.shape[1]), 6, np.int32)
    tokens[:, :6] = [2, 4, 4, 4, 4, 3]
    place, _ = positions.mrope_positions(tokens, [[GRID]], CONFIG)
    features = model.vision(
        CONFIG, params, images.to_patches(batch.photos, CONFIG), images.index_of([[GRID]], CONFIG),
        lora=params.get("lora"),
    )  # fmt: skip
    index = jnp.broadcast_to(positions.feature_index(tokens, CONFIG), batch.tokens.shape)
    x = model.embed(CONFIG, params, batch.tokens, features, index)
    place = jnp.broadcast_to(place, (3, *batch.tokens.shape))
    hidden, _ = model.forward(
        CONFIG, params, x, place, model.causal_mask(jnp.ones(batch.tokens.shape, bool)), lora=params.get("lora")
    )
    scores, _ = model.token_logprobs(CONFIG, params, hidden[:, :-1], batch.tokens[:, 1:])
    weights = batch.weights[:, 1:]
    return -jnp.sum(scores * weights), (jnp.sum(weights), {})


def make_step(optimizer, micro: int = 1):
    def step(old, batch, rng, *, axis_name):
        gradient, metrics = accumulate.gradient(loss, old.params, batch, micro=micro, axis_name=axis_name)
        return state.update(old, gradient, optimizer), metrics

    return step


@functools.cache
def params() -> Any:
    """Random parameters, made in one compiled program."""
    return jax.jit(functools.partial(model.init, CONFIG))(jax.random.key(0))


def fresh(*, steps: int = 10, **changes):
    """A new state and its optimizer."""
    options = OPTIMIZER.copy_and_resolve_references()
    options.update(changes)
    optimizer = optim.make(options, steps)
    return jax.jit(functools.partial(state.create, optimizer=optimizer))(params()), optimizer
