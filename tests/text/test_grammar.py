"""The grammar: what it allows is what plans are, and whatever is sampled under it parses and ends in time."""

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtq.editor import SLIDERS, Local, Mask, Plan
from rtq.editor.plan import MASK_NUMBERS
from rtq.editor.sliders import LOCAL_SLIDERS
from rtq.text import answers, grammar
from rtq.text.grammar_table import FORBIDDEN, byte_automaton, compile_table, sample_randomly
from rtq.text.tokenizer import load

REGIONS = ("sky", "skin", 'quoted "sea"', "Wörter")
OPTIONS = grammar.Options(regions=REGIONS)
FEW = grammar.Options(sliders=("Exposure",), local_sliders=("Tint",), max_locals=1, kinds=("radial",))


def values(rows, local):
    def value(row):
        return st.sampled_from(grammar.slider_texts(row, local)).map(json.loads)

    entries = [st.tuples(st.just(row.name), value(row)) for row in rows]
    return st.lists(st.one_of(entries), max_size=6).map(dict)


def masks():
    kinds = [st.tuples(*(st.integers(lo, hi) for _, lo, hi in fields)).map(lambda n, kind=kind: (kind, n))
             for kind, fields in MASK_NUMBERS.items()]  # fmt: skip
    numbers = st.one_of(kinds).filter(lambda m: not (m[0] == "linear" and m[1][:2] == m[1][2:]))
    numbers = numbers.filter(lambda m: not (m[0] == "luminance" and m[1][0] > m[1][1]))
    regions = st.sampled_from(REGIONS).map(lambda name: Mask("region", name=name))
    plain = st.one_of(numbers.map(lambda m: Mask(*m)), regions)
    return st.tuples(plain, st.booleans()).map(lambda m: Mask(m[0].kind, m[0].numbers, m[0].name, invert=m[1]))


LOCALS = st.tuples(masks(), values(LOCAL_SLIDERS, local=True).filter(bool)).map(lambda x: Local((x[0],), x[1]))
PLANS = st.builds(Plan, values(SLIDERS, local=False), st.lists(LOCALS, max_size=3).map(tuple))


@pytest.fixture(scope="module")
def tables(pocket, large):
    regex = grammar.answer_regex(OPTIONS)
    return {"pocket": (pocket, compile_table(regex, pocket)), "large": (large, compile_table(regex, large, 152_064))}


@settings(max_examples=300, deadline=None)
@given(PLANS)
def test_every_permitted_plan_is_accepted(plan):
    plan = grammar.on_grid(plan)
    assert grammar.permitted(plan, OPTIONS)
    assert grammar.on_grid(plan) == plan


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_tokens_of_a_canonical_plan_are_accepted(name, tables):
    tokenizer, table = tables[name]

    @settings(max_examples=100, deadline=None)
    @given(PLANS)
    def check(plan):
        text = answers.answer_text(grammar.on_grid(plan), "[luma 7] dark ½ 你好\n")
        ids = [*tokenizer.encode(text), tokenizer.eos_id]
        assert table.accepts(ids)
        assert not table.accepts(ids[:-1])
        assert not table.accepts([*ids, tokenizer.eos_id])

    check()


@pytest.mark.parametrize("local", [False, True])
def test_every_value_of_every_slider_is_accepted_and_no_other(local):
    for row in LOCAL_SLIDERS if local else SLIDERS:
        pattern = re.compile(grammar.one_of(grammar.slider_texts(row, local)))
        lo, hi = row.local if local else (row.lo, row.hi)
        written = set()
        for value in np.linspace(lo, hi, round((hi - lo) / row.step) + 1).round(6).tolist():
            sliders = {row.name: value}
            plan = Plan({}, (Local((Mask("region", name="sky"),), sliders),)) if local else Plan(sliders)
            written |= set(re.findall(f'"{row.name}":([^,}}]*)', plan.to_json()))
        assert all(pattern.fullmatch(text) for text in written)
        outside = {json.dumps(lo - row.step), json.dumps(hi + row.step), json.dumps(0 if local else row.neutral)}
        outside |= {"-0", "00", "01", "+1", "1.00", "0.051", "1e1", ""}
        assert not [text for text in outside - written if pattern.fullmatch(text)]
        assert len(written) == round((hi - lo) / row.step)


@pytest.mark.parametrize("text", [
    '{"v":1,"Tint":4,"Temperature":4}', '{"v":1,"Tint":4,"Tint":5}', '{"v":1,"Tint":0}', '{"v":1, "Tint":4}', "{}",
    '{"v":1,"amount":50}', '{"v":1,"Exposure":1}', '{"v":1,"local":[]}', '{"v":1,"crop":{"left":9}}',
    '{"v":1,"local":[{"mask":[{"linear":[0,0,0,0]}],"Tint":4}]}', '{"v":1,"local":[{"mask":[{"region":"sky"}]}]}',
    '{"v":1,"local":[{"mask":[{"linear":[0,50,0,100]}],"Tint":4}]}',
    '{"v":1,"local":[{"mask":[{"luminance":[50,40,0]}],"Tint":4}]}',
    '{"v":1,"local":[{"mask":[{"region":"sea"}],"Tint":4}]}', '{"v":1,"local":[{"mask":[{"region":"sky"}],"Fade":4}]}',
])  # fmt: skip
def test_what_is_not_allowed(text):
    assert not re.fullmatch(grammar.plan_regex(OPTIONS), text)


def test_linear_masks_are_moved_to_the_grid_but_keep_their_direction():
    def moved(*numbers):
        return grammar.on_grid(Plan({}, (Local((Mask("linear", numbers),), {"Tint": 1}),))).locals[0].mask[0].numbers

    assert moved(480, -300, 520, 410) == (500, 0, 500, 400)
    assert moved(120, 20, 124, 370) == (500, 0, 500, 350)
    assert moved(300, 301, 310, 300) == (300, 300, 350, 300)
    assert moved(300, 301, 300, 299) == (500, 300, 500, 250)
    assert moved(1500, 3, 1900, 3) == (950, 0, 1000, 0)


def test_one_of_is_exact():
    for words in (["", "a"], ["a", "ab", "abc"], ["sky", "sea", "s+"], [str(n) for n in range(-100, 360, 7)]):
        pattern = re.compile(grammar.one_of(words))
        tried = set(words) | {w + "0" for w in words} | {w[:-1] for w in words} | {"", "-", "1000"}
        assert {w for w in tried if pattern.fullmatch(w)} == set(words)


def check_samples(tokenizer, table, rng, count, prefix=()):
    budgets = rng.integers(table.shortest, 200, count)
    budgets[: count // 4] = table.shortest
    samples = sample_randomly(table, budgets, rng, prefix=prefix)
    plans = []
    for ids, budget in zip(samples, budgets, strict=True):
        assert ids[-1] == tokenizer.eos_id
        assert len(ids) <= budget + len(prefix)
        text = tokenizer.decode_answer(ids)
        answer = answers.parse_answer(text)
        assert isinstance(answer, answers.Answer), (text, answer)
        assert text.endswith(f"<answer>{answer.plan.to_json()}</answer>")  # valid means canonical
        plans.append(answer.plan)
    return plans


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_every_sample_parses_and_ends_in_time(name, tables):
    tokenizer, table = tables[name]
    rng = np.random.default_rng(7)
    check_samples(tokenizer, table, rng, 150)
    plans = check_samples(tokenizer, table, rng, 250, tokenizer.encode("<think></think><answer>"))
    assert sum(bool(p.sliders) for p in plans) > 50
    assert sum(bool(p.locals) for p in plans) > 5


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_from_every_state_the_end_can_be_reached_in_the_counted_tokens(name, tables):
    tokenizer, table = tables[name]
    shortest = table.need.min(axis=1)  # after the best token of each state
    assert shortest.max() < FORBIDDEN
    allowed = table.need != FORBIDDEN
    eos = table.token_class[tokenizer.eos_id]
    following = shortest[table.next_state].astype(int) + 1
    following[:, eos] = 0
    assert (table.need[allowed] == following[allowed]).all()
    assert (table.token_class == eos).sum() == 1
    assert allowed[:, eos].sum() == 1  # complete in one state alone
    assert table.next_state.min() >= 0
    assert table.next_state.max() < len(table.need)


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_classes_agree_with_walking_each_token(name, tables):
    tokenizer, table = tables[name]
    step, _ = byte_automaton(grammar.answer_regex(OPTIONS))
    rng = np.random.default_rng(3)
    states = np.concatenate([np.arange(30), rng.integers(len(step), size=150)])
    for token in [*rng.integers(tokenizer.size, size=400), *range(min(tokenizer.size, 400))]:
        at = states
        for byte in tokenizer.token_bytes[token] if token not in tokenizer.control else b"":
            at = np.where(at >= 0, step[at, byte], -1)
        if token in tokenizer.control or not tokenizer.token_bytes[token]:
            at = np.full(len(states), -1)
        kind = table.token_class[token]
        if token != tokenizer.eos_id:
            live = table.need[states, kind] != FORBIDDEN
            assert (live == (at >= 0)).all(), token
            assert (table.next_state[states, kind][live] == at[live]).all(), token


def test_ids_beyond_the_tokenizer_are_forbidden(tables):
    tokenizer, table = tables["large"]
    assert len(table.token_class) == 152_064
    assert (table.need[:, table.token_class[tokenizer.size :]] == FORBIDDEN).all()


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_critiques_parse_and_end(name, tables):
    tokenizer, rng = tables[name][0], np.random.default_rng(5)
    metrics = compile_table(grammar.metrics_regex(FEW), tokenizer)
    budgets = rng.integers(metrics.shortest, 120, 200)
    counts = set()
    for ids in sample_randomly(metrics, budgets, rng, prefix=tokenizer.encode('<think></think><answer>{"v":1')):
        result = answers.parse_metrics(tokenizer.decode_answer(ids))
        assert isinstance(result, answers.Metrics)
        assert sum(result.weights) == pytest.approx(1)
        counts.add(len(result.names))
    assert counts >= {1, 2}
    assert counts <= {1, 2, 3, 4, 5}
    for count in (1, 3):
        scores = compile_table(grammar.scores_regex(count), tokenizer)
        for ids in sample_randomly(scores, rng.integers(scores.shortest, 60, 50), rng):
            assert isinstance(answers.parse_scores(tokenizer.decode_answer(ids), count), answers.Scores)


def test_requests_parse(pocket):
    table = compile_table(grammar.request_regex(), pocket)
    rng = np.random.default_rng(5)
    for ids in sample_randomly(table, rng.integers(table.shortest, 40, 200), rng):
        assert isinstance(answers.parse_request(pocket.decode_answer(ids)), str)


def test_written_critiques_are_in_the_grammar():
    text = answers.metrics_text(["warm autumn tones", "skin's tone, natural"], [40, 60], Plan({"Exposure": 1}),
                                "[luma 3] dark")  # fmt: skip
    assert re.fullmatch(grammar.metrics_regex(FEW), text)
    assert not re.fullmatch(grammar.metrics_regex(FEW, 1), text)
    assert not re.fullmatch(grammar.metrics_regex(grammar.Options(sliders=("Tint",), max_locals=0)), text)
    assert re.fullmatch(grammar.scores_regex(3, grammar.WORDS), answers.scores_text([10, 0, 7], texts=grammar.WORDS))
    assert not re.fullmatch(grammar.scores_regex(2), answers.scores_text([10, 0, 7]))
    assert re.fullmatch(grammar.request_regex(), answers.request_text("make it 暖"))


def test_options_restrict():
    tried = {
        '{"v":1,"Exposure":0.5}': True, '{"v":1,"Contrast":5}': False,
        '{"v":1,"local":[{"mask":[{"radial":[500,500,50,50,-45,50]}],"Tint":5}]}': True,
        '{"v":1,"local":[{"mask":[{"color":[0,0,0,10]}],"Tint":5}]}': False,
    }  # fmt: skip
    assert {text: bool(re.fullmatch(grammar.plan_regex(FEW), text)) for text in tried} == tried
    with pytest.raises(ValueError, match="no slider is called Exposur"):
        grammar.plan_regex(grammar.Options(sliders=("Exposur",)))
    with pytest.raises(ValueError, match="no mask kind is bitmap"):
        grammar.plan_regex(grammar.Options(kinds=("bitmap",)))


def test_bad_input_is_named(pocket):
    with pytest.raises(ValueError, match="grammar: "):
        compile_table("(", pocket)
    with pytest.raises(ValueError, match="smaller than the tokenizer's"):
        compile_table("a", pocket, 100)
    with pytest.raises(ValueError, match="no text can be finished"):
        compile_table("(?:az){300}", pocket)


def test_small_grammars_are_minimal():
    def states(regex):
        return len(byte_automaton(regex)[0])

    assert states("abc|abd") == states("ab[cd]") == 4
    assert states("(?:ax|bx|cx)y") == 4
    for n, m in itertools.product((1, 3), (2, 4)):
        assert states(f"a{{{n}}}b{{{m}}}") == n + m + 1


def test_a_loaded_table_is_the_same_every_time():
    first, second = (compile_table(grammar.metrics_regex(FEW), load("pocket")) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)
