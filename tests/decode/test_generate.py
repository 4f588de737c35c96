"""Groups of answers: equal to the model without a cache, independent of company and padding, within the grammar."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rtq.decode import sampling
from rtq.decode.generate import Prompts, generate, prefill
from rtq.decode.loop import Model, Start, decode
from rtq.decode.sampling import FORBIDDEN, Sampling
from rtq.models.qwen25vl import config, model

CFG = config.preset(
    "pocket", vocab_size=64, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=48,
    mrope_section=(1, 1, 2), vision_depth=1, vision_hidden_size=16, vision_num_heads=1, vision_ffn_size=16,
    full_attention_blocks=(0,),
).unrolled()  # fmt: skip
EOS = CFG.eos_token_id
QWEN = Model(*(functools.partial(f, CFG) for f in (model.embed, model.forward, model.logits, model.init_cache)))
FREE = sampling.free_table(64, EOS, (CFG.image_token_id,))
WARM, KEY = Sampling(0.9), jax.random.key(11)
run = jax.jit(generate, static_argnames=("model", "sampling", "group", "max_new_tokens"))


@pytest.fixture(scope="module")
def params():
    """Random weights, the embedding enlarged so that logits differ by several units."""
    tree = jax.jit(model.init, static_argnums=0)(CFG, jax.random.key(0))
    tree["language"]["embedding"] *= 15
    return tree


def prompts(params, rows, length, side="left"):
    """Text prompts padded to `length` on one side; next to each other, words stand at 0, 1, 2 …"""
    tokens, valid = np.zeros((len(rows), length), np.int32), np.zeros((len(rows), length), bool)
    for b, row in enumerate(rows):
        place = slice(length - len(row), length) if side == "left" else slice(0, len(row))
        tokens[b, place], valid[b, place] = row, True
    positions = np.broadcast_to(np.maximum(np.cumsum(valid, 1) - 1, 0), (3, *valid.shape))
    x = model.embed(CFG, params, jnp.asarray(tokens))
    return Prompts(x, jnp.asarray(positions), jnp.asarray(valid), jnp.asarray(valid.sum(1)))


ROWS = [list(np.random.RandomState(i).randint(6, 64, n)) for i, n in enumerate((9, 4, 7))]


def answers(params, rows=ROWS, length=12, side="left", seeds=None, how=WARM, table=FREE, group=4, **options):
    seeds = jnp.arange(len(rows)) if seeds is None else jnp.asarray(seeds)
    options = {"key": KEY, "seeds": seeds, "group": group, "max_new_tokens": 10} | options
    return run(QWEN, params, prompts(params, rows, length, side), table, how, **options)


@functools.partial(jax.jit, static_argnums=2)
def rescored(params, out, how, table, budgets):
    """Log-probabilities and entropies of samples as a trainer computes them: all tokens at once, no cache."""
    whole = prompts(params, ROWS, 12)
    start = prefill(QWEN, params, whole)
    group, steps = len(out.tokens) // len(ROWS), out.tokens.shape[1]
    before = jnp.arange(steps - 1)[None, None] + jnp.repeat(whole.next_position, group)[None, :, None]
    hidden, _ = model.forward(
        CFG, params, model.embed(CFG, params, out.tokens[:, :-1]), jnp.broadcast_to(before, (3, *before.shape[1:])),
        model.causal_mask(out.mask[:, :-1]), prefix=start.prefix, prefix_mask=whole.valid,
    )  # fmt: skip
    return model.token_logprobs(
        CFG, params, hidden, out.tokens[:, 1:], temperature=how.scale, allowed=lambda s: sampling.allowed(table, *s),
        states=(out.states[:, 1:], sampling.remaining(budgets, steps)[:, 1:]),
    )  # fmt: skip


def test_greedy_equals_the_plain_model(params):
    """Token by token the argmax of the whole sequence computed anew, and its log-probability."""
    out = answers(params, how=Sampling(0.0), group=2)
    np.testing.assert_array_equal(out.tokens[::2], out.tokens[1::2])

    @jax.jit
    def plain(tokens):
        place = jnp.broadcast_to(jnp.arange(tokens.shape[1]), (3, *tokens.shape))
        mask = model.causal_mask(jnp.ones(tokens.shape, bool))
        hidden, _ = model.forward(CFG, params, model.embed(CFG, params, tokens), place, mask)
        return model.logits(CFG, params, hidden)[0].at[:, CFG.image_token_id].set(-jnp.inf)

    for row, tokens, scores, mask in zip(ROWS, out.tokens[::2], out.logprobs[::2], out.mask[::2], strict=True):
        padded = np.zeros((1, 20), np.int32)
        padded[0, : len(row)] = row
        for i, (token, score) in enumerate(zip(tokens[mask], scores[mask], strict=True), len(row)):
            logits = plain(padded)[i - 1]
            assert token == logits.argmax()
            np.testing.assert_allclose(score, jax.nn.log_softmax(logits)[token], atol=1e-5)
            padded[0, i] = token


def test_company_does_not_matter(params):
    """For one padded shape a prompt with its seed gives the same samples in any place and company."""
    first = answers(params, seeds=[5, 6, 7])
    other = answers(params, [ROWS[2], ROWS[1], [8, 9]], seeds=[7, 6, 1])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[8:], b[:4]), first, other)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[4:8], b[4:8]), first, other)
    assert len(np.unique(np.asarray(first.tokens), axis=0)) == 12  # samples and prompts differ


@pytest.mark.parametrize(("length", "side"), [(12, "right"), (17, "left"), (31, "right")])
def test_padding_does_not_matter(length, side, params):
    first, other = answers(params), answers(params, length=length, side=side)
    np.testing.assert_array_equal(first.tokens, other.tokens)
    np.testing.assert_allclose(first.logprobs, other.logprobs, atol=1e-4)


def test_rows_end_at_eos_and_at_their_budgets(params):
    """After the end: eos, log-probability 0, mask False, state 0. The loop stops with the last row."""
    budgets = jnp.asarray([10, 1, 3, 10, 2, 0, 5, 7, 10, 10, 10, 10])
    out = answers(params, budgets=budgets, how=Sampling(3.0))
    lengths = np.asarray(out.mask.sum(1))
    for b, n in enumerate(lengths):
        assert out.mask[b, :n].all()
        assert (out.tokens[b, :n][:-1] != EOS).all()
        assert (out.tokens[b, n:] == EOS).all()
        assert (out.logprobs[b, n:] == 0).all()
        assert (out.states[b, n:] == 0).all()
        assert out.finished[b] == (n > 0 and out.tokens[b, n - 1] == EOS)
        assert n == budgets[b] or out.finished[b]


def test_loop_stops_when_all_rows_are_done():
    """A model that counts its own calls: three tokens of budget need two steps after the prompt."""
    calls = []

    def forward(params, x, positions, mask, **_):
        jax.debug.callback(lambda: calls.append(1))
        return x, ()

    toy = Model(lambda params, tokens: jnp.zeros((*tokens.shape, 1)), forward,
                lambda params, x: jnp.zeros((*x.shape[:2], 64)), lambda batch, length: ())  # fmt: skip
    start = Start(jnp.zeros((2, 64)), (), jnp.ones((2, 3), bool), jnp.zeros(2, jnp.int32))
    keys = sampling.row_keys(KEY, jnp.arange(4))
    table = sampling.free_table(64, EOS, (EOS,))
    out = decode(toy, {}, start, table, Sampling(), keys=keys, budgets=jnp.asarray([1, 3, 2, 3]), max_new_tokens=50)
    jax.effects_barrier()
    assert len(calls) == 2
    assert out.mask.sum() == 9


def number_grammar(classes: bool):
    """`a` digits `b`, or `c` alone, then eos; digits are tokens 10–19, a 6, b 7, c 8.

    States: 0 start, 1 after a (another place to start), 2 in digits, 3 wants eos, 4 the end.
    """
    f = FORBIDDEN
    token_class = np.full(64, 5)
    token_class[[6, 7, 8, EOS]], token_class[10:20] = [0, 1, 2, 3], 4
    need = np.array([[3, f, 1, f, f, f], [f, f, f, f, 2, f], [f, 1, f, f, 2, f], [f, f, f, 0, f, f], [f] * 6])
    following = np.array([[1, 0, 3, 0, 0, 0], [0, 0, 0, 0, 2, 0], [0, 3, 0, 0, 2, 0], [0, 0, 0, 4, 0, 0], [0] * 6])
    return sampling.grammar_table(following, need, token_class, 0, EOS, dense_limit=0 if classes else 1 << 20)


def parses(tokens, begun=False):
    text = "".join({6: "a", 7: "b", 8: "c", EOS: "."}.get(t, "0" if 10 <= t < 20 else "?") for t in tokens)
    body = text if begun else text.removeprefix("a")
    return text == "c." or (len(body) > 2 and body.strip("0") == "b." and (begun or text[0] == "a"))


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("temperature", [0.0, 0.6, 2.0])
def test_grammar(classes, temperature, params):
    """Every sample parses and ends within its own budget, and the trainer's log-probabilities agree."""
    table, how = number_grammar(classes), Sampling(temperature)
    budgets = jnp.tile(jnp.asarray([2, 3, 4, 5, 10, 10]), 3)
    assert sampling.shortest_answer(table) == 2
    out = answers(params, table=table, how=how, group=6, budgets=budgets)
    assert out.finished.all()
    for tokens, mask, budget in zip(np.asarray(out.tokens), np.asarray(out.mask), budgets, strict=True):
        assert parses(tokens[mask].tolist()), tokens[mask]
        assert mask.sum() <= budget
    scores, entropy = rescored(params, out, how, table, budgets)
    np.testing.assert_allclose(np.where(out.mask[:, 1:], scores, 0), out.logprobs[:, 1:], atol=1e-3)
    assert np.abs(out.logprobs[:, 1:]).max() > 0.1
    assert np.isfinite(entropy).all()


def test_first_states_of_rows(params):
    """Rows may start in other states of the same table."""
    start = jnp.tile(jnp.asarray([0, 1]), 6)
    out = answers(params, table=number_grammar(False), how=Sampling(2.0), grammar=start)
    for tokens, mask, state in zip(np.asarray(out.tokens), np.asarray(out.mask), start, strict=True):
        assert parses(tokens[mask].tolist(), begun=bool(state)), tokens[mask]


def test_free_samples_rescored(params):
    """Without a grammar, in the middle of answers that ran into the budget or ended early."""
    out, budgets = answers(params, how=Sampling(1.7)), jnp.full(12, 10)
    scores, _ = rescored(params, out, Sampling(1.7), FREE, budgets)
    np.testing.assert_allclose(np.where(out.mask[:, 1:], scores, 0), out.logprobs[:, 1:], atol=1e-3)


def test_prompt_is_not_copied(params):
    """No operation of the compiled loop makes an array as large as one prompt cache, beyond the prefill's own."""
    length = 333
    start = jax.eval_shape(lambda p: prefill(QWEN, p, prompts(p, ROWS, length)), params)

    def loop(params, start):
        keys = sampling.row_keys(KEY, jnp.arange(9))
        budgets = jnp.full(9, 16)
        return decode(QWEN, params, start, FREE, Sampling(), keys=keys, budgets=budgets, max_new_tokens=16)

    text = jax.jit(loop).lower(params, start).compile().as_text()
    shapes = [f"f32[{rows},2,{shape}]" for rows in (3, 9) for shape in (f"8,{length}", f"{length},8")]
    reads = ("parameter", "get-tuple-element", "bitcast")
    assert shapes[0] in text
    makers = [
        line for line in text.splitlines()
        if any(f" = {shape}" in line for shape in shapes) and not any(f" {name}(" in line for name in reads)
    ]  # fmt: skip
    assert not makers, makers


def test_uneven_rows():
    start = Start(jnp.zeros((2, 64)), (), jnp.ones((2, 3), bool), jnp.zeros(2, jnp.int32))
    with pytest.raises(ValueError, match="3 rows cannot be shared by 2 prompts"):
        decode(QWEN, {}, start, FREE, Sampling(), keys=sampling.row_keys(KEY, jnp.arange(3)),
               budgets=jnp.ones(3, jnp.int32), max_new_tokens=4)  # fmt: skip
