"""Held-out frames: no training request has them, every word in them is known, and their signs are the words'."""

import re

import numpy as np

from rtq.data import drafts, requests
from rtq.eval import frames, held_out, words

ALL = [frame for some in frames.FRAMES.values() for frame in some] + list(frames.PAIRS)


def test_every_word_occurs_in_training():
    known = held_out.known_words()
    texts = [item.request for item in frames.single(0, 400) + frames.pairs(0, 200)]
    assert not words.out_of_vocabulary(texts, known)


def test_no_training_request_has_a_frame():
    """The words between the placeholders of a frame, in that order, are in none of 6,000 training requests."""
    patterns = [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(frame))) for frame in ALL]
    rng = np.random.default_rng(0)
    texts = [text.lower() for kind in drafts.WISHES for _ in range(500)
             for text in requests.write(drafts.WISHES[kind](rng), rng)]  # fmt: skip
    texts += [text.lower() for scope in drafts.SCOPES for text in requests.write_vague(scope, rng)]
    hits = [(p.pattern, t) for p in patterns for t in texts if p.search(t)]
    assert not hits, hits[:3]


def test_signs_are_those_of_the_words():
    for item in frames.single(3, 120):
        assert len(item.signs) == 1
        assert "{" not in item.request
    for item in frames.pairs(3, 60):
        assert len(item.signs) == 2
    assert [item.request for item in frames.single(3, 120)] == [item.request for item in frames.single(3, 120)]
    assert len({item.request for item in frames.single(3, 200)}) > 150
    assert len({next(iter(item.signs.items())) for item in frames.single(3, 200)}) > 15
