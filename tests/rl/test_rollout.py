"""Sampling, scoring and recomputed log-probabilities against unshared, plain computations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.decode.sampling import Sampling
from rtq.editor import Plan
from rtq.models.qwen25vl import model
from rtq.rl import grammars, rollout, scoring
from rtq.text import answers, prompts, showing
from tests.rl import tiny_policy as tiny

CFG, TOKENIZER = tiny.CFG, tiny.TOKENIZER
PROMPTS, GROUP, STEPS = 2, 3, 40
WARM, KEY = Sampling(1.3), jax.random.key(5)
TABLE = grammars.answers(TOKENIZER, tiny.OPTIONS, CFG.vocab_size)
CRITIQUE = grammars.critiques(TOKENIZER, tiny.OPTIONS, CFG.vocab_size)
TURN = showing.turn(TOKENIZER, tiny.IMAGE_TOKENS)
SEEN = jnp.asarray(tiny.photos(PROMPTS) / np.float32(255))
EDITS = jnp.asarray(tiny.photos(PROMPTS * GROUP, 1) / np.float32(255))
PAIRS = EDITS[: 2 * PROMPTS].reshape(PROMPTS, 2, *EDITS.shape[1:])
COUNTS, WEIGHTS = np.array([2, 4], np.int32), np.array([[0.3, 0.7, 0, 0, 0], [0.1, 0.2, 0.3, 0.4, 0]], np.float32)
OPINIONS = scoring.Opinions(rollout.plan_arrays([None] * PROMPTS)[0], WEIGHTS, COUNTS)


def shown(rows):
    """Turns that show edits of which anything was measured."""
    return showing.fill(TURN, np.random.default_rng(rows).integers(-7, 8, (rows, showing.MOVES)))


def padded(messages):
    """Prompts padded on the left: int32[P, T], bool[P, T]."""
    rows = [prompts.render(TOKENIZER, m, [tiny.IMAGE_TOKENS]) for m in messages]
    tokens = np.full((len(rows), max(map(len, rows)) + 2), TOKENIZER.pad_id, np.int32)
    valid = np.zeros(tokens.shape, bool)
    for i, row in enumerate(rows):
        tokens[i, -len(row) :], valid[i, -len(row) :] = row, True
    return jnp.asarray(tokens), jnp.asarray(valid)


ASK = padded([prompts.edit("warmer"), prompts.edit("much darker please")])
JUDGE = padded([prompts.critique_metrics("warmer"), prompts.critique_metrics("much darker please")])


@jax.jit
def plain(params, tokens, photos):
    """log-softmax of one whole row without padding, nothing shared: tokens int32[T], photos [I, S, S, 3]."""
    place = rollout.inputs(CFG, tokens[None], jnp.ones((1, len(tokens)), bool), 2)
    x = model.embed(CFG, params, tokens[None], rollout.features(CFG, params, photos[None]), place.feature_index)
    hidden, _ = model.forward(CFG, params, x, place.positions, model.causal_mask(jnp.ones((1, len(tokens)), bool)))
    return jax.nn.log_softmax(model.logits(CFG, params, hidden)[0])


def plain_row(params, parts, photos, length=136):
    """`plain` of parts put together (valid tokens only), padded behind to one compiled shape; and the row."""
    row = np.concatenate([np.asarray(tokens)[np.asarray(valid)] for tokens, valid in parts])
    whole = np.full(length, TOKENIZER.pad_id, np.int32)
    whole[: len(row)] = row
    return np.asarray(plain(params, jnp.asarray(whole), photos)), row


@functools.cache
def sampled():
    run = jax.jit(functools.partial(rollout.sample, CFG), static_argnames=("sampling", "group", "max_new_tokens"))
    return run(tiny.params(), SEEN[:, None], *ASK, TABLE, sampling=WARM, key=KEY, seeds=jnp.arange(PROMPTS),
               group=GROUP, max_new_tokens=STEPS)  # fmt: skip


@functools.cache
def answered():
    rewards = jnp.arange(PROMPTS * GROUP, dtype=jnp.float32)
    budgets = jnp.full(PROMPTS * GROUP, STEPS)
    return rollout.of_answers(SEEN[:, None], *ASK, sampled(), budgets, rewards, scale_by_std=False)


def recompute(row_images):
    return jax.jit(functools.partial(rollout.logprobs, CFG, table=TABLE, scale=WARM.scale, row_images=row_images))


def test_the_trainer_finds_the_samplers_logprobs():
    """Grammar on, temperature not 1, tight budget."""
    batch, metrics = answered()
    found, entropy = recompute(False)(tiny.params(), batch)
    mask = np.asarray(batch.trained)
    assert mask.sum() > 30
    np.testing.assert_allclose(np.asarray(found)[mask], np.asarray(batch.logprobs)[mask], atol=1e-3)
    assert (np.asarray(entropy)[mask] >= -1e-5).all()
    assert float(metrics["dead_groups"][0]) == 0
    np.testing.assert_allclose(batch.advantages, [-1, 0, 1] * 2)


def test_a_shared_prompt_is_a_repeated_one():
    batch, _ = answered()
    repeated = batch._replace(**{name: jnp.repeat(getattr(batch, name), GROUP, axis=0)
                                 for name in ("images", "prompt", "prompt_valid")})  # fmt: skip
    weight = jnp.asarray(batch.trained, jnp.float32) * batch.advantages[:, None]

    @jax.jit
    def gradient(params, rows):
        return jax.grad(lambda p: (rollout.logprobs(CFG, p, rows, TABLE, 1.3, row_images=False)[0] * weight).sum())(
            params
        )

    shared, naive = gradient(tiny.params(), batch), gradient(tiny.params(), repeated)
    scale = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(naive))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4 * scale), shared, naive)
    assert float(jnp.abs(shared["vision"]["patch_embed"]["kernel"]).max()) > 0


def test_answers_become_plans_and_edits():
    plans = rollout.to_plans(np.asarray(sampled().tokens), TOKENIZER)
    assert all(isinstance(plan, Plan) for plan in plans)  # the grammar holds
    assert rollout.to_plans(np.array([TOKENIZER.encode("hello")]), TOKENIZER) == [None]
    arrays, ok = rollout.plan_arrays([None, *plans[1:]])
    assert ok.tolist() == [False] + [True] * 5
    edits = jax.jit(rollout.render_edits, static_argnames="executor")(SEEN, arrays, executor=tiny.EXECUTOR)
    np.testing.assert_allclose(edits[0], SEEN[0], atol=1e-6)
    assert edits.shape == (6, *SEEN.shape[1:])


@functools.cache
def judged():
    """Metrics, context, rewards and scores of the edits, by `scoring`."""
    write = jax.jit(functools.partial(scoring.write_metrics, CFG, grammar=CRITIQUE, key=KEY, group=1,
                                      max_new_tokens=24))  # fmt: skip
    score = jax.jit(functools.partial(scoring.score, CFG, grammar=CRITIQUE, max_new_tokens=20))
    metrics, context = write(tiny.params(), SEEN, *JUDGE, seeds=jnp.arange(PROMPTS))
    rewards, scores = score(tiny.params(), context, metrics, EDITS, OPINIONS, shown(len(EDITS)))
    return metrics, context, rewards, scores


def test_scores_are_those_of_a_naive_unshared_computation():
    metrics, _, rewards, scores = judged()
    turns = shown(len(EDITS))
    for b in range(PROMPTS * GROUP):
        p, turn = b // GROUP, (turns[b], np.ones(len(turns[b]), bool))
        parts = [(JUDGE[0][p], JUDGE[1][p]), (metrics.tokens[p], metrics.mask[p]), turn]
        reply = scores.samples.tokens[b], scores.samples.mask[b]
        logp, row = plain_row(tiny.params(), [*parts, reply], jnp.stack([SEEN[p], EDITS[b]]))
        written = np.asarray(reply[0])[np.asarray(reply[1])]
        at = [i for i, state in enumerate(np.asarray(scores.samples.states[b])[np.asarray(reply[1])])
              if CRITIQUE.is_score[state]]  # fmt: skip
        assert len(at) == COUNTS[p]
        first = len(row) - len(written)
        share = np.exp(logp[[first + i - 1 for i in at]][:, CRITIQUE.score_ids])
        expected = (share * np.arange(11)).sum(1) / share.sum(1)
        np.testing.assert_allclose(scores.expected[b, : len(at)], expected, atol=2e-3)
        want = (expected * WEIGHTS[p][: len(at)]).sum() / 10
        np.testing.assert_allclose(rewards[b], want, atol=3e-4)
        np.testing.assert_array_equal(scores.whole[b, : len(at)], CRITIQUE.value[written[at]])
        best = [CRITIQUE.score_ids[np.argmax(s)] for s in share]
        np.testing.assert_array_equal(written[at], best)  # greedy
    assert scores.samples.finished.all()
    assert metrics.finished.all()


def test_metrics_are_greedy_and_readable():
    metrics, context, *_ = judged()
    _, weights, counts = scoring.read_metrics(np.asarray(metrics.tokens), TOKENIZER)
    assert ((counts >= 1) & (counts <= 5)).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert context.valid.shape == JUDGE[0].shape
    logp, row = plain_row(tiny.params(), [(JUDGE[0][0], JUDGE[1][0]), (metrics.tokens[0], metrics.mask[0])], SEEN[:1])
    first = int(JUDGE[1][0].sum())
    np.testing.assert_allclose(logp[first - 1, row[first]], logp[first - 1].max(), atol=5)  # allowed, not far from best
    broken = np.array([TOKENIZER.encode("no metrics")])
    plans, *rest = scoring.read_metrics(broken, TOKENIZER)
    assert [x.tolist() for x in rest] == [[[1, 0, 0, 0, 0]], [1]]
    jax.tree.map(np.testing.assert_array_equal, plans, rollout.plan_arrays([Plan()])[0])
    text = answers.metrics_text(("light", "mood"), (30, 70), Plan({"Exposure": 0.5}))
    plans, weights, counts = scoring.read_metrics(np.array([TOKENIZER.encode(text)]), TOKENIZER)
    jax.tree.map(np.testing.assert_array_equal, plans, rollout.plan_arrays([Plan({"Exposure": 0.5})])[0])
    np.testing.assert_allclose(weights, [[0.3, 0.7, 0, 0, 0]], rtol=1e-6)
    assert counts.tolist() == [2]


@functools.cache
def compared():
    write = jax.jit(functools.partial(scoring.write_metrics, CFG, grammar=CRITIQUE, sampling=WARM, key=KEY,
                                      group=GROUP, max_new_tokens=24))  # fmt: skip
    metrics, context = write(tiny.params(), SEEN, *JUDGE, seeds=jnp.arange(PROMPTS))
    _, weights, counts = scoring.read_metrics(np.asarray(metrics.tokens), TOKENIZER)
    turns = shown(2 * len(counts))
    run = jax.jit(functools.partial(scoring.compare, CFG, shown=turns, grammar=CRITIQUE, sampling=WARM, key=KEY,
                                    max_new_tokens=20))  # fmt: skip
    scores = run(tiny.params(), context, metrics, PAIRS, counts, seeds=jnp.arange(PROMPTS))
    batch, health = scoring.of_critiques(SEEN, PAIRS, *JUDGE, metrics, scores, weights, turns, 2, scale_by_std=False)
    return metrics, weights, counts, scores, batch, health


def test_critiques_are_rewarded_for_the_order_of_two_edits():
    metrics, weights, counts, scores, batch, health = compared()
    good = []
    for c in range(PROMPTS * GROUP):
        strong, weak = (sum(weights[c, k] * scores.whole[2 * c + e, k] for k in range(counts[c])) for e in (0, 1))
        good.append(1.0 + (strong > weak + 1e-5))  # format is always right under the grammar
        assert scores.samples.finished[2 * c : 2 * c + 2].all()
    good = np.array(good).reshape(PROMPTS, GROUP)
    np.testing.assert_allclose(health["accuracy"][0], (good - 1).sum())
    want = np.repeat((good - good.mean(1, keepdims=True)).reshape(-1), 2)
    np.testing.assert_allclose(batch.advantages, want, atol=1e-6)
    trained = np.asarray(batch.trained)
    assert trained[::2].sum() == metrics.mask.sum() + scores.samples.mask[::2].sum()
    assert trained[1::2].sum() == scores.samples.mask[1::2].sum()


def test_the_trainer_finds_the_critics_logprobs():
    """Rows with an image and padding inside."""
    *_, batch, _ = compared()
    run = jax.jit(functools.partial(rollout.logprobs, CFG, table=CRITIQUE.table, scale=WARM.scale, row_images=True))
    found, _ = run(tiny.params(), batch)
    mask = np.asarray(batch.trained)
    np.testing.assert_allclose(np.asarray(found)[mask], np.asarray(batch.logprobs)[mask], atol=1e-3)
    swapped = batch._replace(images=batch.images[:, [0, 2, 1]])
    assert np.abs(np.asarray(run(tiny.params(), swapped)[0] - found)[mask]).max() > 1e-3  # it looks at the edits


def test_sides_of_images_are_checked():
    with pytest.raises(ValueError, match="150 pixels; needed is a multiple of 28"):
        rollout.image_side(CFG, 150)
