"""The turn that shows an edit, filled in, against the text that says the same."""

import dataclasses

import numpy as np
import pytest

from rtq.data import measure
from rtq.text import facts, prompts, showing


@pytest.mark.parametrize("name", ["pocket", "large"])
def test_filled_turns_are_the_texts(name, request):
    tokenizer, rng = request.getfixturevalue(name), np.random.default_rng(0)
    turn = showing.turn(tokenizer, 4)
    should, change = rng.integers(-7, 8, (2, 6, len(facts.CHANGES)))
    change[0], should[0] = 7, -7  # errors are clipped
    filled = np.asarray(showing.fill(turn, measure.moves(should, change)))
    for tokens, *rows in zip(filled, should, change, strict=True):
        text = facts.moves_text(*map(measure.named, rows))
        assert tokens.tolist() == prompts.scores_turn(tokenizer, 4, text)


def test_each_critique_is_shown_each_edit_beside_its_own():
    rng = np.random.default_rng(1)
    photos = rng.random((2, 28, 28, 3), np.float32)
    own, edits = (np.clip(np.repeat(photos, n, 0) * rng.uniform(0.4, 1.6, (2 * n, 1, 1, 3)), 0, 1).astype(np.float32)
                  for n in (3, 2))  # fmt: skip
    found = np.asarray(measure.judged(photos, own, edits)).reshape(2, 3, 2, showing.MOVES)
    for p, c, e in np.ndindex(2, 3, 2):
        should, change = (np.asarray(measure.changes(photos[p][None], some[None]))[0]
                          for some in (own[3 * p + c], edits[2 * p + e]))  # fmt: skip
        want = np.stack([should, change, np.clip(change - should, -7, 7)], 1).reshape(-1)
        np.testing.assert_array_equal(found[p, c, e], want)


def test_a_tokenizer_that_writes_changes_unevenly_is_refused(pocket):
    class Uneven(type(pocket)):
        def encode(self, text):
            return [i for i in super().encode(text) for _ in range(1 + (self.decode([i]) == "[luma +3]"))]

    values = {field.name: getattr(pocket, field.name) for field in dataclasses.fields(pocket) if field.init}
    with pytest.raises(ValueError, match="different numbers of tokens"):
        showing.turn(Uneven(**values), 4)
