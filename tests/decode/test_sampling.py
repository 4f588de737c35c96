"""Masks, temperature, top-k and top-p, the drawing of tokens, and the tables of grammars."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.decode import sampling
from rtq.decode.sampling import FORBIDDEN, MASKED, Sampling

LOGITS = np.random.RandomState(0).standard_normal((1, 50)).astype(np.float32) * 2


@pytest.mark.parametrize("options", [
    {"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5},
])  # fmt: skip
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Sampling(**options)


def reference(logits, temperature, top_k, top_p):
    """Probabilities [V] of the narrowed distribution, in float64, one token at a time."""
    p = np.exp(logits.astype(np.float64) / temperature)
    order = np.argsort(-p)[: top_k or None]
    mass, kept = p[order].sum(), []
    for token in order:
        if p[kept].sum() >= top_p * mass:
            break
        kept.append(token)
    out = np.zeros_like(p)
    out[kept] = p[kept] / p[kept].sum()
    return out


@pytest.mark.parametrize("options", [(1.0, 0, 1.0), (0.7, 5, 1.0), (1.5, 0, 0.8), (1.0, 20, 0.6), (1.0, 500, 0.999)])
def test_frequencies(options):
    """An even grid of uniform numbers draws each token as often as its probability says."""
    n = 20000
    rows, uniform = jnp.asarray(np.repeat(LOGITS, n, 0)), jnp.asarray((np.arange(n) + 0.5) / n, jnp.float32)
    chosen = Sampling(*options)
    scores = sampling.masked_logits(rows, jnp.ones((1, 50), bool), chosen)
    token, logprob = jax.jit(sampling.choose, static_argnums=2)(scores, uniform, chosen)
    counts = np.bincount(np.asarray(token), minlength=50) / n
    np.testing.assert_allclose(counts, reference(LOGITS[0], *options), atol=2 / n)
    # What is recorded is the distribution before top-k and top-p.
    recorded = np.log(reference(LOGITS[0], options[0], 0, 2.0))[np.asarray(token)]
    np.testing.assert_allclose(logprob, recorded, atol=1e-5)


def test_greedy():
    """Temperature 0 takes the largest logit and records the log-probability at temperature 1."""
    scores = sampling.masked_logits(jnp.asarray(LOGITS), jnp.ones((1, 50), bool), Sampling(0.0))
    token, logprob = sampling.choose(scores, jnp.zeros(1), Sampling(0.0))
    assert token[0] == LOGITS[0].argmax()
    np.testing.assert_allclose(logprob, jax.nn.log_softmax(LOGITS[0])[token], atol=1e-6)


@pytest.mark.parametrize("vocab", [1, 2, 3, 60, 2048, 30011])
def test_draw_never_takes_weight_zero(vocab):
    """Nor leaves the vocabulary, at the ends of the unit interval and where weights differ by many orders."""
    rng = np.random.RandomState(vocab)
    weights = np.exp(rng.uniform(-60, 0, (256, vocab))) * (rng.uniform(size=(256, vocab)) < 0.3)
    weights[np.arange(256), rng.randint(0, vocab, 256)] = 1e-20
    weights = jnp.asarray(weights, jnp.float32)
    for u in (0.0, 2.0**-24, 0.5, 1 - 2.0**-24):
        token = jax.jit(sampling.draw)(weights, jnp.full(256, u, jnp.float32))
        assert (token >= 0).all()
        assert (token < vocab).all()
        assert (jnp.take_along_axis(weights, token[:, None], 1) > 0).all()


def test_uniforms_belong_to_their_rows():
    """Neither the other rows nor the number of steps change a row's numbers."""
    key = jax.random.key(3)
    many = sampling.uniforms(sampling.row_keys(key, jnp.arange(12)), 9)
    few = sampling.uniforms(sampling.row_keys(key, jnp.array([7, 2])), 5)
    np.testing.assert_array_equal(few, many[:5][:, jnp.array([7, 2])])
    assert len(np.unique(many)) == many.size
    assert 0.4 < many.mean() < 0.6


def random_table(dense_limit):
    rng = np.random.RandomState(1)
    need = rng.randint(0, 6, (7, 5))
    need[rng.uniform(size=need.shape) < 0.3] = FORBIDDEN
    following = np.where(need == FORBIDDEN, -1, rng.randint(0, 7, need.shape))
    return sampling.grammar_table(following, need, rng.randint(0, 5, 40), 3, 39, dense_limit=dense_limit)


def test_classes_and_dense_rows_agree():
    """And both follow the definition: need ≤ remaining - 1."""
    by_class, dense = random_table(0), random_table(1 << 20)
    assert by_class.need_by_token is None
    assert dense.need_by_token.shape == (7, 40)
    assert dense.next_state.dtype == jnp.int16
    states, room = jnp.arange(7)[:, None], jnp.arange(400)[None]
    mask = sampling.allowed(by_class, states, room)
    np.testing.assert_array_equal(mask, sampling.allowed(dense, states, room))
    need = np.asarray(by_class.need)[:, np.asarray(by_class.token_class)].astype(int)
    expected = (need[:, None] <= np.maximum(np.arange(400) - 1, 0)[None, :, None]) & (need != FORBIDDEN)[:, None]
    np.testing.assert_array_equal(mask, expected)
    tokens = jnp.arange(40)[None]
    expected = np.asarray(by_class.next_state)[np.arange(7)[:, None], np.asarray(by_class.token_class)[None]]
    np.testing.assert_array_equal(sampling.advance(dense, states, tokens), expected)


@pytest.mark.parametrize("dense_limit", [0, 1 << 20])
def test_logits_wider_than_the_vocabulary(dense_limit):
    """The rows of the embedding that no token has are never allowed."""
    arrays = np.zeros((2, 1), int), np.zeros((2, 1), int), np.zeros(5, int), 0, 4
    table = sampling.grammar_table(*arrays, vocab_size=9, dense_limit=dense_limit)
    mask = sampling.allowed(table, jnp.array([0, 1]), jnp.array([3, 300]))
    np.testing.assert_array_equal(mask, np.tile(np.arange(9) < 5, (2, 1)))
    with pytest.raises(ValueError, match="vocab_size 4 is below"):
        sampling.grammar_table(*arrays, vocab_size=4)


def test_free_table():
    table = sampling.free_table(10, eos=9, forbidden=(4, 5))
    mask = sampling.allowed(table, jnp.zeros(2, jnp.int32), jnp.array([1, 1000]))
    np.testing.assert_array_equal(mask, np.tile(~np.isin(np.arange(10), (4, 5)), (2, 1)))
    assert sampling.shortest_answer(table) == 1
    scores = sampling.masked_logits(jnp.zeros((2, 10)), mask, Sampling())
    assert scores[0, 4] == np.float32(MASKED)


def test_the_grammar_holds_at_temperatures_of_nearly_nothing():
    scores = sampling.masked_logits(jnp.array([-20.0, 5.0]), jnp.array([True, False]), Sampling(1e-32))
    assert scores.argmax() == 0


@pytest.mark.parametrize(("change", "message"), [
    ({"next_state": np.zeros((2, 3), int)}, "next_state and need"), ({"token_class": np.array([0, 2])}, "token_class"),
    ({"next_state": np.full((2, 2), 2)}, "next_state must lie in 0..1, got 0..2"), ({"start": 2}, "start"),
    ({"eos": -1}, "eos"),
])  # fmt: skip
def test_bad_tables(change, message):
    good = {"next_state": np.zeros((2, 2), int), "token_class": np.array([0, 1]), "start": 0, "eos": 1}
    good["need"] = np.array([[0, FORBIDDEN], [0, 0]])
    sampling.grammar_table(**good)
    with pytest.raises(ValueError, match=message):
        sampling.grammar_table(**(good | change))
