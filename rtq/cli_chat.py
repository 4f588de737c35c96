"""`rtq chat`: a model in a Hugging Face folder looks at a photo and answers a question in words."""

import functools

import numpy as np


def answer(folder: str, photo: np.ndarray, words: str, *, max_new_tokens: int, temperature: float, seed: int) -> str:
    """The model's reply to a photo, in its own proportions, and words.

    Args:
      folder: as in `policy.load`.
      photo: uint8, uint16 or float32 [H, W, 3], encoded sRGB.
      words: a question.
      max_new_tokens: budget, the end token included.
      temperature: 0 is greedy.
      seed: of the sampling.

    Raises:
      ValueError: one line: what the folder lacks.
    """
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling
    from rtq.decode.generate import Prompts, generate
    from rtq.eval import policy
    from rtq.models.qwen25vl import images, model, positions
    from rtq.rl import grammars, rollout
    from rtq.text import prompts

    loaded = policy.load(folder)
    tokenizer, cfg = loaded.tokenizer, loaded.cfg
    patches, grid = images.process(policy.eight_bits(photo), cfg)
    size = grid[0] * grid[1] // cfg.patches_per_token
    tokens = np.array([prompts.render(tokenizer, prompts.question(words), [size])], np.int32)
    longest = cfg.max_position_embeddings - max_new_tokens
    if tokens.shape[1] > longest:
        raise ValueError(f"photo and question take {tokens.shape[1]} tokens, {longest} allowed; make the photo smaller")
    place, delta = positions.mrope_positions(tokens, [[grid]], cfg)
    where = positions.feature_index(tokens, cfg)
    packed, index = images.pack([[(patches, grid)]], cfg)
    table = grammars.free(tokenizer, cfg.vocab_size)

    @functools.partial(jax.jit, static_argnums=0)
    def reply(cfg, weights, packed):
        cfg, weights = rollout.unrolled(cfg, weights)
        x = model.embed(cfg, weights, jnp.asarray(tokens), model.vision(cfg, weights, packed, index), where)
        prompt = Prompts(x, jnp.asarray(place), jnp.ones(tokens.shape, bool), jnp.asarray(tokens.shape[1] + delta))
        return generate(rollout.engine(cfg), weights, prompt, table, sampling.Sampling(temperature),
                        key=jax.random.key(seed), seeds=jnp.zeros(1, jnp.int32), group=1,
                        max_new_tokens=max_new_tokens).tokens[0]  # fmt: skip

    return tokenizer.decode_answer(np.asarray(reply(cfg, loaded.params, packed)).tolist())
