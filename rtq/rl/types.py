"""What passes between sampling, scoring and training.

Letters: P prompts, B rows (those of a prompt lie together), T tokens, I images.
"""

from typing import Any, NamedTuple

import jax


class Rollout(NamedTuple):
    """Sampled rows as the trainer takes them; every leaf leads with P or B, so it splits by prompts.

    images: float32[P, I, S, S, 3], those of the prompt, then those that stand inside rows.
    prompt, prompt_valid: int32 and bool[P, Tp], the shared part, padded on the left.
    tokens: int32[B, T], what follows it. valid: bool[B, T], False where nothing stands. first_feature: int32[B], image
      tokens of the prompt's images that come before those which this row shows.
    trained: bool[B, T], the sampled tokens whose choice is judged.
    states, room: int32[B, T], the grammar's state before each token, and how many tokens were left, this one included.
    logprobs: float32[B, T], the sampler's; reference: float32[B, T] or None.
    advantages: float32[B].
    """

    images: jax.Array
    prompt: jax.Array
    prompt_valid: jax.Array
    tokens: jax.Array
    valid: jax.Array
    first_feature: jax.Array
    trained: jax.Array
    states: jax.Array
    room: jax.Array
    logprobs: jax.Array
    reference: jax.Array | None
    advantages: jax.Array


class Context(NamedTuple):
    """What P groups share and rows are decoded beside: keys and values of S tokens, valid bool[P, S], and int32[P],
    the position of the token that follows."""

    prefix: Any
    valid: jax.Array
    position: jax.Array
