"""Feeds a build of the studio to training: shuffled, repeated, sharded per host, resumable (Grain)."""

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import grain
import numpy as np

from rtq.data import batches, records
from rtq.data.drafts import KINDS, moving_plan
from rtq.data.redraw import redraw
from rtq.data.rows import TASKS, Writer, critique_prompt, edit_prompt, measured_in_step, row_of
from rtq.text.facts import CHANGES

PROBED = 200  # rows that are looked at for one that fits
MOVING = 0.7  # share of the change task's rows with edits that move nearly every fact
LOCAL = 0.5  # share of rows without photos that are made local: places, and what to spare, take many to learn
FREE = 0.3  # share of redrawn requests that are read whose words stand in no frame
WEAK = 2 / 3  # share of weak edits among those that are judged: of many good ones a critic learns not to look
MISREAD = (0.0, 0.0, 0.5)  # standard deviations of what a judge gets wrong, in steps; one is drawn for each row
HELD_OUT = 1_000_003  # added to the seed of rows that are not trained on: their words must be other draws
REDRAWN = 0.8  # share of rows with other wishes, words and mistakes than the studio's; those went through its filters


def dataset(out_dir: str | pathlib.Path, *, tasks: Mapping[str, float], batch_size: int, writer: Writer, seed: int,
            lengths: Mapping[str, int], kinds: Collection[str] = tuple(KINDS), host: tuple[int, int] = (0, 1),
            dropped: collections.Counter | None = None) -> grain.IterDataset:
    """Endless batches `batches.Batch`, each of one task.

    Args:
      out_dir: what `studio.build` made.
      tasks: task of `rows.TASKS` → share of the batches.
      batch_size: rows of this host.
      lengths: T by task; longer rows are dropped and counted.
      kinds: kinds of `drafts.KINDS` to use: a curriculum is a sequence of datasets with more of them.
      host: (index, count): this process reads every count-th example from index on.
      dropped: if given, counts rows that were too long, by task, in this process.

    Returns:
      A dataset; `iter(…)` has `get_state` and `set_state`.

    Raises:
      ValueError: one line: no data, unknown task or kind, too few examples for one batch, or none of the kinds.
    """
    unknown = [t for t in tasks if t not in TASKS] + [k for k in kinds if k not in KINDS]
    if unknown or not any(share > 0 for share in tasks.values()):
        raise ValueError(f"data: unknown or without a share: {', '.join(unknown) or 'all tasks'}; "
                         f"tasks: {', '.join(TASKS)}; kinds: {', '.join(KINDS)}")  # fmt: skip
    dropped = collections.Counter() if dropped is None else dropped
    parts = []
    for task in tasks:
        stream = _stream(seed, TASKS.index(task), host)
        rows = _examples(out_dir, stream, host, kinds)
        rows = rows.random_map(functools.partial(_row, task, writer), seed=stream)
        fits = functools.partial(_fits, task, lengths[task], dropped)
        _check_lengths(rows, f"{task} (lengths.{task})", lengths[task], lambda made: len(made[0].tokens))
        collate = functools.partial(batches.collate, length=lengths[task], pad_id=writer.tokenizer.pad_id)
        one = rows.to_iter_dataset(_READ).filter(fits)
        parts.append(one.batch(batch_size, drop_remainder=True, batch_fn=collate))
    return parts[0] if len(parts) == 1 else grain.IterDataset.mix(parts, list(tasks.values()))


def prompts(out_dir: str | pathlib.Path, *, count: int, writer: Writer, seed: int, length: int,
            kinds: Collection[str] = tuple(KINDS), host: tuple[int, int] = (0, 1),
            dropped: collections.Counter | None = None) -> grain.IterDataset:
    """Endless (`batches.PromptBatch`, list of its examples); `count`: prompts of this host; else as `dataset`."""
    dropped = collections.Counter() if dropped is None else dropped
    stream = _stream(seed, len(TASKS), host)
    made = _examples(out_dir, stream, host, kinds).random_map(functools.partial(_prompt, writer), seed=stream)
    fits = functools.partial(_prompt_fits, length, dropped)
    _check_lengths(made, "prompts (sampling.prompt_tokens)", length, lambda made: max(map(len, made[0])))
    collate = functools.partial(batches.collate_prompts, length=length, pad_id=writer.tokenizer.pad_id)
    return made.to_iter_dataset(_READ).filter(fits).batch(count, drop_remainder=True, batch_fn=collate)


_READ = grain.ReadOptions(num_threads=1, prefetch_buffer_size=16)


def _stream(seed: int, purpose: int, host: tuple[int, int]) -> int:
    """The seed of what is shuffled and drawn: grain numbers each host's rows from 0, so it must differ for each."""
    return int(np.random.SeedSequence([seed, purpose, host[0]]).generate_state(1)[0])


def _examples(out_dir, seed: int, host: tuple[int, int], kinds: Collection[str]) -> grain.MapDataset:
    """Endless shuffled examples of this host with their crops."""
    source = grain.MapDataset.source(grain.sources.ArrayRecordDataSource(records.paths(out_dir)))
    index, count = host
    if len(source) < count:
        raise ValueError(f"data: {len(source)} examples in {out_dir} for {count} hosts")
    made = source[index::count].shuffle(seed=seed).repeat().map(records.decode)
    if set(kinds) == set(KINDS):
        return made
    wanted = functools.partial(_is_of, frozenset(kinds))
    if not any(wanted(records.decode(source[i])) for i in range(index, len(source), count)):
        raise ValueError(f"data: none of {len(source)} examples in {out_dir} is of kind {', '.join(kinds)}")
    return made.filter(wanted)


def _check_lengths(made: grain.MapDataset, what: str, length: int, length_of: Callable[[Any], int]) -> None:
    """Raises where none of the first rows fits: grain would look for one without end."""
    found = []
    for row in (made[i] for i in range(PROBED)):
        if row is not None:
            found.append(length_of(row))
            if found[-1] <= length:
                return
    if found:
        raise ValueError(f"data: {length} tokens are too few for a row of {what}; the shortest of {len(found)} has "
                         f"{min(found)}")  # fmt: skip


def _is_of(kinds: frozenset, pair) -> bool:
    return pair[0].kind in kinds


def _row(task: str, writer: Writer, pair, rng: np.random.Generator):
    example, crop = pair
    if measured_in_step(writer.tokenizer) and rng.random() < REDRAWN:
        kind = "local" if task == "words" and rng.random() < LOCAL else ""
        example = redraw(example, rng, writer.options, free=FREE, kind=kind)
    edit = moving_plan(rng) if task == "change" and rng.random() < MOVING else None
    row = row_of(task, example, writer, int(rng.integers(3)), bool(rng.random() < WEAK), edit)
    if row.wanted is not None:
        row = dataclasses.replace(row, noise=misreading(rng))
    return row, crop, example.spoil


def misreading(rng: np.random.Generator) -> tuple[int, ...]:
    """By how many steps a judge's plan changes other things than the user's: now none, now many.

    Its scores must bear its own mistakes, which the studio's plans do not have.
    """
    steps = rng.normal(0, rng.choice(MISREAD), len(CHANGES))
    return tuple(int(x) for x in np.rint(steps))


def _prompt(writer: Writer, pair, rng: np.random.Generator):
    example, crop = pair
    variant = int(rng.integers(3))
    both = edit_prompt(example, writer, variant), critique_prompt(example, writer, variant)
    return both, example, crop, int(rng.integers(2**31))


def _fits(task: str, length: int, dropped: collections.Counter, made) -> bool:
    return _counted(len(made[0].tokens) <= length, task, dropped)


def _prompt_fits(length: int, dropped: collections.Counter, made) -> bool:
    return _counted(max(map(len, made[0])) <= length, "prompt", dropped)


def _counted(fits: bool, task: str, dropped: collections.Counter) -> bool:
    dropped[task] += not fits
    return fits
