"""The report of a run: one HTML file that needs no network, no server and nothing beside it."""

import base64
import dataclasses
import html
import io
import os
import pathlib
import platform
import subprocess
from collections.abc import Mapping, Sequence

import numpy as np

from rtq.editor import Plan
from rtq.eval import curves

HERE = pathlib.Path(__file__).parent
QUALITY = 86  # of the JPEG pictures
LONGEST = 720  # pixels of a picture's long side
# last part of a metric's name → title, what to look for
HEALTH: Mapping[str, tuple[str, str]] = {
    "reward": ("Reward", "should rise"),
    "kl": ("KL to the reference", "should stay small"),
    "entropy": ("Entropy", "near 0: nothing is explored any more"),
    "length": ("Answer length", "tokens"),
    "clip_fraction": ("Clip fraction", "share of tokens whose ratio was clipped"),
    "sampler_gap": ("Sampler / trainer gap", "difference of log-probabilities; should be about 0"),
    "group_std": ("Reward spread in a group", "0: nothing to learn from"),
    "dead_groups": ("Dead groups", "share of groups without any spread"),
    "readable": ("Readable without the grammar", "share of answers sampled at temperature 1"),
    "pair_accuracy": ("Reward model on fresh pairs", "share of user's edits scored above the policy's"),
    "truth_gap": ("Gap to truth", "learned reward minus held-out truth; rising: the reward is being hacked"),
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A photo and its edits, to slide between.

    Attributes:
      before: uint8 or float32 (0–1) [H, W, 3].
      edits: name → picture of the same shape, e.g. "edit", "user's edit"; at least one, the first is shown.
      request: what was asked.
      plan: the first edit's, or None.
      critique: the reward model's words, "" for none.
      scores: name → number, e.g. {"SC": 7.1}.
    """

    before: np.ndarray
    edits: Mapping[str, np.ndarray]
    request: str
    plan: Plan | None = None
    critique: str = ""
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of strings or numbers under a header."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report shows. metrics: name of a stage → its metrics.jsonl; headline: label → figure, shown
    large. config: nested mappings (a ConfigDict's `to_dict()`)."""

    title: str
    summary: str = ""
    headline: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    metrics: Mapping[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    config: Mapping[str, object] = dataclasses.field(default_factory=dict)
    revision: str = ""
    hardware: str = ""
    command: str = ""


def write(folder: str | pathlib.Path, report: Report) -> pathlib.Path:
    """Writes `folder`/index.html, replacing it at once, and returns its path."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page = _page(report)
    new, path = folder / ".index.html.new", folder / "index.html"
    new.write_text(page, encoding="utf-8")
    os.replace(new, path)
    return path


def git_revision() -> str:
    """Short commit of the code, "+ changes" if files differ from it; "unknown" outside a checkout."""
    def git(*words):
        done = subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (" + changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe_hardware() -> str:
    """The devices that jax uses, processor, memory and versions, in one line."""
    import jax

    devices = jax.devices()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{len(devices)} × {devices[0].device_kind}, {os.cpu_count()} CPU cores, {memory:.0f} GiB memory, "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, jax {jax.__version__}")


def _page(report: Report) -> str:
    parts = [("results", "Results", _tables(report.tables)), ("pictures", "Pictures", _pictures(report.pictures)),
             *_curves(report.metrics), ("run", "The run", _run(report))]
    parts = [(name, title, body) for name, title, body in parts if body]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in parts)
    sections = "".join(f'<section id="{name}"><h2>{title}</h2>{body}</section>' for name, title, body in parts)
    tiles = _facts(report.headline, "tiles")
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(report.title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
            f'<style>{(HERE / "report.css").read_text(encoding="utf-8")}</style></head><body>'
            f'<header><h1>{_text(report.title)}</h1>{_paragraph("lead", report.summary)}'
            f'{tiles}<nav aria-label="Sections">{links}</nav></header>'
            f'<main>{sections}</main>'
            f'<script>{(HERE / "report.js").read_text(encoding="utf-8")}</script></body></html>\n')


def _text(value) -> str:
    return html.escape(str(value))


def _paragraph(kind: str, words: str) -> str:
    return f'<p class="{kind}">{_text(words)}</p>' if words else ""


def _facts(facts: Mapping[str, str], kind: str) -> str:
    items = "".join(f"<div><dt>{_text(label)}</dt><dd>{_text(words)}</dd></div>" for label, words in facts.items())
    return f'<dl class="{kind}">{items}</dl>' if items else ""


def _cell(value: str | float) -> str:
    return curves.number(float(value)) if isinstance(value, (int, float, np.number)) else _text(value)


def _tables(tables: Sequence[Table]) -> str:
    return "".join(_table(table) for table in tables)


def _table(table: Table) -> str:
    wrong = [row for row in table.rows if len(row) != len(table.header)]
    if wrong:
        raise ValueError(f"table {table.title!r}: a row of {len(wrong[0])} cells under {len(table.header)} columns")
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in table.header)
    body = ""
    for row in table.rows:
        cells = [_cell(x) for x in row]
        body += f'<tr><th scope="row">{cells[0]}</th>{"".join(f"<td>{cell}</td>" for cell in cells[1:])}</tr>'
    return (f'<figure class="table"><figcaption><strong>{_text(table.title)}</strong></figcaption>'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(table.title)}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
            f'{_paragraph("note", table.note)}</figure>')


def _pictures(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    cards = "".join(_card(i, picture) for i, picture in enumerate(pictures))
    return ('<p class="note">Drag across a picture, or focus it and press the arrow keys: left of the line is the '
            f'photo before, right of it the edit.</p><div class="cards">{cards}</div>')


def _card(i: int, picture: Picture) -> str:
    if not picture.edits:
        raise ValueError(f"picture {i}: no edit to show")
    height, width = picture.before.shape[:2]
    wrong = [name for name, edit in picture.edits.items() if edit.shape != picture.before.shape]
    if wrong:
        raise ValueError(f"picture {i}: {wrong[0]!r} has another shape than the photo before")
    images, buttons = "", ""
    for k, (name, edit) in enumerate(picture.edits.items()):
        name, hidden, pressed = _text(name), " hidden" if k else "", "false" if k else "true"
        images += f'<img class="after" data-edit="{k}" src="{_jpeg(edit)}" alt="{name}"{hidden}>'
        buttons += f'<button type="button" data-edit="{k}" aria-pressed="{pressed}">{name}</button>'
    switch = f'<div class="switch" role="group" aria-label="Edit">{buttons}</div>' if len(picture.edits) > 1 else ""
    scores = _facts({name: curves.number(float(x)) for name, x in picture.scores.items()}, "scores")
    return (f'<article class="card"><div class="compare" style="--ratio:{width / height:.4f}">{images}'
            f'<img class="before" src="{_jpeg(picture.before)}" alt="before"><span class="line"></span>'
            '<span class="tag left">before</span>'
            f'<span class="tag right">{_text(next(iter(picture.edits)))}</span>'
            '<input type="range" min="0" max="100" step="1" value="50" aria-label="Percent of the photo before"></div>'
            f'{switch}<blockquote>{_text(picture.request)}</blockquote>{_plan(picture.plan)}{scores}'
            f'{_paragraph("critique", picture.critique)}</article>')


def plan_items(plan: Plan) -> list[str]:
    """A plan in short phrases: "Exposure +0.35", "linear mask: Shadows +20", …"""
    def values(sliders):
        return [f"{name} {value:+g}".replace("-", "−") for name, value in sliders.items()]

    items = values(plan.sliders)
    for local in plan.locals:
        where = " ".join(f"{part.kind}{f' {part.name}' if part.name else ''}" for part in local.mask)
        items += [f"{where} mask: {item}" for item in values(local.sliders)]
    items += [f"{name} curve" for name in plan.curves]
    return items + (["crop"] if plan.crop else []) + ([f"amount {plan.amount}%"] if plan.amount != 100 else [])


def _plan(plan: Plan | None) -> str:
    if plan is None:
        return ""
    items = plan_items(plan) or ["nothing"]
    return f'<ul class="plan" aria-label="Plan">{"".join(f"<li>{_text(item)}</li>" for item in items)}</ul>'


def _jpeg(picture: np.ndarray) -> str:
    """uint8 or float32 (0–1) [H, W, 3] → data URI."""
    from PIL import Image

    if picture.dtype != np.uint8:
        picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(picture)
    image.thumbnail((LONGEST, LONGEST))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _curves(metrics: Mapping[str, pathlib.Path]) -> list[tuple[str, str, str]]:
    """Sections: the figures of `HEALTH` with all stages in one chart each, then every curve of every stage."""
    stages = {stage: curves.read(path) for stage, path in metrics.items()}
    several = len(stages) > 1
    health = ""
    for key, (title, hint) in HEALTH.items():
        found = {}
        for stage, series in stages.items():
            for name, points in series.items():
                if name.split("/")[-1] == key:
                    before = name.rpartition("/")[0]
                    found[" ".join(x for x in (stage if several else "", before) if x)] = points
        health += curves.chart(title, found, hint) if found else ""
    rest = ""
    for stage, series in stages.items():
        charts = "".join(curves.chart(name, {"": points}) for name, points in sorted(series.items()))
        head = f"<summary>{_text(stage)}: {len(series)} curves</summary>"
        rest += f'<details>{head}<div class="charts">{charts}</div></details>'
    note = _paragraph("note", "Against training steps. Faint: as logged; strong: smoothed; in figures: the last value.")
    health = f'{note}<div class="charts">{health}</div>' if health else ""
    return [("health", "Health", health), ("curves", "All curves", rest)]


def _flat(config: Mapping, prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key in config:
        value, name = config[key], f"{prefix}{key}"
        rows += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, str(value))]
    return rows


def _run(report: Report) -> str:
    facts = {"Command": report.command, "Revision": report.revision, "Hardware": report.hardware}
    lines = _facts({label: words for label, words in facts.items() if words}, "facts")
    rows = "".join(f'<tr><th scope="row">{_text(k)}</th><td>{_text(v)}</td></tr>' for k, v in _flat(report.config))
    table = f'<div class="scroll"><table class="config"><tbody>{rows}</tbody></table></div>'
    config = f"<details><summary>Configuration</summary>{table}</details>" if rows else ""
    return lines + config
