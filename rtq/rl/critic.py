"""A reward that never sees the request: does a photo look like one that nobody spoiled?

What reinforcement learning would get off the shelf, an aesthetic model, in small: a network of one hidden layer on
statistics of light and colour that tells clean photos from spoiled ones. It is fitted when a run starts, for the
ablation of reward models.

Letters: B photos, S side, F statistics, H hidden units.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

HIDDEN = 32
STEPS = 50  # more learn the training photos by heart (benchmarks/results/rewards.md)
SIDE = 70  # pixels a side that statistics are taken of, about
_QUANTILES = np.array((0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98), np.float32)
_BANDS = np.array((0.2, 0.5, 0.8), np.float32)  # luma of darks, middles and lights
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


class Critic(NamedTuple):
    """mean, scale float32[F] of the statistics; inner [F, H], bias [H], outer [H]."""

    mean: jax.Array
    scale: jax.Array
    inner: jax.Array
    bias: jax.Array
    outer: jax.Array


def statistics(photos: jax.Array) -> jax.Array:
    """float32[B, S, S, 3] sRGB 0–1 → float32[B, F]: means, spreads, quantiles, and the cast of darks, lights, greys."""
    block = max(photos.shape[1] // SIDE, 1)
    flat = photos[:, ::block, ::block].reshape(len(photos), -1, 3)
    luma = flat @ jnp.asarray(_LUMA)
    chroma = flat.max(-1) - flat.min(-1)
    casts = jnp.stack([flat[..., 0] - flat[..., 1], (flat[..., 0] + flat[..., 1]) / 2 - flat[..., 2]], -1)
    bands = jnp.exp(-(((luma[..., None] - jnp.asarray(_BANDS)[None, None]) / 0.2) ** 2))
    weights = jnp.concatenate([bands, 1 / (0.03 + chroma)[..., None]], -1)  # the greyest pixels tell the cast best
    found = jnp.einsum("bpw,bpc->bwc", weights, casts) / (weights.sum(1)[..., None] + 1e-3)
    columns = [flat.mean(1), flat.std(1), jnp.quantile(luma, _QUANTILES, axis=1).T,
               jnp.quantile(chroma, _QUANTILES, axis=1).T, found.reshape(len(flat), -1)]  # fmt: skip
    return jnp.concatenate(columns, -1)


def score(critic: Critic, photos: jax.Array) -> jax.Array:
    """float32[B] in 0..1 of float32[B, S, S, 3]: how clean they look."""
    return jax.nn.sigmoid(_logits(critic, statistics(photos)))


def fit(clean: np.ndarray, spoiled: np.ndarray, seed: int = 0) -> Critic:
    """The critic that puts clean photos ahead of their spoiled selves, float32[N, S, S, 3] each, on the host."""
    measure = jax.jit(statistics)
    good, bad = (jnp.concatenate([measure(x[i : i + 64]) for i in range(0, len(x), 64)]) for x in (clean, spoiled))
    both = jnp.concatenate([good, bad])
    mean, scale = both.mean(0), both.std(0) + 1e-3
    keys = jax.random.split(jax.random.key(seed))
    inner = jax.random.normal(keys[0], (both.shape[1], HIDDEN)) / both.shape[1] ** 0.5
    start = Critic(mean, scale, inner, jnp.zeros(HIDDEN), jax.random.normal(keys[1], (HIDDEN,)) / HIDDEN**0.5)
    learns = Critic(False, False, True, True, True)
    optimizer = optax.partition(
        {True: optax.adamw(1e-2, weight_decay=0.05), False: optax.set_to_zero()}, learns
    )  # fmt: skip

    def loss(critic):
        return jnp.mean(jax.nn.softplus(_logits(critic, bad)) + jax.nn.softplus(-_logits(critic, good)))

    def step(carry, _):
        critic, state = carry
        updates, state = optimizer.update(jax.grad(loss)(critic), state, critic)
        return (optax.apply_updates(critic, updates), state), None

    (fitted, _), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, length=STEPS))((start, optimizer.init(start)))
    return jax.device_get(fitted)


def _logits(critic: Critic, values: jax.Array) -> jax.Array:
    seen = (values - critic.mean[None]) / critic.scale[None]
    hidden = jnp.tanh(seen @ critic.inner + critic.bias[None])
    return hidden @ critic.outer
