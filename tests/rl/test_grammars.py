"""Tables of what may be sampled."""

import numpy as np

from rtq.data.options import POCKET
from rtq.decode.sampling import FORBIDDEN
from rtq.editor import Plan
from rtq.rl import grammars
from rtq.text import answers, prompts
from tests.rl import tiny_policy as tiny

TOKENIZER = tiny.TOKENIZER
CRITIQUE = grammars.critiques(TOKENIZER, POCKET, TOKENIZER.size + 8)


def walk(table, start, text):
    """(accepted, states before each token) of a reply, as the sampler would go."""
    state, states = int(start), []
    need, following, kinds = (np.asarray(x) for x in (table.need, table.next_state, table.token_class))
    for token in prompts.reply(TOKENIZER, text):
        states.append(state)
        if need[state, kinds[token]] == FORBIDDEN:
            return False, states
        state = int(following[state, kinds[token]])
    return True, states


def test_one_table_has_metrics_and_scores():
    metrics = answers.metrics_text(("warm mood", "skin"), (40, 60), Plan({"Exposure": 0.5}), "[luma 7]")
    assert walk(CRITIQUE.table, CRITIQUE.metrics, metrics)[0]
    for count in range(1, 6):
        for scores in ((10, 0, 1, 7, 5)[:count], (1, 10, 10, 10, 1)[:count]):
            text = answers.scores_text(scores, "5 of [luma +3]")
            for n in range(1, 6):
                ok, states = walk(CRITIQUE.table, CRITIQUE.scores[n - 1], text)
                assert ok == (n == count)
            _, states = walk(CRITIQUE.table, CRITIQUE.scores[count - 1], text)
            ids = prompts.reply(TOKENIZER, text)
            found = [CRITIQUE.value[i] for i, state in zip(ids, states, strict=True) if CRITIQUE.is_score[state]]
            assert tuple(found) == scores  # and not the digit of the reasoning
    assert not walk(CRITIQUE.table, CRITIQUE.metrics, answers.scores_text((1,)))[0]


def test_a_score_is_one_token():
    """ "10" may not be written as "1", "0"."""
    need, kinds = np.asarray(CRITIQUE.table.need), np.asarray(CRITIQUE.table.token_class)
    marked = np.flatnonzero(CRITIQUE.is_score)
    assert len(marked) == 1 + 2 + 3 + 4 + 5
    for state in marked:
        allowed = np.flatnonzero(need[state, kinds] != FORBIDDEN)
        assert sorted(allowed) == sorted(CRITIQUE.score_ids)
        after = np.asarray(CRITIQUE.table.next_state)[state, kinds[CRITIQUE.score_ids]]
        assert len(set(after.tolist())) == 1
        assert need[after[0], kinds[CRITIQUE.score_ids[0]]] == FORBIDDEN


def test_free_texts_are_texts():
    """Of the ids that stand for no text only the end may come: neither what pads the vocabulary nor control tokens."""
    table = grammars.free(TOKENIZER, TOKENIZER.size + 8)
    allowed = np.asarray(table.need)[0, np.asarray(table.token_class)] != FORBIDDEN
    silent = TOKENIZER.control - {TOKENIZER.eos_id}
    assert set(np.flatnonzero(~allowed)) == silent | set(range(TOKENIZER.size, TOKENIZER.size + 8))


def test_padding_of_the_vocabulary_is_forbidden():
    kinds = np.asarray(CRITIQUE.table.token_class)
    assert (np.asarray(CRITIQUE.table.need)[:, kinds[TOKENIZER.size :]] == FORBIDDEN).all()


def test_answers_and_requests():
    table = grammars.answers(TOKENIZER, tiny.OPTIONS, TOKENIZER.size)
    assert walk(table, table.start, '<think>x</think><answer>{"v":1,"Contrast":10}</answer>')[0]
    assert not walk(table, table.start, '<think>x</think><answer>{"v":1,"Clarity":10}</answer>')[0]
    table = grammars.requests(TOKENIZER, TOKENIZER.size)
    assert walk(table, table.start, answers.request_text("make it warmer"))[0]
