"""What the models may write, as regular expressions derived from the slider table and the masks' numbers.

They use only syntax that Python's `re` and Rust's regex read alike. A plan's grammar holds the canonical form that
`Plan.to_json` writes and nothing else: sliders in table order, no neutral values, numbers of the table's grid. Masks
are single, and their numbers lie on a coarse grid (`MASK_GRID`): a model sees no finer, and the table stays small. Not
in the grammar: point curves, crop, bitmap masks, combined masks, amounts, and a local adjustment without sliders.
"""

import collections
import dataclasses
import functools
import json
import re
from collections.abc import Iterable

from rtq.editor.plan import MASK_NUMBERS, VERSION, Local, Mask, Plan, number, slider_range
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS, Slider

_PLACES = tuple(range(0, 1001, 50))
_PERCENTS = tuple(range(0, 101, 10))
# kind → the values each number may take
MASK_GRID: dict[str, tuple[tuple[int, ...], ...]] = {
    "linear": (_PLACES,) * 4,
    "radial": (_PLACES, _PLACES, _PLACES[1:], _PLACES[1:], tuple(range(-90, 91, 15)), _PERCENTS),
    "luminance": (_PERCENTS,) * 3,
    "color": (tuple(range(0, 256, 15)),) * 3 + (_PERCENTS[1:],),
}
_MIDDLE = 500
MAX_METRICS = 5
DIGITS = tuple(str(i) for i in range(11))
# For tokenizers in which 10 is two tokens. The space belongs to the token.
WORDS = (" zero", " one", " two", " three", " four", " five", " six", " seven", " eight", " nine", " ten")

THINK = r"<think>[^<]*</think>"
REQUEST = r"<request>[^<\s\x00-\x1f][^<]*</request>"
METRIC_NAME = r"[!-$&'*-:=-~](?: ?[!-$&'*-:=-~])*"  # printable ASCII without % ( ) ; <


@dataclasses.dataclass(frozen=True)
class Options:
    """What a policy may use.

    Attributes:
      sliders: names of the global sliders.
      local_sliders: names of the sliders inside local adjustments.
      max_locals: how many local adjustments, 0 to 4.
      kinds: mask kinds out of those of `MASK_GRID`.
      regions: names that a "region" mask may have; none: no such mask.
    """

    sliders: tuple[str, ...] = tuple(row.name for row in SLIDERS)
    local_sliders: tuple[str, ...] = tuple(row.name for row in LOCAL_SLIDERS)
    max_locals: int = 3
    kinds: tuple[str, ...] = tuple(MASK_GRID)
    regions: tuple[str, ...] = ()


EVERYTHING = Options()


def answer_regex(options: Options = EVERYTHING) -> str:
    """`<think>…</think><answer>{plan JSON}</answer>`; the reasoning holds any character but "<"."""
    return f"{THINK}<answer>{plan_regex(options)}</answer>"


@functools.lru_cache(maxsize=8)
def plan_regex(options: Options = EVERYTHING) -> str:
    """Canonical plan JSON."""
    sliders = _entries(SLIDERS, options.sliders, local=False)
    out = rf'\{{"v":{VERSION}' + "".join(f"(?:{e})?" for e in sliders)
    masks = _mask_alternatives(options)
    local_sliders = _entries(LOCAL_SLIDERS, options.local_sliders, local=True)
    if options.max_locals and masks and local_sliders:
        one = rf'\{{"mask":\[\{{(?:{masks})(?:,"invert":true)?\}}\]{_at_least_one(local_sliders)}\}}'
        more = ""
        for _ in range(options.max_locals - 1):
            more = f"(?:,{one}{more})?"
        out += rf'(?:,"local":\[{one}{more}\])?'
    return out + r"\}"


def metrics_regex(options: Options = EVERYTHING, max_metrics: int = MAX_METRICS) -> str:
    """An answer, then `<metrics>name (40%);name (60%)</metrics>` with 1 to `max_metrics` metrics."""
    metric = rf"{METRIC_NAME} \({one_of(str(n) for n in range(1, 101))}%\)"
    return rf"{answer_regex(options)}<metrics>{metric}(?:;{metric}){{0,{max_metrics - 1}}}</metrics>"


def scores_regex(metrics: int, texts: tuple[str, ...] = DIGITS) -> str:
    """`<think>…</think><scores>7,8</scores>` with exactly `metrics` scores, each one of `texts`."""
    score = one_of(texts)
    return rf"{THINK}<scores>{score}(?:,{score}){{{metrics - 1}}}</scores>"


def request_regex() -> str:
    """`<request>…</request>`, what the summarise task writes."""
    return REQUEST


def one_of(words: Iterable[str]) -> str:
    """A regex of exactly these words, common beginnings and endings shared."""
    return _one_of(frozenset(words))


@functools.cache
def _one_of(words: frozenset[str]) -> str:
    tails = collections.defaultdict(set)
    for word in words:
        if word:
            tails[word[0]].add(word[1:])
    firsts = collections.defaultdict(list)
    for first in sorted(tails):
        firsts[frozenset(tails[first])].append(re.escape(first))
    parts = []
    for tail, letters in firsts.items():
        head = letters[0] if len(letters) == 1 else f"[{''.join(letters)}]"
        parts.append(head + (_one_of(tail) if tail != {""} else ""))
    body = parts[0] if len(parts) == 1 and len(words) == 1 else f"(?:{'|'.join(parts)})"
    return body + "?" if "" in words else body


def slider_texts(row: Slider, local: bool) -> tuple[str, ...]:
    """Every value but the neutral one, as plan JSON writes it."""
    lo, hi, step = slider_range(row, local)
    values = (number(row.name, lo + i * step, lo, hi, step) for i in range(round((hi - lo) / step) + 1))
    neutral = 0 if local else row.neutral
    return tuple(json.dumps(v) for v in values if v != neutral)


def _entries(rows: tuple[Slider, ...], names: tuple[str, ...], local: bool) -> list[str]:
    unknown = set(names) - {row.name for row in rows}
    if unknown:
        raise ValueError(f"grammar: no {'local ' if local else ''}slider is called {', '.join(sorted(unknown))}")
    return [f',"{row.name}":{one_of(slider_texts(row, local))}' for row in rows if row.name in names]


def _at_least_one(entries: list[str]) -> str:
    """A non-empty subsequence of the entries."""
    starts = (entries[i] + "".join(f"(?:{e})?" for e in entries[i + 1 :]) for i in range(len(entries)))
    return f"(?:{'|'.join(starts)})"


def _mask_alternatives(options: Options) -> str:
    unknown = set(options.kinds) - set(MASK_GRID)
    if unknown:
        raise ValueError(f"grammar: no mask kind is {', '.join(sorted(unknown))}; allowed: {', '.join(MASK_GRID)}")
    masks = [rf'"{kind}":\[{_mask_numbers(kind)}\]' for kind in MASK_GRID if kind in options.kinds]
    if options.regions:
        masks.append(f'"region":{one_of(json.dumps(name, ensure_ascii=False) for name in options.regions)}')
    return "|".join(masks)


def _mask_numbers(kind: str) -> str:
    def values(allowed):
        return one_of(map(str, allowed))

    if kind == "linear":
        # Two different points. Of a gradient straight up or down x says nothing: it is always the middle.
        slanted = (f"{x},{values(_PLACES)},{values(p for p in _PLACES if p != x)},{values(_PLACES)}" for x in _PLACES)
        upright = (f"{_MIDDLE},{y},{_MIDDLE},{values(p for p in _PLACES if p != y)}" for y in _PLACES)
        return f"(?:{'|'.join((*slanted, *upright))})"
    if kind == "luminance":
        ranges = (f"{lo},{values(p for p in _PERCENTS if p >= lo)},{values(_PERCENTS)}" for lo in _PERCENTS)
        return f"(?:{'|'.join(ranges)})"
    return ",".join(values(allowed) for allowed in MASK_GRID[kind])


@functools.lru_cache(maxsize=8)
def _plan_pattern(options: Options) -> re.Pattern:
    return re.compile(plan_regex(options))  # a second


def permitted(plan: Plan, options: Options = EVERYTHING) -> bool:
    """Whether a policy with these options can write the plan."""
    return _plan_pattern(options).fullmatch(plan.to_json()) is not None


def on_grid(plan: Plan) -> Plan:
    """The plan with its masks' numbers moved to the nearest of `MASK_GRID`; what the grammar lacks otherwise stays."""
    moved = (Local(tuple(map(_mask_on_grid, local.mask)), local.sliders, local.amount) for local in plan.locals)
    return dataclasses.replace(plan, locals=tuple(moved))


def _mask_on_grid(mask: Mask) -> Mask:
    if mask.kind not in MASK_NUMBERS:
        return mask
    grid = MASK_GRID[mask.kind]
    numbers = [min(allowed, key=lambda a, n=n: abs(a - n)) for n, allowed in zip(mask.numbers, grid, strict=True)]
    if mask.kind == "linear" and numbers[0] == numbers[2]:
        if numbers[1] == numbers[3]:  # too short for the grid: one step along its longer axis
            numbers = _stretched(mask.numbers, numbers)
        if numbers[0] == numbers[2]:
            numbers[0] = numbers[2] = _MIDDLE
    return dataclasses.replace(mask, numbers=tuple(numbers))


def _stretched(exact: tuple[int, ...], near: list[int]) -> list[int]:
    dx, dy = exact[2] - exact[0], exact[3] - exact[1]
    axis = 0 if abs(dx) > abs(dy) else 1
    step = _PLACES[1] if (dx, dy)[axis] > 0 else -_PLACES[1]
    out = list(near)
    if 0 <= out[2 + axis] + step <= _PLACES[-1]:
        out[2 + axis] += step
    else:
        out[axis] -= step
    return out
