"""Batches: shapes, resumption, shards."""

import collections
import itertools

import numpy as np
import pytest
from data_photos import SIZE, build, writer

from experiments import common
from rtq.data import pipeline, records

TASKS = {"edit": 2.0, "critique": 1.0, "facts": 1.0}
LENGTHS = common.base("pocket").lengths.to_dict()
PROMPT = common.reinforcement("pocket").sampling.prompt_tokens


def feed(tasks, count, folder=None, seed=0, lengths=LENGTHS, **more):
    return pipeline.dataset(folder or build(), tasks=tasks, batch_size=count, writer=writer(), seed=seed,
                            lengths=lengths, **more)  # fmt: skip


def take(iterator, count):
    return list(itertools.islice(iterator, count))


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.spoil, b.spoil, strict=True)) and all(
        np.array_equal(x, y) for x, y in ((a.photos, b.photos), (a.tokens, b.tokens), (a.weights, b.weights)))


def test_batches_have_the_promised_shapes():
    w = writer()
    for batch in take(iter(feed(TASKS, 4)), 6):
        assert batch.photos.shape == (4, SIZE, SIZE, 3)
        assert batch.photos.dtype == np.uint8
        assert batch.tokens.shape == batch.weights.shape
        assert batch.tokens.shape[1] in LENGTHS.values()
        assert batch.tokens.dtype == np.int32
        assert not batch.weights[batch.tokens == w.tokenizer.pad_id].any()
        assert (batch.weights.sum(1) > 0).all()
        if batch.edits is not None:
            assert batch.edits.sliders.shape == batch.spoil.sliders.shape


def test_a_restored_pipeline_goes_on_with_the_same_batches():
    data = feed(TASKS, 4, seed=1)
    first = iter(data)
    take(first, 7)
    state = first.get_state()
    ahead = take(first, 5)
    second = iter(data)
    second.set_state(state)
    assert all(same(a, b) for a, b in zip(ahead, take(second, 5), strict=True))
    assert not same(ahead[0], ahead[1]) if ahead[0].tokens.shape == ahead[1].tokens.shape else True


def test_hosts_see_different_examples_and_together_all():
    w = writer()
    seen = []
    for index in range(2):
        data = pipeline.prompts(build(), count=4, writer=w, seed=0, length=128, host=(index, 2))
        some = [e.to_json() for _, examples in take(iter(data), 5) for e in examples]
        seen.append(set(some))
    assert not seen[0] & seen[1]
    assert seen[0] | seen[1] == {e.to_json() for e, _ in records.read(build())}


def test_prompts_end_at_the_right_edge():
    w = writer()
    batch, examples = next(iter(pipeline.prompts(build(), count=4, writer=w, seed=2, length=PROMPT)))
    assert batch.tokens.shape == batch.valid.shape == (4, PROMPT)
    reply = w.tokenizer.encode("<|reply|>")[0]
    assert (batch.tokens[:, -1] == reply).all()
    assert (batch.tokens[~batch.valid] == w.tokenizer.pad_id).all()
    assert len(examples) == 4
    assert batch.plans.sliders.shape == batch.weak.sliders.shape


def test_curricula_select_kinds_and_long_rows_are_counted():
    dropped = collections.Counter()
    w = writer()
    data = pipeline.prompts(build(), count=2, writer=w, seed=0, length=PROMPT, kinds=("one",))
    assert {e.kind for _, examples in take(iter(data), 6) for e in examples} == {"one"}
    take(iter(feed({"edit": 1.0}, 2, lengths={**LENGTHS, "edit": 40}, dropped=dropped)), 2)
    assert dropped["edit"] > 0


def test_bad_settings_are_told_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="no examples"):
        feed(TASKS, 2, folder=tmp_path)
    with pytest.raises(ValueError, match="dance"):
        feed({"dance": 1.0}, 2)
    with pytest.raises(ValueError, match=r"none of 40 examples in .* is of kind style"):
        feed({"edit": 1.0}, 2, kinds=("style",))
    with pytest.raises(ValueError, match=r"9 tokens are too few for a row of edit \(lengths.edit\); the shortest"):
        feed({"edit": 1.0}, 2, lengths={**LENGTHS, "edit": 9})
    with pytest.raises(ValueError, match=r"9 tokens are too few for a row of prompts \(sampling.prompt_tokens\)"):
        pipeline.prompts(build(), count=2, writer=writer(), seed=0, length=9)
    with pytest.raises(ValueError, match="for 100 hosts"):
        feed(TASKS, 2, host=(0, 100))


def test_rows_that_are_not_trained_on_have_other_words():
    """The same examples drawn for training and with the seed of validation: rows without photos would be the same."""
    def words(seed):
        data = feed({"words": 1.0}, 8, seed=seed)
        return [row.tobytes() for batch in take(iter(data), 6) for row in batch.tokens]

    first = words(0)
    assert first == words(0)
    for seed in (1, pipeline.HELD_OUT):  # a fifth of the rows keeps the studio's words, which both may meet
        assert len(set(first) & set(words(seed))) < len(first) / 3


def test_hosts_draw_words_of_their_own():
    def words(host):
        data = feed({"words": 1.0}, 4, host=(host, 2))
        return {row.tobytes() for batch in take(iter(data), 6) for row in batch.tokens}

    assert len(words(0) & words(1)) <= 2
