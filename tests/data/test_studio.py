"""Builds: deterministic, resumable, filtered; every example is what it says."""

import json
import pathlib

import numpy as np
import pytest
from data_photos import KINDS, SIZE, build, write_scenes, writer

from rtq.data import correction, drafts, measure, photos, records, rendering, rows, studio
from rtq.data.attributes import Wish, plan_of
from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.editor import Plan, render
from rtq.text import answers
from rtq.text.facts import CHANGES, FACTS, facts_text, read_facts
from rtq.text.grammar import permitted


def test_examples_survive_json_and_their_plans_are_permitted():
    pairs = records.read(build())
    assert len(pairs) == 40
    for example, crop in pairs:
        assert Example.from_json(example.to_json()) == example
        assert permitted(example.plan, POCKET)
        assert permitted(example.weak, POCKET)
        assert crop.shape == (SIZE, SIZE, 3)
        assert crop.dtype == np.uint8
        assert sum(p for _, p in example.metrics) == 100
        assert len(example.scores) == len(example.weak_scores) == len(example.metrics)
        assert {e for e in example.attributes.values()} <= {-3, -2, -1, 1, 2, 3}
        strong, weak = (sum(p * s for (_, p), s in zip(example.metrics, x, strict=True))
                        for x in (example.scores, example.weak_scores))  # fmt: skip
        assert weak < strong


def test_facts_in_the_reasoning_are_those_of_the_spoiled_photo():
    pairs = records.read(build())
    before = rendering.render(np.stack([c for _, c in pairs]).astype(np.float32) / 255, [e.spoil for e, _ in pairs])
    for (example, _), levels in zip(pairs, measure.levels(before), strict=True):
        assert example.reasoning.startswith(facts_text(measure.named(levels)))
        assert [found.keys() for found in read_facts(example.change)] == [set(FACTS), set(CHANGES)]


def test_the_report_counts_every_draft():
    report = json.loads((pathlib.Path(build()) / "report.json").read_text())
    assert report["drawn"] == report["examples"] + sum(report["dropped"].values())
    assert sum(report["dropped"].values()) > 0
    assert sum(report["kinds"].values()) == report["examples"] == 40


def test_builds_are_equal_and_go_on_where_they_stopped(tmp_path):
    folder = pathlib.Path(build())
    again = tmp_path / "again"
    found = photos.sources(str(folder.parent / "photos"))
    first = studio.build(found, again, count=16, seed=0, split="train", size=SIZE, kinds=KINDS)
    (again / "examples-00001.array_record").write_bytes(b"half written")  # no note beside it
    rest = studio.build(found, again, count=40, seed=0, split="train", size=SIZE, kinds=KINDS)
    assert (first.made, rest.made) == (16, 24)
    assert [e for e, _ in records.read(again)] == [e for e, _ in records.read(folder)]
    with pytest.raises(ValueError, match="other settings"):
        studio.build(found, again, count=40, seed=1, split="train", size=SIZE, kinds=KINDS)


def test_a_build_of_other_kinds_is_of_other_crops(tmp_path):
    found = photos.sources(str(pathlib.Path(build()).parent / "photos"))
    crops = []
    for name, kinds in {"all": drafts.KINDS, "vague": {"vague": 1.0}}.items():
        studio.build(found, tmp_path / name, count=12, seed=0, split="train", size=SIZE, kinds=kinds)
        crops.append({crop.tobytes() for _, crop in records.read(tmp_path / name)})
    assert not crops[0] & crops[1]


def test_splits_share_no_photo(tmp_path):
    found = photos.sources(str(pathlib.Path(build()).parent / "photos"))
    studio.build(found, tmp_path / "v", count=8, seed=0, split="validation", size=SIZE, kinds=KINDS)
    keys = {e.key for e, _ in records.read(tmp_path / "v")}
    assert keys
    assert not keys & {e.key for e, _ in records.read(build())}


def test_bad_arguments_are_told_in_one_line(tmp_path):
    found = photos.sources(write_scenes(tmp_path / "p", 3))
    for wrong, match in (({"count": 0}, "count"), ({"split": "dev"}, "split"), ({"kinds": {"odd": 1.0}}, "kinds"),
                         ({"size": 50}, "size")):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            studio.build(found, tmp_path / "o", **{"count": 4, "seed": 0, "split": "train", "size": SIZE, **wrong})


IMAGES = {"words": 0, "facts": 1, "edit": 1, "correct": 0, "refine": 2, "summarise": 2, "change": 2, "critique": 2,
          "scores": 0, "vague": 1}  # fmt: skip


def test_rows_parse_back_and_weights_cover_what_must_be_written():
    w = writer()
    t = w.tokenizer
    for example, _ in records.read(build(), 12):
        for task in rows.TASKS:
            for weak in (False, True):
                row = rows.row_of(task, example, w, 1, weak)
                assert len(row.tokens) == len(row.weights)
                assert len(row.edits) == (1 if task == "scores" else max(IMAGES[task] - 1, 0))
                assert row.tokens.count(t.image_id) == 4 * IMAGES[task]
                assert not any(wt for i, wt in zip(row.tokens, row.weights, strict=True) if i in t.control - {t.eos_id})
                written = t.decode(i for i, wt in zip(row.tokens, row.weights, strict=True) if wt)
                if task in ("edit", "refine"):
                    answer = answers.parse_answer(written.removesuffix("<|eos|>"))
                    assert answer.plan == example.plan
                    assert answer.reasoning == example.reasoning
                if task in ("words", "correct"):
                    answer = answers.parse_answer(written.removesuffix("<|eos|>"))
                    assert answer.plan == example.plan
                    assert "[" not in answer.reasoning
                    assert example.reasoning.endswith(answer.reasoning)
                assert (row.wanted == example.plan) == (task in ("critique", "scores"))
                if task == "scores":
                    assert "[" not in written  # what is measured is given
                    assert t.decode(row.tokens).count("[side") == 3
                if task == "change":
                    assert written.count("[luma") == 3
                    assert row.edits == ((example.weak if weak else example.plan),)
                if task == "summarise":
                    said = answers.parse_request(written.removesuffix("<|eos|>"))
                    assert said == rows.plainly(example)
                    assert "[" not in said
                    assert t.decode(row.tokens).count("[luma") == 3  # of both photos, and the change
                if task == "critique":
                    metrics, scores, end = written.split("<|eos|>")
                    assert not end
                    opinion = answers.parse_metrics(metrics)
                    assert opinion.names == tuple(n for n, _ in example.metrics)
                    assert (opinion.plan, opinion.reasoning) == (example.plan, example.reasoning)
                    wanted = example.weak_scores if weak else example.scores
                    assert answers.parse_scores(scores, len(wanted)).scores == wanted
                    assert row.edits == ((example.weak if weak else example.plan),)


def test_batched_rendering_is_that_of_the_editor():
    photo = np.random.default_rng(0).uniform(0, 1, (SIZE, SIZE, 3)).astype(np.float32)
    for plan in (plan_of([Wish("brightness", -2, "sky"), Wish("warmth", 1)]), Plan()):
        ours = rendering.render(photo[None], [plan])[0]
        np.testing.assert_allclose(ours, np.clip(render(photo, plan), 0, 1), atol=2e-5)


def test_inversion_puts_a_spoiled_photo_right():
    pairs = records.read(build())
    clean = rendering.thumbnails(np.stack([c for _, c in pairs]).astype(np.float32) / 255, correction.SIDE)
    spoil = [Plan({"Exposure": -0.5, "Temperature": 20})] * len(pairs)
    spoiled = correction.spoiled(clean, spoil)
    right = correction.apply(spoiled, correction.invert(clean, spoiled))
    assert np.abs(right - clean).mean() < 0.35 * np.abs(spoiled - clean).mean()
