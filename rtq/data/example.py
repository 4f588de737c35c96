"""One training example: a crop of a photo, a hidden spoil, a request three times, the user's plan and a weak one."""

import dataclasses
import json

from rtq.editor import Plan

PLANS = ("spoil", "plan", "weak")


@dataclasses.dataclass(frozen=True)
class Example:
    """What the studio makes. Every text and number in it is known before any model runs.

    Attributes:
      key: of the photo. split: "train", "validation" or "test".
      box: left, top, right, bottom of the crop in thousandths. flip: mirrored left to right.
      kind: how it was made, one of `drafts.KINDS`.
      spoil: hidden plan applied to the crop before anyone sees it; neutral if none.
      plan: the user's plan, on the spoiled photo. weak: one that is measurably worse.
      requests: terse, plain, detailed.
      attributes: what is asked for by name, signed level 1 to 3 (negative: less of it).
      reasoning: facts of the spoiled photo and a short sentence.
      metrics: (name, percent), the percents sum to 100. metrics_reasoning: facts of the photo.
      scores, weak_scores: 0 to 10 for each metric.
      change, weak_change: measured facts of the two edits and their changes, as `facts_text` and `changes_text`.
      feedback: words that lead from `weak` to `plan`.
    """

    key: str
    split: str
    box: tuple[int, int, int, int]
    flip: bool
    kind: str
    spoil: Plan
    plan: Plan
    weak: Plan
    requests: tuple[str, str, str]
    attributes: dict[str, int]
    reasoning: str
    metrics: tuple[tuple[str, int], ...]
    metrics_reasoning: str
    scores: tuple[int, ...]
    weak_scores: tuple[int, ...]
    change: str
    weak_change: str
    feedback: str

    def to_json(self) -> str:
        """Compact JSON; plans as strings of their own JSON."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(values | {name: values[name].to_json() for name in PLANS}, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Example":
        """What `to_json` wrote."""
        values = json.loads(text)
        for name in PLANS:
            values[name] = Plan.from_json(values[name])
        for name in ("box", "requests", "scores", "weak_scores"):
            values[name] = tuple(values[name])
        values["metrics"] = tuple((name, percent) for name, percent in values["metrics"])
        return Example(**values)
