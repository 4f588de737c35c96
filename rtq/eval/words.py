"""Does the policy understand words? Signs of what it changed, measured in pixels, against signs asked for by people.

The plan is rendered on the photo and measured (`rtq.eval.changes`); names of sliders count for nothing. Where a photo
cannot show an attribute (no blue in it, a nearly even tone, grey), the same plan is measured on a chart that holds
every tone and hue. A compound request counts only if all its signs are right.

A policy is a callable (photos float32[B, S, S, 3], requests) -> B plans. Photos are measured at 2S.
"""

import collections
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from rtq.editor import Plan
from rtq.eval import metrics, pictures
from rtq.eval.changes import changes
from rtq.eval.judge import asks_of
from rtq.text.answers import Failure, parse_answer

Policy = Callable[[np.ndarray, Sequence[str]], Sequence[Plan]]
LEAST = 0.15  # levels: less is no change
LEAST_MONO = 2.0  # black and white is not merely pale
EVEN = 15.0  # L* between the darkest and the lightest tenth: less has no tones to set against each other
GREY = 3.0  # mean chroma: less has no colours to strengthen
_TONAL = {"contrast", "highlights", "shadows", "whites", "blacks", "haze", "fade"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request and the signs it asks for: attribute, or "place:attribute", → −1 or 1."""

    request: str
    signs: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Graded:
    """Three requests for the same thing: slightly, plainly, a lot."""

    requests: tuple[str, str, str]
    attribute: str
    sign: int


@dataclasses.dataclass(frozen=True)
class Signs:
    """right: bool[N], all signs of a request; by_attribute → (right, all); wrong: what was missed, in words."""

    right: np.ndarray
    by_attribute: Mapping[str, tuple[int, int]]
    wrong: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Share of requests with all signs right."""
        return float(self.right.mean())


def signs_of(levels: Mapping[str, float]) -> dict[str, int]:
    """Signs from attribute → level as training examples name them, aliases translated as in `judge.asks_of`.

    Only what can be measured anywhere on a photo is kept; a style alone gives no signs.
    """
    return {ask.attribute: 1 if ask.level > 0 else -1 for ask in asks_of(levels)}


def place(name: str, height: int, width: int) -> np.ndarray:
    """Where a place usually is, for photos without a segmentation: float32[height, width] in 0–1.

    Sky is at the top, foreground at the bottom, subject and face in the middle, background around them.
    """
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    across = np.linspace(-1, 1, width, dtype=np.float32)
    middle = np.clip(1.5 - 2 * np.hypot(2 * down - 1, across[None]), 0, 1)
    places = {"sky": np.clip(1.2 - 3 * down, 0, 1), "foreground": np.clip(3 * down - 1.8, 0, 1), "subject": middle,
              "face": middle, "background": 1 - middle}
    if name not in places:
        raise ValueError(f"place {name!r} is unknown; allowed: {', '.join(places)}")
    return places[name]


def chart(side: int) -> np.ndarray:
    """A synthetic photo with every tone and hue and some detail: float32[side, side, 3]."""
    across = np.linspace(0, 1, side, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    channel = np.array([0, 2, 4], np.float32) / 6
    hue = np.clip(np.abs((across[..., None] + channel) % 1 * 6 - 3) - 1, 0, 1)
    strength = (0.25 + 0.5 * np.abs(np.sin(9 * np.pi * down)))[..., None]
    colors = (1 - strength + strength * hue) * (0.25 + 0.65 * down[..., None])
    greys = np.repeat((0.03 + 0.94 * across + 0 * down)[..., None], 3, -1)
    rows, columns = np.indices((side, side))
    detail = 0.02 * np.sin(2.1 * rows + 1.3 * columns) + 0.02 * np.sin(rows * 14 / side * np.pi)
    return np.clip(np.where((down < 0.35)[..., None], greys, colors) + detail[..., None], 0, 1).astype(np.float32)


def moved(before: np.ndarray, after: np.ndarray, name: str) -> float:
    """Signed change in levels of an attribute, or of "place:attribute" at its usual place; labels' names."""
    where, _, attribute = name.rpartition(":")
    region = place(where, *before.shape[:2]) if where else None
    return changes(before, after, region)[attribute]


def can_show(photo: np.ndarray, name: str) -> bool:
    """Whether a photo has the tones or colours that the attribute is about (hues: `changes` says 0 where absent)."""
    lab = metrics.lab(photo)
    if name in _TONAL:
        return float(np.diff(np.quantile(lab[..., 0], (0.1, 0.9)))[0]) >= EVEN
    return name not in ("saturation", "mono") or float(np.hypot(lab[..., 1], lab[..., 2]).mean()) >= GREY


def measured(photos: np.ndarray, index: Sequence[int], plans: Sequence[Plan],
             names: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    """What each plan does to its photo: {name: level}; on the chart where the photo cannot, or hardly, show it.

    Args:
      photos: float32[N, H, W, 3].
      index: M numbers of photos.
      plans: M plans.
      names: M times the attributes to measure, labels' names.
    """
    found: list[dict[str, float]] = [{} for _ in plans]
    for k, edit in pictures.each_rendered(photos, index, plans):
        photo = photos[index[k]]
        found[k] = {name: moved(photo, edit, name) if can_show(photo, name) else 0.0 for name in names[k]}
    unseen = [k for k, levels in enumerate(found) if any(abs(level) < LEAST for level in levels.values())]
    target = chart(photos.shape[1])
    for u, edit in pictures.each_rendered(target[None], [0] * len(unseen), [plans[k] for k in unseen]):
        levels = found[unseen[u]]
        levels |= {name: moved(target, edit, name) for name, level in levels.items() if abs(level) < LEAST}
    return found


def is_right(level: float, name: str, sign: int) -> bool:
    """Whether a change is noticeable and of the sign asked for."""
    return sign * level >= (LEAST_MONO if name.endswith("mono") and sign > 0 else LEAST)


def evaluate(policy: Policy, photos: np.ndarray, items: Sequence[Asked], *, batch: int = 32) -> Signs:
    """Signs of each request's answer; the i-th request meets photo i modulo N.

    Args:
      policy: see the module.
      photos: float32[N, 2S, 2S, 3] encoded sRGB 0–1.
      items: requests with at least one sign each.
      batch: requests per call of the policy.
    """
    vague = [item.request for item in items if not item.signs]
    if vague:
        raise ValueError(f"{len(vague)} requests without signs, the first is {vague[0]!r}")
    index = np.arange(len(items)) % len(photos)
    plans = answers(policy, photos, index, [item.request for item in items], batch)
    levels = measured(photos, index, plans, [list(item.signs) for item in items])
    right, wrong = [], []
    counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for item, plan, found in zip(items, plans, levels, strict=True):
        hits = {name: is_right(found[name], name, sign) for name, sign in item.signs.items()}
        for name, hit in hits.items():
            counts[name][0] += hit
            counts[name][1] += 1
        right.append(all(hits.values()))
        if not right[-1]:
            misses = ", ".join(f"{n} {item.signs[n]:+d} but {found[n]:+.2f}" for n, hit in hits.items() if not hit)
            wrong.append(f"{item.request!r}: {misses}; plan {plan.to_json()}")
    return Signs(np.array(right), {name: (a, b) for name, (a, b) in sorted(counts.items())}, tuple(wrong))


def graded(policy: Policy, photos: np.ndarray, items: Sequence[Graded], *, batch: int = 32) -> np.ndarray:
    """bool[N]: the change grows strictly from slightly over plainly to a lot, and has the sign asked for."""
    requests = [request for item in items for request in item.requests]
    index = np.repeat(np.arange(len(items)) % len(photos), 3)
    plans = answers(policy, photos, index, requests, batch)
    found = measured(photos, index, plans, [[item.attribute] for item in items for _ in range(3)])
    signs = np.array([[item.sign] for item in items])
    levels = signs * np.array([list(levels.values()) for levels in found]).reshape(-1, 3)
    return (levels[:, 0] >= LEAST) & (np.diff(levels, axis=1) > 0).all(1)


def answers(policy: Policy, photos, index, requests: Sequence[str], batch: int) -> list[Plan]:
    """The policy's plan for each request on photo `index[i]`, seen at half the resolution."""
    plans = []
    for start in range(0, len(requests), batch):
        some = slice(start, start + batch)
        got = list(policy(pictures.halved(photos[index[some]]), requests[some]))
        if len(got) != len(requests[some]):
            raise ValueError(f"the policy gave {len(got)} plans for {len(requests[some])} requests")
        plans += got
    return plans


def out_of_vocabulary(requests: Sequence[str], known: AbstractSet[str]) -> collections.Counter:
    """Words (lower case, letters and inner apostrophes) that are not in `known`, with how often each occurs."""
    words = collections.Counter(word.replace("’", "'") for text in requests for word in _WORD.findall(text.lower()))
    return collections.Counter({word: count for word, count in words.items() if word not in known})


def validity(texts: Sequence[str | bytes]) -> tuple[float, collections.Counter]:
    """(share of answers that parse, reasons of the others with counts), for answers sampled without the grammar."""
    if not texts:
        raise ValueError("no answers to check")
    failures = collections.Counter(parsed.reason for parsed in map(parse_answer, texts) if isinstance(parsed, Failure))
    return 1 - failures.total() / len(texts), failures
