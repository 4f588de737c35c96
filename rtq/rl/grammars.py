"""The tables that keep sampled texts valid, built on the host once per run.

A critique is written in two replies, and how many scores the second holds depends on the first. One table has both, and
each row says in which state it starts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rtq.decode import sampling
from rtq.text import grammar, grammar_table, prompts
from rtq.text.grammar_table import FORBIDDEN
from rtq.text.tokenizer import Tokenizer


class Critique(NamedTuple):
    """The grammar of critiques.

    table: metrics, and scores for 1 to `grammar.MAX_METRICS` metrics. metrics: int, the state in which metrics start.
    scores: int32[MAX_METRICS], the state in which the reply with n + 1 scores starts. is_score: bool[S], the next token
    is a score. score_ids: int32[11], the tokens of 0 to 10; nothing else is allowed there. value: int32[V], of a score.
    """

    table: sampling.GrammarTable
    metrics: int
    scores: np.ndarray
    is_score: np.ndarray
    score_ids: np.ndarray
    value: np.ndarray


def free(tokenizer: Tokenizer, vocab_size: int) -> sampling.GrammarTable:
    """No grammar: anything that is text, until the end of the answer or the budget."""
    silent = tokenizer.control | set(range(tokenizer.size, vocab_size))
    return sampling.free_table(vocab_size, tokenizer.eos_id, tuple(silent - {tokenizer.eos_id}))


def answers(tokenizer: Tokenizer, options: grammar.Options, vocab_size: int) -> sampling.GrammarTable:
    """What the policy may write to edit and refine."""
    return _device([grammar_table.compile_table(grammar.answer_regex(options), tokenizer, vocab_size)])


def requests(tokenizer: Tokenizer, vocab_size: int) -> sampling.GrammarTable:
    """What the policy may write to summarise."""
    return _device([grammar_table.compile_table(grammar.request_regex(), tokenizer, vocab_size)])


def critiques(tokenizer: Tokenizer, options: grammar.Options, vocab_size: int) -> Critique:
    """What the reward model may write."""
    texts, ids = prompts.score_texts(tokenizer), prompts.score_ids(tokenizer)
    tables = [grammar_table.compile_table(grammar.metrics_regex(options), tokenizer, vocab_size)]
    marks = [np.zeros(len(tables[0].need), bool)]
    for count in range(1, grammar.MAX_METRICS + 1):
        table = grammar_table.compile_table(grammar.scores_regex(count, texts), tokenizer, vocab_size)
        table, mark = _whole_scores(table, ids, tokenizer.encode("%")[0])
        tables.append(table)
        marks.append(mark)
    starts = np.cumsum([0] + [len(t.need) for t in tables[:-1]]) + [t.start_state for t in tables]
    value = np.zeros(vocab_size, np.int32)
    value[ids] = np.arange(len(ids))
    return Critique(
        _device(tables), int(starts[0]), starts[1:].astype(np.int32), np.concatenate(marks), np.array(ids, np.int32),
        value,
    )  # fmt: skip


def _whole_scores(
    table: grammar_table.GrammarTable, ids: Sequence[int], other: int
) -> tuple[grammar_table.GrammarTable, np.ndarray]:
    """The table with each score one token ("10" not "1" and "0"), and bool[S], the states before a score.

    other: a token that reasoning allows, but a score does not.
    """
    kinds = table.token_class[list(ids)]
    mark = (table.need[:, kinds] != FORBIDDEN).all(1) & (table.need[:, table.token_class[other]] == FORBIDDEN)
    need, following = table.need.copy(), table.next_state.copy()
    need[mark] = FORBIDDEN
    need[np.ix_(mark, kinds)] = table.need[mark][:, kinds[5], None]
    # After 1 nothing but what may follow 5: no 0 that makes it a 10.
    following[np.ix_(mark, kinds)] = table.next_state[mark][:, kinds[5], None]
    return table._replace(need=need, next_state=following), mark


def _device(tables: Sequence[grammar_table.GrammarTable]) -> sampling.GrammarTable:
    """Several tables, states of one after those of the other, over classes of tokens alike in all of them."""
    kinds, token_class = np.unique(np.stack([t.token_class for t in tables]), axis=1, return_inverse=True)
    offsets = np.cumsum([0] + [len(t.need) for t in tables[:-1]])
    need = np.concatenate([t.need[:, kind] for t, kind in zip(tables, kinds, strict=True)])
    parts = zip(tables, kinds, offsets, strict=True)
    following = np.concatenate([t.next_state[:, kind].astype(np.int32) + offset for t, kind, offset in parts])
    return sampling.grammar_table(following, need, token_class.reshape(-1), tables[0].start_state, tables[0].eos_id)
