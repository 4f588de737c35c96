"""Supervised steps: the loss equals a plain computation, ordinal targets, and learning."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rtq.data import measure
from rtq.data.rows import PLACES, VERDICT
from rtq.editor import Plan
from rtq.models.qwen25vl import model
from rtq.rl import rollout
from rtq.text import answers, facts, prompts
from rtq.train import accumulate, sft_step, state
from tests.rl import tiny_policy as tiny

CFG, TOKENIZER = tiny.CFG, tiny.TOKENIZER
ROWS = 4
TABLE = sft_step.ordinals(TOKENIZER, CFG.vocab_size)
LEVELS, CHANGES = PLACES
MOVES = facts.moves_text(*[dict.fromkeys(facts.CHANGES, 0)] * 2)
SETUP = sft_step.Setup(CFG, optax.adam(3e-3), TABLE, tiny.EXECUTOR, tiny.EXECUTOR)


def critiques() -> sft_step.Batch:
    """Rows [photo][request][plan, metrics][edit, moves][scores], of different lengths."""
    rows, weights = [], []
    for i in range(ROWS):
        ask = prompts.render(TOKENIZER, prompts.critique_metrics("brighter " * (i + 1)), [tiny.IMAGE_TOKENS])
        metrics = prompts.reply(TOKENIZER, answers.metrics_text(("colour", "mood"), (10, 90), Plan(), LEVELS))
        turn = prompts.scores_turn(TOKENIZER, tiny.IMAGE_TOKENS, MOVES)
        scores = prompts.reply(TOKENIZER, answers.scores_text((i, 10)))
        rows.append(ask + metrics + turn + scores)
        weights.append([0] * len(ask) + [1] * len(metrics) + [0] * len(turn) + [int(VERDICT)] * len(scores))
    length = max(map(len, rows))
    tokens = np.array([row + [TOKENIZER.pad_id] * (length - len(row)) for row in rows], np.int32)
    weights = np.array([row + [0] * (length - len(row)) for row in weights], np.float32)
    noise = np.random.default_rng(0).integers(-2, 3, (ROWS, len(facts.CHANGES))).astype(np.int32)
    edits, wanted = tiny.plans(ROWS, 1), tiny.plans(ROWS, 2)
    return sft_step.Batch(tiny.photos(ROWS), tiny.plans(ROWS), edits, tokens, weights, wanted, noise)


@jax.jit
def _logprobs(params, x, place):
    hidden, _ = model.forward(CFG, params, x, place, model.causal_mask(jnp.ones(x.shape[:2], bool)))
    return jax.nn.log_softmax(model.logits(CFG, params, hidden))


def plain_loss(params, batch: sft_step.Batch, scores: bool):
    """Row by row, whole logits, positions from the host's function; soft targets written out."""
    from rtq.editor import render_batch
    from rtq.models.qwen25vl import images, positions

    small = {"program": tiny.EXECUTOR.program}
    first = jnp.clip(render_batch(jnp.asarray(batch.photos / np.float32(255)), batch.spoil, **small), 0, 1)
    second = jnp.clip(render_batch(first, batch.edits, **small), 0, 1)
    grid = (tiny.SIDE // CFG.patch_size,) * 2
    total = 0.0
    given = batch.tokens
    if scores:
        given = np.asarray(sft_step.measured(batch, jnp.stack([first, second], 1), SETUP))
    for i in range(ROWS):
        tokens = given[i : i + 1]
        place, _ = positions.mrope_positions(tokens, [[grid, grid]], CFG)
        patches = images.to_patches(jnp.stack([first[i], second[i]]), CFG).reshape(1, -1, CFG.patch_dim)
        features = model.vision(CFG, params, patches, images.index_of([[grid, grid]], CFG))
        x = model.embed(CFG, params, tokens, features, positions.feature_index(tokens, CFG))
        logp = np.asarray(_logprobs(params, x, jnp.asarray(place)))[0]
        for t in range(1, tokens.shape[1]):
            target = int(given[i, t])
            q = {target: 1.0}
            is_score = TABLE.family[target] == sft_step.FAMILIES.index(sft_step.SCORE)
            if TABLE.family[target] >= 0 and (not is_score or batch.weights[i, t] == VERDICT):
                family = np.flatnonzero(TABLE.family == TABLE.family[target])
                off = TABLE.bin[family] - TABLE.bin[target]
                share = np.where(np.abs(off) <= 3, np.exp(-0.5 * (off / 0.8) ** 2), 0)
                q = dict(zip(family, share / share.sum(), strict=True))
            total -= batch.weights[i, t] * sum(share * logp[t - 1, token] for token, share in q.items())
    return total


@pytest.mark.parametrize("scores", [True, False])
def test_the_loss_is_that_of_a_plain_computation(scores):
    task = "critique" if scores else "refine"
    batch = critiques()
    total, (denominator, metrics) = jax.jit(functools.partial(sft_step.loss, setup=SETUP, task=task))(
        tiny.params(), batch
    )
    np.testing.assert_allclose(total, plain_loss(tiny.params(), batch, scores), rtol=2e-4)
    np.testing.assert_allclose(denominator, batch.weights.sum())
    assert metrics["accuracy"][1] == (batch.weights > 0).sum()
    assert metrics["within_one/score"][1] == 2 * ROWS
    assert metrics["within_one/luma"][1] == ROWS
    assert metrics["within_one/side_change"][1] == 0  # what is measured is shown, not written


def _changes(before, after) -> np.ndarray:
    return np.asarray(measure.changes(before[None], after[None])[0])


def test_changes_are_what_the_photos_show_whatever_the_rows_say():
    batch = critiques()
    say = TOKENIZER.encode(f"<think>{LEVELS}{LEVELS}{CHANGES}")
    images = sft_step.seen(batch, SETUP)
    rows = batch._replace(tokens=jnp.array([say] * ROWS), wanted=None, noise=None)
    given = np.asarray(sft_step.measured(rows, images, SETUP))
    for photo, edit, row in zip(images[:, 0], images[:, 1], given, strict=True):
        before, after, change = (measure.named(x) for x in (
            measure.levels(photo[None])[0], measure.levels(edit[None])[0], _changes(photo, edit)))
        text = f"<think>{facts.facts_text(before)}{facts.facts_text(after)}{facts.changes_text(change)}"
        assert TOKENIZER.decode(row.tolist()) == text


def test_critiques_show_what_the_judges_plan_changes_beside_what_the_edit_does():
    batch = critiques()
    images = sft_step.seen(batch, SETUP)
    wanted = sft_step.seen(batch._replace(edits=batch.wanted), SETUP)[:, 1]
    given = np.asarray(sft_step.measured(batch, images, SETUP))
    for i in range(ROWS):
        should, change = _changes(images[i, 0], wanted[i]), _changes(images[i, 0], images[i, 1])
        should = np.clip(should + batch.noise[i], -facts.MAX_CHANGE, facts.MAX_CHANGE)
        text = TOKENIZER.decode(given[i].tolist())
        levels = facts.facts_text(measure.named(measure.levels(images[i, :1])[0]))
        assert text.count("[") == len(facts.FACTS) + 3 * len(facts.CHANGES)
        assert f"<think>{levels}</think>" in text
        assert facts.moves_text(measure.named(should), measure.named(change)) in text


def test_rows_of_words_do_not_look():
    batch = critiques()
    ask = prompts.render(TOKENIZER, prompts.read("a bit brighter"), [])
    tokens = np.array([ask + prompts.reply(TOKENIZER, '<think></think><answer>{"v":1}</answer>')] * ROWS, np.int32)
    words = batch._replace(tokens=tokens, weights=(np.arange(tokens.shape[1])[None] >= len(ask)) * np.ones((ROWS, 1)))
    run = jax.jit(functools.partial(sft_step.loss, setup=SETUP, task="words"))
    total, (denominator, metrics) = run(tiny.params(), words)
    assert float(total) == float(run(tiny.params(), words._replace(photos=words.photos[::-1]))[0])
    assert float(denominator) == float(metrics["accuracy"][1]) == ROWS * (tokens.shape[1] - len(ask))


def test_scores_are_judged_without_looking_by_what_changed():
    """Rows without images: what counts of the photos are the measured facts alone."""
    batch = critiques()
    hidden = (TOKENIZER.vision_start_id, TOKENIZER.image_id, TOKENIZER.vision_end_id)
    keep = ~np.isin(batch.tokens[0], hidden)
    blind = batch._replace(tokens=batch.tokens[:, keep], weights=batch.weights[:, keep])
    run = jax.jit(functools.partial(sft_step.loss, setup=SETUP, task="scores"))
    total, (denominator, metrics) = run(tiny.params(), blind)
    assert float(denominator) == blind.weights.sum()
    assert metrics["within_one/score"][1] == 2 * ROWS
    other = blind._replace(edits=tiny.plans(ROWS, 2))
    assert float(run(tiny.params(), other)[0]) != float(total)


def test_ordinal_targets_are_distributions_around_the_target():
    np.testing.assert_allclose(TABLE.neighbour_weights.sum(1), 1, rtol=1e-6)
    plain = TABLE.family < 0
    assert (TABLE.neighbours[plain] == np.arange(CFG.vocab_size)[plain][:, None]).all()
    [low], [high] = TOKENIZER.encode("[luma 0]"), TOKENIZER.encode("[luma +7]")
    first = dict(zip(TABLE.neighbours[low], TABLE.neighbour_weights[low], strict=True))
    assert max(first, key=first.get) in (low, *TOKENIZER.encode("[luma 1]"))
    assert TABLE.neighbour_weights[low][3] > 0.5 > TABLE.neighbour_weights[low][4] > TABLE.neighbour_weights[low][5]
    assert (TABLE.neighbour_weights[high][4:] == 0).all()
    assert (TABLE.family >= 0).sum() == 225 + 11
    hard = sft_step.ordinals(TOKENIZER, CFG.vocab_size, sigma=0)
    assert set(np.unique(hard.neighbour_weights)) == {0, 1}


def test_a_step_learns_in_micro_batches_as_in_one():
    batch, key = critiques(), jax.random.key(0)
    out = {}
    for micro in (1, 2):
        setup = SETUP._replace(micro=micro)
        step = jax.jit(functools.partial(sft_step.step, setup=setup, task="critique"))
        now, losses = state.create(tiny.params(), setup.optimizer), []
        for _ in range(16):
            now, metrics = step(now, batch, key)
            losses.append(float(metrics["loss"][0] / metrics["loss"][1]))
        out[micro] = losses
    np.testing.assert_allclose(out[1], out[2], rtol=1e-3)
    assert out[1][-1] < 0.7 * out[1][0]
    assert int(now.step) == 16


def test_rows_of_one_image_without_spoil_and_a_frozen_vision_tower():
    """It looks at the photo; and what does not train gets no gradient."""
    batch = critiques()
    tokens = np.where(batch.tokens == CFG.image_token_id, 20, batch.tokens)
    tokens[:, 3 : 3 + tiny.IMAGE_TOKENS] = CFG.image_token_id
    batch = batch._replace(tokens=tokens, edits=None, spoil=None)
    loss = functools.partial(sft_step.loss, setup=SETUP, task="edit")
    run = jax.jit(functools.partial(accumulate.gradient, loss, trains="language/.*"))
    gradient, metrics = run(tiny.params(), batch)
    changed = run(tiny.params(), batch._replace(photos=batch.photos[::-1]))[1]
    assert abs(float(metrics["loss"][0] - changed["loss"][0])) > 1e-3
    assert float(optax.global_norm(gradient["vision"])) == 0 < float(optax.global_norm(gradient["language"]))


def test_positions_on_the_device_are_those_of_the_host():
    from rtq.models.qwen25vl import positions

    cfg, side = CFG, 2
    rng = np.random.default_rng(0)
    image = [2, 4, 4, 4, 4, 3]
    rows = [[7, *image, 9, *image, 8], [*image, *rng.integers(10, 99, 6)], [*rng.integers(10, 99, 5)]]
    tokens, valid = np.full((3, 20), 6, np.int32), np.zeros((3, 20), bool)
    for i, row in enumerate(rows):
        tokens[i, -len(row) :], valid[i, -len(row) :] = row, True
    want, delta = positions.mrope_positions(tokens, [[(4, 4)] * n for n in (2, 1, 0)], cfg, valid)
    whole = rollout.inputs(cfg, jnp.asarray(tokens), jnp.asarray(valid), side)
    np.testing.assert_array_equal(whole.positions, want)
    np.testing.assert_array_equal(whole.feature_index, positions.feature_index(tokens, cfg))
    np.testing.assert_array_equal(whole.next_position, valid.sum(1) + delta)
    # in two stretches, the second going on where the first ended
    cut = 13  # inside padding, or between two images
    first = rollout.inputs(cfg, jnp.asarray(tokens[:, :cut]), jnp.asarray(valid[:, :cut]), side)
    seen = (tokens[:, :cut] == 4).sum(1)
    rest = rollout.inputs(cfg, jnp.asarray(tokens[:, cut:]), jnp.asarray(valid[:, cut:]), side,
                          start=first.next_position, first_feature=seen)  # fmt: skip
    np.testing.assert_array_equal(np.concatenate([first.positions, rest.positions], 2), want)
    np.testing.assert_array_equal(rest.feature_index, whole.feature_index[:, cut:])
