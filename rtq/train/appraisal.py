"""What a policy reaches on held-out photos while it trains: likeliest answers to the same few requests every time."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from rtq.data.batches import PromptBatch
from rtq.data.example import Example
from rtq.editor import Plan
from rtq.eval import cases, grid, judge, report
from rtq.rl import losses, rollout
from rtq.text.answers import Failure, parse_metrics
from rtq.text.tokenizer import Tokenizer
from rtq.train import policy_turn

JUDGED = 64  # answers that truth looks at, once per evaluation
EDIT, USERS = "policy's edit", "user's edit"
# (reward model, prompts, plans, what was appraised) → more metrics of a batch
Also = Callable[[Any, PromptBatch, list[Plan | None], policy_turn.Appraised], dict[str, losses.Pair]]


class Appraiser:
    """Call it with (policy, reward model or None) → {"validation/…": number}.

    `pictures` are some of the answers as of the last call. "truth" is O / 10 of `eval.judge` at training resolution, of
    at most `JUDGED` answers of this host; "truth_gap" is how much the learned reward promises beyond it. Neither is
    ever trained on. "readable": the share of answers, sampled at temperature 1 without the grammar, that are plans.
    """

    def __init__(
        self, play: policy_turn.Turn, batches: Sequence[tuple[PromptBatch, list[Example]]], devices: Any,
        tokenizer: Tokenizer, shown: int, free: Callable[[Any, PromptBatch], Any], also: Also | None = None,
    ):  # fmt: skip
        """free: (policy, batch) → tokens int32[P, T] of answers without the grammar."""
        self._play, self._batches, self._devices, self._tokenizer = play, batches, devices, tokenizer
        self._shown, self._free, self._also = shown, free, also
        self.pictures: list[report.Picture] = []

    def __call__(self, policy: Any, reward: Any) -> dict[str, float]:
        models, rows, seen = policy_turn.Models(policy, None, reward), [], 0
        self.pictures = []
        for batch, examples in self._batches:
            out, health, plans = self._play.play(models, batch, jax.random.key(0))
            row = jax.device_get(health)
            texts = rollout.to_plans(np.asarray(self._free(policy, batch)), self._tokenizer)
            row["readable"] = sum(plan is not None for plan in texts), len(texts)
            if self._also is not None:
                row |= self._also(reward, batch, plans, out)
            whole = self._devices.fetch(out)
            some = min(len(examples), JUDGED - seen)
            seen += some
            verdicts = [_judged(example, whole, i) for i, example in enumerate(examples[:some])]
            rows.append(row | _truth(verdicts, whole.scored.each.get("learned")))
            free = min(self._shown - len(self.pictures), some)
            self.pictures += [
                _picture(batch, example, plan, whole, i, verdict, self._tokenizer)
                for i, (example, plan, verdict) in enumerate(zip(examples[:free], plans, verdicts, strict=False))
            ]
        return means(rows)

    def picture(self) -> np.ndarray | None:
        """`pictures` as one, uint8[H, W, 3]."""
        return sheet(self.pictures)


def sheet(pictures: Sequence[report.Picture]) -> np.ndarray | None:
    """What a report shows as one picture, uint8[H, W, 3]; None without any."""
    if not pictures:
        return None
    return grid.draw(
        [grid.Sample(p.before, p.edits[EDIT], p.edits[USERS], p.request, p.plan, p.critique) for p in pictures]
    )


def means(rows: list[dict[str, losses.Pair]]) -> dict[str, float]:
    """Metrics of several batches → "validation/NAME"; what counts nothing, and the host's share, are left out."""
    sums: dict[str, np.ndarray] = {}
    for row in rows:
        for name, pair in row.items():
            sums[name] = sums.get(name, np.zeros(2)) + np.array(pair, np.float64)
    kept = {name: pair for name, pair in sums.items() if name != policy_turn.HOST and pair[1]}
    return {f"validation/{name}": float(total / count) for name, (total, count) in kept.items()}


def words(tokens: np.ndarray, example: Example, tokenizer: Tokenizer) -> str:
    """Which of the example's requests a prompt's tokens hold."""
    text = tokenizer.decode([int(t) for t in tokens if t not in tokenizer.control])
    return max((request for request in example.requests if request in text), key=len, default=text)


def _judged(example: Example, whole: policy_turn.Appraised, i: int) -> judge.Verdict:
    case = cases.case(example, whole.seen[i], whole.scored.wanted[i])
    return judge.judge(case, whole.scored.edits[i])


def _truth(verdicts: list[judge.Verdict], learned: np.ndarray | None) -> dict[str, losses.Pair]:
    count, total = float(len(verdicts)), sum(verdict.o for verdict in verdicts) / 10
    gap = {} if learned is None else {"truth_gap": (float(learned[: len(verdicts)].sum()) - total, count)}
    return {"truth": (total, count), **gap}


def _picture(
    batch: PromptBatch, example: Example, plan: Plan | None, whole: policy_turn.Appraised, i: int,
    verdict: judge.Verdict, tokenizer: Tokenizer,
) -> report.Picture:  # fmt: skip
    edits = {EDIT: whole.scored.edits[i], USERS: whole.scored.wanted[i]}
    scores = {"SC": verdict.sc, "PQ": verdict.pq, "O": verdict.o, "ΔE to the user": float(whole.scored.difference[i])}
    critique = ""
    if whole.metrics is not None:
        scores["learned reward"] = float(whole.scored.each["learned"][i])
        critique = _critique(whole.metrics[i], whole.weights[i], whole.scored.scores[i], tokenizer)
    request = words(batch.tokens[i][batch.valid[i]], example, tokenizer)
    return report.Picture(whole.seen[i], edits, request, plan, critique, scores)


def _critique(tokens: np.ndarray, weights: np.ndarray, scores: np.ndarray, tokenizer: Tokenizer) -> str:
    """"own plan: Exposure +0.5; warm tones (60%) 7.1; natural look (40%) 8.4": metrics with expected scores."""
    read = parse_metrics(tokenizer.decode_answer(tokens.tolist()))
    if isinstance(read, Failure):
        return ""
    parts = zip(read.names, weights, scores, strict=False)
    scored = (f"{name} ({100 * weight:.0f}%) {score:.1f}" for name, weight, score in parts)
    own = ", ".join(report.plan_items(read.plan)) or "nothing"
    return "; ".join([f"own plan: {own}", *scored])
