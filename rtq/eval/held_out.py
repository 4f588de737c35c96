"""What a finished model is measured on: photos that it has not seen, and examples that the studio makes of them.

Everything is measured at twice the side that models see.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from rtq.data import drafts, photos, rendering, requests, studio
from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.data.vocabulary import WORDS
from rtq.eval import cases, judge, pictures, policy, words
from rtq.text.grammar import Options

SPLITS = (*photos.SPLITS, "all")
DEGREES = ("slightly", "", "a lot")


@dataclasses.dataclass(frozen=True)
class Held:
    """N examples. before, user: float32[N, 2S, 2S, 3]; requests: one for each; cases: for truth."""

    examples: list[Example]
    requests: list[str]
    before: np.ndarray
    user: np.ndarray
    cases: list[judge.Case]

    @property
    def keys(self) -> list[str]:
        """Photos, by which errors are estimated."""
        return [example.key for example in self.examples]


def sources(folder: str, split: str, seed: int) -> tuple[list[photos.Source], list[photos.Source]]:
    """(photos to measure on, photos from which the studio learns what vague requests want).

    folder: "" for those that come with two Python packages. split: "test" with the seed of the training data leaves out
    what was trained on; "all" is for folders that nothing was trained on.

    Raises:
      ValueError: one line: unknown split, or no photos.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; choose from {', '.join(SPLITS)}")
    found, _ = photos.readable(photos.sources(folder or None))
    if split == "all":
        return found, found
    sides = photos.split(found, seed)
    return sides[split], sides["train"]


def squares(found: Sequence[photos.Source], side: int) -> tuple[list[str], np.ndarray]:
    """(keys, float32[N, side, side, 3])."""
    return [source.key for source in found], np.stack([policy.square(source.load(), side) for source in found])


def examples(
    test: Sequence[photos.Source], known: Sequence[photos.Source], *, count: int, seed: int, side: int,
    options: Options = POCKET,
) -> Held:  # fmt: skip
    """`count` examples in crops of `side` (2S) pixels; requests take turns: terse, plain, detailed."""
    counts: collections.Counter = collections.Counter()
    experience = studio.learn(known, seed, side // 2)
    settings = (seed, "test", side, options, drafts.KINDS)
    made = studio.examples(test, (7,), settings, experience, counts)
    pairs = [next(made) for _ in range(count)]
    some = [example for example, _ in pairs]
    clean = np.stack([crop for _, crop in pairs]).astype(np.float32) / 255
    before = pictures.quantised(rendering.render(clean, [example.spoil for example in some]))
    user = rendering.render(before, [example.plan for example in some])
    found = [cases.case(*triple) for triple in zip(some, before, user, strict=True)]
    return Held(some, [e.requests[i % 3] for i, e in enumerate(some)], before, user, found)


def asked(held: Held) -> list[words.Asked]:
    """The examples' requests whose signs can be measured anywhere."""
    signs = [words.signs_of(example.attributes) for example in held.examples]
    named = zip(held.examples, held.requests, signs, strict=True)
    return [words.Asked(request, sign) for example, request, sign in named if sign and example.kind != "vague"]


def graded(seed: int, wordings: int) -> list[words.Graded]:
    """Slightly, plainly, a lot, in the same words: at most `wordings` for each attribute and sign of one measure."""
    items, rng = [], np.random.default_rng(seed)
    for (name, sign), own in WORDS.items():
        signs = list(words.signs_of({name: sign}).items())
        if len(signs) != 1 or name == "mono":  # there is no more or less of black and white
            continue
        frames = [f"make it {{0}} {word}" for word in own.adjectives] + [f"{word} it {{0}}" for word in own.verbs]
        frames += [f"{{0}} more {word}" for word in own.nouns]
        for frame in rng.permutation(frames)[:wordings]:
            texts = tuple(" ".join(frame.format(degree).split()) for degree in DEGREES)
            items.append(words.Graded(texts, *signs[0]))
    return items


def known_words(draws: int = 40) -> frozenset[str]:
    """Words that the studio's requests are made of, from `draws` requests for each wish."""
    rng, texts = np.random.default_rng(0), []
    for _ in range(draws):
        for scope in drafts.SCOPES:
            texts += requests.write_vague(scope, rng)
        for kind in drafts.WISHES:
            for _ in range(40):
                texts += requests.write(drafts.WISHES[kind](rng), rng)
    return frozenset(words.out_of_vocabulary(texts, frozenset()))
