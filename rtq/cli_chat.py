"""`rtq chat`: a model in a Hugging Face folder looks at a photo and answers. The shortest path through all of it."""

import functools
import pathlib

import numpy as np


def answer(folder: str, photo: np.ndarray, words: str, *, plan: bool, max_new_tokens: int, temperature: float,
           seed: int) -> str:
    """The model's reply to a photo and words.

    Args:
      folder: a Hugging Face folder of Qwen2.5-VL: config.json, safetensors, tokenizer with chat template.
      photo: uint8[H, W, 3], sRGB.
      words: a question; with `plan`, a request to edit.
      plan: ask for an edit, and allow only answers that the grammar of plans accepts.
      max_new_tokens: budget, the end token included; a plan's grammar always ends within it.
      temperature: 0 is greedy.
      seed: of the sampling.

    Raises:
      ValueError: one line: what the folder lacks, or a budget too small for any plan.
    """
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling
    from rtq.decode.generate import Prompts, generate
    from rtq.decode.loop import Model
    from rtq.models.qwen25vl import images, model, params, positions
    from rtq.text import grammar, grammar_table, prompts, tokenizer

    if not pathlib.Path(folder).is_dir():
        raise ValueError(f"{folder}: no such folder")
    cfg = params.read_config(folder).unrolled()
    words_of = tokenizer.load(folder)
    weights = jax.jit(functools.partial(model.unstack, cfg))(params.load(folder, params.read_config(folder)))
    patches, grid = images.process(photo, cfg)
    size = grid[0] * grid[1] // cfg.patches_per_token
    messages = prompts.edit(words) if plan else prompts.question(words)
    tokens = np.array([prompts.render(words_of, messages, [size])], np.int32)
    place, delta = positions.mrope_positions(tokens, [[grid]], cfg)
    where = positions.feature_index(tokens, cfg)
    packed, index = images.pack([[(patches, grid)]], cfg)
    if plan:
        regex = grammar.answer_regex(grammar.Options(regions=()))
        table = sampling.grammar_table(*grammar_table.compile_table(regex, words_of, cfg.vocab_size))
        shortest = sampling.shortest_answer(table)
        if max_new_tokens < shortest:
            raise ValueError(f"max-new-tokens: {max_new_tokens} is too few for a plan; at least {shortest} are needed")
    else:
        silent = tuple(sorted((words_of.control | set(range(words_of.size, cfg.vocab_size))) - {words_of.eos_id}))
        table = sampling.free_table(cfg.vocab_size, words_of.eos_id, silent)
    run = Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits, model.init_cache)))

    @jax.jit
    def reply(weights):
        x = model.embed(cfg, weights, jnp.asarray(tokens), model.vision(cfg, weights, packed, index), where)
        prompt = Prompts(x, jnp.asarray(place), jnp.ones(tokens.shape, bool), jnp.asarray(tokens.shape[1] + delta))
        return generate(run, weights, prompt, table, sampling.Sampling(temperature), key=jax.random.key(seed),
                        seeds=jnp.zeros(1, jnp.int32), group=1, max_new_tokens=max_new_tokens).tokens[0]

    return words_of.decode_answer(np.asarray(reply(weights)).tolist())
