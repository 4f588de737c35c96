"""The studio: makes training examples from any folder of photos.

    python -m rtq.data.studio --photos FOLDER --out DIR --count 2000 --split train

A shard is a file of records (`records.py`); it is written whole or not at all, so that an interrupted build goes on
where it stopped. Every example follows from (seed, split, shard, number) alone.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import sys
import time
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from rtq.data import annotate, correction, drafts, filters, measure, perturb, photos, records, rendering, requests
from rtq.data.attributes import Wish
from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.data.photos import Source
from rtq.editor import Plan
from rtq.text.facts import changes_text, facts_text
from rtq.text.grammar import Options, permitted

SHARD = 512
CHUNK = 128
PILOTS = 4500  # spoiled crops that experience comes from, at most
PILOTS_OF_A_PHOTO = 250  # few photos teach nothing more with more crops


@dataclasses.dataclass(frozen=True)
class Report:
    """What a build did.

    Attributes:
      examples: how many there are now. drawn: how many drafts they took.
      dropped: reason of `filters.REASONS` → count. kinds: kind → examples.
      photos: how many photos the split has. unreadable: one line for each file that could not be read.
      seconds: spent in this call. made: examples made in this call.
    """

    examples: int
    drawn: int
    dropped: dict[str, int]
    kinds: dict[str, int]
    photos: int
    unreadable: tuple[str, ...]
    seconds: float
    made: int


def build(sources: Sequence[Source], out_dir: str | pathlib.Path, *, count: int, seed: int, split: str, size: int = 140,
          options: Options = POCKET, kinds: Mapping[str, float] = drafts.KINDS) -> Report:
    """Makes `count` examples of one split in `out_dir`: examples-00000.array_record, …, and report.json.

    Args:
      sources: all photos; they are split here by (key, seed).
      size: side of the square crops.
      options: what plans may hold; drafts beyond it are dropped and counted.
      kinds: kind of `drafts.KINDS` → share.

    Raises:
      ValueError: one line: too few photos, a bad count, an unknown split or kind, or a folder made otherwise.
    """
    _check(count, split, kinds, size)
    start = time.monotonic()
    good, unreadable = photos.readable(sources)
    sides = photos.split(good, seed)
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    settings = {"seed": seed, "split": split, "size": size, "kinds": dict(kinds),
                "photos": [s.key for s in sides[split]], "options": dataclasses.asdict(options),
                "fields": [field.name for field in dataclasses.fields(Example)]}  # fmt: skip
    _claim(out / "settings.json", settings)
    experience, made = None, 0
    for shard in range(-(-count // SHARD)):
        length = min(SHARD, count - shard * SHARD)
        if _length_of(out, shard) == length:
            continue
        if experience is None:
            experience = learn(sides["train"], seed, size)
        _write_shard(out, shard, length, sides[split], (seed, split, size, options, kinds), experience)
        made += length
    notes = [json.loads(_note(out, i).read_text()) for i in range(-(-count // SHARD))]
    report = Report(
        count, sum(n["drawn"] for n in notes), _sum(n["dropped"] for n in notes), _sum(n["kinds"] for n in notes),
        len(sides[split]), tuple(unreadable), round(time.monotonic() - start, 1), made)  # fmt: skip
    _replace(out / "report.json", json.dumps(dataclasses.asdict(report), indent=1))
    return report


def built(out_dir: str | pathlib.Path) -> int:
    """How many examples of a finished build a folder holds."""
    report = pathlib.Path(out_dir) / "report.json"
    return json.loads(report.read_text(encoding="utf-8"))["examples"] if report.is_file() else 0


def learn(sources: Sequence[Source], seed: int, size: int) -> correction.Experience:
    """The mean corrections of spoiled crops of these photos, from `PILOTS` of them at most."""
    count = min(PILOTS_OF_A_PHOTO * len(sources), PILOTS)
    some = [drafts.draft(sources, np.random.default_rng([seed, 91, i]), size, {"vague": 1.0}) for i in range(count)]
    clean = rendering.thumbnails(_pixels(some), correction.SIDE)
    spoiled = correction.spoiled(clean, [d.spoil for d in some])
    wanted = correction.invert(clean, spoiled)
    return correction.Experience([d.key for d in some], correction.features(spoiled), wanted)


def examples(sources: Sequence[Source], rng_key: tuple[int, ...], settings: tuple, experience: correction.Experience,
             counts: collections.Counter):
    """Endless (example, crop uint8[S, S, 3]) pairs; `counts` is kept up to date under "drawn" and the reasons."""
    seed, split, size, options, kinds = settings
    # A build of other kinds is of other crops, not of the same that are of its kind.
    own = () if dict(kinds) == dict(drafts.KINDS) else (zlib.crc32(json.dumps(dict(kinds), sort_keys=True).encode()),)
    base, number = (seed, photos.SPLITS.index(split), *rng_key), 0
    while True:
        rngs = [np.random.default_rng([*base, number + i, *own]) for i in range(CHUNK)]
        some = [drafts.draft(sources, rng, size, kinds) for rng in rngs]
        number += CHUNK
        yield from _developed(some, rngs, (split, options), experience, counts)


def _developed(some: list[drafts.Draft], rngs, settings, experience, counts: collections.Counter):
    """The examples of one chunk of drafts, those that pass the filters."""
    crops = measure.reduced(_pixels(some))
    before = rendering.render(crops, [d.spoil for d in some])
    some = _corrected(some, crops, before, experience)
    weak = [perturb.weaken(d.plan, rng) for d, rng in zip(some, rngs, strict=True)]
    ok = [permitted(d.plan, settings[1]) and permitted(w, settings[1]) for d, w in zip(some, weak, strict=True)]
    neutral = Plan()
    after = rendering.render(before, [d.plan if k else neutral for d, k in zip(some, ok, strict=True)])
    weak_after = rendering.render(before, [w if k else neutral for w, k in zip(weak, ok, strict=True)])
    facts, change = measure.levels(before), measure.changes(before, after)
    said, weak_said = _changes(after, change), _changes(weak_after, measure.changes(before, weak_after))
    for i, draft in enumerate(some):
        counts["drawn"] += 1
        reason = _reason(draft, ok[i], before[i], after[i], change[i])
        made = None if reason else _example(draft, weak[i], rngs[i], settings[0], facts[i], said[i], weak_said[i])
        if reason or made is None:
            counts[reason or filters.REASONS[2]] += 1
            continue
        counts["kept"] += 1
        yield made, draft.crop


def _reason(draft: drafts.Draft, ok: bool, before, after, change) -> str:
    if not ok:
        return filters.REASONS[3]
    if not draft.wishes or not filters.visible(before, after, bool(draft.plan.locals) and not draft.plan.sliders):
        return filters.REASONS[0]
    if not filters.agrees(draft.wishes, change):
        return filters.REASONS[1]
    return ""


def _corrected(some: list[drafts.Draft], crops, before, experience) -> list[drafts.Draft]:
    """Described and vague drafts with their plans and wishes, which follow from the spoil."""
    rows = [i for i, d in enumerate(some) if d.kind in ("described", "vague")]
    if not rows:
        return some
    clean, spoiled = (rendering.thumbnails(x[rows], correction.SIDE) for x in (crops, before))
    exact = correction.invert(clean, spoiled)
    seen = correction.features(spoiled)
    out = list(some)
    for row, i in enumerate(rows):
        draft = some[i]
        if draft.kind == "vague":
            plan = correction.to_plan(experience(draft.key, seen[row]), drafts.SCOPES[draft.scope])
        else:
            plan = correction.to_plan(exact[row])
        wishes = drafts.wishes_of(plan)
        out[i] = dataclasses.replace(draft, plan=plan, wishes=wishes)
    return out


def _changes(after: np.ndarray, change: np.ndarray) -> list[str]:
    """Edits float32[N, S, S, 3] and changes int32[N, 11] → of each edit its facts, then what changed."""
    rows = zip(measure.levels(after), change, strict=True)
    return [facts_text(measure.named(levels)) + changes_text(measure.named(row)) for levels, row in rows]


def _example(
    draft: drafts.Draft, weak: Plan, rng, split: str, facts, change: str, weak_change: str
) -> Example | None:
    """The example, or None if its weak plan is not weaker."""
    names, about = annotate.metrics(draft.wishes, rng)
    percents = [percent for _, percent in names]
    scores = annotate.scores(draft.plan, draft.plan, about, rng)
    weak_scores = annotate.scores(weak, draft.plan, about, rng)
    if not filters.weaker(annotate.scalar(percents, scores), annotate.scalar(percents, weak_scores)):
        return None
    words = requests.write_vague(draft.scope, rng) if draft.kind == "vague" else requests.write(draft.wishes, rng)
    levels = measure.named(facts)
    return Example(
        key=draft.key, split=split, box=draft.box, flip=draft.flip, kind=draft.kind,
        spoil=draft.spoil, plan=draft.plan, weak=weak, requests=words, attributes=asked(draft.wishes),
        reasoning=facts_text(levels) + annotate.sentence(levels, draft.wishes), metrics=names,
        metrics_reasoning=facts_text(levels), scores=scores, weak_scores=weak_scores,
        change=change, weak_change=weak_change,
        feedback=perturb.feedback(weak, draft.plan, rng))  # fmt: skip


def asked(wishes: Sequence[Wish]) -> dict[str, int]:
    """Signed levels by name, as examples keep them."""
    return {wish.name: wish.level for wish in wishes}


def _pixels(some: Sequence[drafts.Draft]) -> np.ndarray:
    return np.stack([d.crop for d in some]).astype(np.float32) / 255


def _check(count: int, split: str, kinds: Mapping[str, float], size: int) -> None:
    if count < 1:
        raise ValueError(f"count: {count} examples; at least 1 is needed")
    if split not in photos.SPLITS:
        raise ValueError(f"split: {split!r} is unknown; allowed: {', '.join(photos.SPLITS)}")
    unknown = set(kinds) - set(drafts.KINDS)
    if unknown or not any(share > 0 for share in kinds.values()):
        wrong = ", ".join(sorted(unknown)) or "all shares are 0"
        raise ValueError(f"kinds: {wrong}; allowed: {', '.join(drafts.KINDS)}")
    if size < correction.SIDE or size % correction.SIDE:
        raise ValueError(f"size: {size}; it must be a multiple of {correction.SIDE}")


def _claim(path: pathlib.Path, settings: dict) -> None:
    """The folder belongs to one build: its settings are written once and must stay the same."""
    text = json.dumps(settings, sort_keys=True)
    if not path.exists():
        _replace(path, text)
    elif path.read_text(encoding="utf-8") != text:
        raise ValueError(f"{path.parent}: was made with other settings or photos, or by another version of rtq; choose "
                         "another folder")  # fmt: skip


def _write_shard(out: pathlib.Path, shard: int, length: int, sources, settings, experience) -> None:
    counts: collections.Counter = collections.Counter()
    kinds: collections.Counter = collections.Counter()
    made = []
    for example, crop in examples(sources, (shard,), settings, experience, counts):
        made.append((example, crop))
        kinds[example.kind] += 1
        if len(made) == length:
            break
    if _record_file(out, shard).exists():
        _record_file(out, shard).unlink()
    records.write(_record_file(out, shard), made)
    dropped = {reason: counts[reason] for reason in filters.REASONS}
    note = {"length": length, "drawn": counts["drawn"], "dropped": dropped, "kinds": dict(kinds)}
    _replace(_note(out, shard), json.dumps(note))


def _record_file(out: pathlib.Path, shard: int) -> pathlib.Path:
    return out / f"examples-{shard:05d}.array_record"


def _note(out: pathlib.Path, shard: int) -> pathlib.Path:
    return out / f"examples-{shard:05d}.json"


def _length_of(out: pathlib.Path, shard: int) -> int:
    """Examples in a finished shard; its note is written last, so without it there is none."""
    note = _note(out, shard)
    return json.loads(note.read_text())["length"] if note.exists() and _record_file(out, shard).exists() else 0


def _replace(path: pathlib.Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _sum(parts) -> dict[str, int]:
    total: collections.Counter = collections.Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line: builds a folder, prints the report and, if asked, a grid of examples."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", help="folder; without it the photographs bundled with two Python packages")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    parser.add_argument("--size", type=int, default=140)
    parser.add_argument("--show", type=int, default=0, help="print this many examples and write them to OUT/show.png")
    args = parser.parse_args(argv)
    try:
        report = build(photos.sources(args.photos), args.out, count=args.count, seed=args.seed, split=args.split,
                       size=args.size)  # fmt: skip
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(dataclasses.asdict(report), indent=1))
    if args.show:
        from rtq.data import show

        show.grid(args.out, args.show)


if __name__ == "__main__":
    main()
