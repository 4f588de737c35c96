"""What models wrote, read back. The parsers are total: a result, or a `Failure` with a reason of one line.

    answer     <think>…</think><answer>{plan JSON}</answer>
    metrics    <think>…</think><answer>{plan JSON}</answer><metrics>warm autumn tones (40%);natural skin (60%)</metrics>
    scores     <think>…</think><scores>7,8</scores>
    request    <request>…</request>

White space around and between the sections is allowed, other text is not.
"""

import dataclasses
import re
from collections.abc import Sequence

from rtq.editor import Plan
from rtq.text.grammar import DIGITS, METRIC_NAME, WORDS

MAX_CHARACTERS = 100_000
MAX_METRICS_READ = 20
_WEIGHT = re.compile(r"\d{1,3}(?:\.\d{1,6})?", re.ASCII)
_SCORES = {text.strip(): value for texts in (DIGITS, WORDS) for value, text in enumerate(texts)}


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a text could not be read: one line."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """The policy's answer."""

    plan: Plan
    reasoning: str = ""


@dataclasses.dataclass(frozen=True)
class Metrics:
    """What matters in this case. names; weights > 0, sum 1, as many; plan: what the judge itself would do."""

    names: tuple[str, ...]
    weights: tuple[float, ...]
    plan: Plan
    reasoning: str = ""


@dataclasses.dataclass(frozen=True)
class Scores:
    """One whole number from 0 to 10 for each metric."""

    scores: tuple[int, ...]
    reasoning: str = ""


def parse_answer(text: str | bytes) -> Answer | Failure:
    """Reads an answer to the edit and refine tasks."""
    try:
        reasoning, content = _think_and(text, "answer")
        return Answer(Plan.from_json(content), reasoning)
    except ValueError as error:
        return _failure(error)


def parse_metrics(text: str | bytes) -> Metrics | Failure:
    """Reads the first half of a critique; percentages need not sum to 100."""
    try:
        reasoning, plan, content = _think_and(text, "answer", "metrics")
        pairs = [_metric(item.strip()) for item in content.split(";")]
        if len(pairs) > MAX_METRICS_READ:
            raise ValueError(f"metrics: {len(pairs)} of them; at most {MAX_METRICS_READ} are allowed")
        total = sum(weight for _, weight in pairs)
        return Metrics(tuple(name for name, _ in pairs), tuple(weight / total for _, weight in pairs),
                       Plan.from_json(plan), reasoning)  # fmt: skip
    except ValueError as error:
        return _failure(error)


def parse_scores(text: str | bytes, count: int) -> Scores | Failure:
    """Reads the second half of a critique: exactly `count` scores."""
    try:
        reasoning, content = _think_and(text, "scores")
        items = [item.strip() for item in content.split(",")]
        for item in items:
            if item not in _SCORES:
                raise ValueError(f"scores: {item[:20]!r} is not a score; allowed: whole numbers from 0 to 10")
        if len(items) != count:
            raise ValueError(f"scores: {len(items)} for {count} metrics; each metric needs one")
        return Scores(tuple(_SCORES[item] for item in items), reasoning)
    except ValueError as error:
        return _failure(error)


def parse_request(text: str | bytes) -> str | Failure:
    """Reads the answer to the summarise task: the request, white space made single spaces."""
    try:
        content, rest = _section(_text(text), "request")
        if rest:
            raise ValueError(f"answer: {rest[:20]!r} after </request>")
        if not content.split():
            raise ValueError("request: empty")
        return " ".join(content.split())
    except ValueError as error:
        return _failure(error)


def scalar(metrics: Metrics, scores: Scores) -> float:
    """A critique's scalar: the weighted mean of its scores, 0 to 10."""
    if len(metrics.weights) != len(scores.scores):
        raise ValueError(f"{len(scores.scores)} scores for {len(metrics.weights)} metrics")
    return sum(w * s for w, s in zip(metrics.weights, scores.scores, strict=True))


def answer_text(plan: Plan, reasoning: str = "") -> str:
    """The answer as the policy should write it. Neither the reasoning nor a name in the plan may hold "<"."""
    content = plan.to_json()
    if "<" in content:
        raise ValueError(f'plan: may not hold "<", which the end of an answer begins with: {content[:80]}')
    return f"{_think(reasoning)}<answer>{content}</answer>"


def metrics_text(names: Sequence[str], percents: Sequence[int], plan: Plan, reasoning: str = "") -> str:
    """The first half of a critique; percents are whole numbers from 1 to 100, plan is what the judge would do."""
    items = []
    for name, percent in zip(names, percents, strict=True):
        if not 1 <= percent <= 100 or percent != int(percent):
            raise ValueError(f"metrics: weight {percent} of {name!r} is not a whole number from 1 to 100")
        plain = " ".join(name.split())
        if not re.fullmatch(METRIC_NAME, plain):
            raise ValueError(f"metrics: {name!r} is not printable ASCII without < ; % ( )")
        items.append(f"{plain} ({int(percent)}%)")
    return f"{answer_text(plan, reasoning)}<metrics>{';'.join(items)}</metrics>"


def scores_text(scores: Sequence[int], reasoning: str = "", texts: Sequence[str] = DIGITS) -> str:
    """The second half of a critique; `texts` as in `grammar.scores_regex`."""
    if not all(0 <= score <= 10 for score in scores):
        raise ValueError(f"scores: {tuple(scores)} are not all from 0 to 10")
    return f"{_think(reasoning)}<scores>{','.join(texts[score] for score in scores)}</scores>"


def request_text(request: str) -> str:
    """The answer to the summarise task."""
    if "<" in request or not request.strip():
        raise ValueError('request: empty, or holds "<"')
    return f"<request>{' '.join(request.split())}</request>"


def _think(reasoning: str) -> str:
    if "<" in reasoning:
        raise ValueError('reasoning: may not hold "<"')
    return f"<think>{reasoning}</think>"


def _think_and(text: str | bytes, *tags: str) -> tuple[str, ...]:
    """What stands in <think> and in each of the tags after it; nothing may follow."""
    content, rest = _section(_text(text), "think")
    found = [content]
    for tag in tags:
        content, rest = _section(rest, tag)
        found.append(content)
    if rest:
        raise ValueError(f"answer: {rest[:20]!r} after </{tags[-1]}>")
    return tuple(found)


def _text(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"answer: {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    return text.strip()


def _section(text: str, tag: str) -> tuple[str, str]:
    """(what stands in the section that opens the text, what follows it)."""
    if not text.startswith(f"<{tag}>"):
        raise ValueError(f"answer: {text[:20]!r} where <{tag}> is needed")
    content, closed, rest = text[len(tag) + 2 :].partition(f"</{tag}>")
    if not closed:
        raise ValueError(f"answer: <{tag}> is never closed")
    return content.strip(), rest.strip()


def _metric(item: str) -> tuple[str, float]:
    name, opened, weight = item.rpartition("(")
    name, digits = " ".join(name.split()), weight.removesuffix("%)").strip()
    if not opened or not weight.endswith("%)") or not name or not _WEIGHT.fullmatch(digits):
        raise ValueError(f"metrics: {item[:40]!r} is not of the form name (weight%)")
    if not 0 < float(digits) <= 100:
        raise ValueError(f"metrics: the weight of {name[:40]!r} is {digits}; allowed: above 0, up to 100")
    return name, float(digits)


def _failure(error: ValueError) -> Failure:
    return Failure(" ".join(str(error).split()))
