"""A reward model that is ready to judge: scores as reinforcement learning has them, for edits of photos.

    worth = reward.Reward(policy.load(folder), batch=16)
    worth(photos, requests, edits)
"""

from collections.abc import Sequence

import jax
import numpy as np

from rtq.data import measure
from rtq.data.options import POCKET
from rtq.editor import compilation
from rtq.editor.plan_arrays import PlanArrays
from rtq.eval import policy
from rtq.rl import grammars, rollout, scoring
from rtq.text import prompts, showing

_write = jax.jit(scoring.write_metrics, static_argnames=("cfg", "group", "max_new_tokens"))
_score = jax.jit(scoring.score, static_argnames=("cfg", "max_new_tokens"))
_EDITING = rollout.executor(POCKET)


@compilation.jit
def _measured(photos: jax.Array, plans: PlanArrays, edits: jax.Array) -> jax.Array:
    """int32[B, 33]: what is measured of edits, G of each photo, beside the reward model's own."""
    return measure.judged(photos, rollout.render_edits(photos, plans, _EDITING), edits)


class Reward:
    """Expected scores under metrics that are written once for each photo and request."""

    def __init__(self, model: policy.Policy, *, batch: int, metrics_tokens: int, score_tokens: int):
        """model: loaded like a policy. batch: photos at once. metrics_tokens, score_tokens: room for its replies."""
        self._model, self._batch, self._room = model, batch, (metrics_tokens, score_tokens)
        self._grammar = grammars.critiques(model.tokenizer, POCKET, model.cfg.vocab_size)
        self._image_tokens = rollout.image_side(model.cfg, model.settings.photo) ** 2
        self._turn = showing.turn(model.tokenizer, self._image_tokens)

    def __call__(self, photos: np.ndarray, requests: Sequence[str], edits: np.ndarray) -> np.ndarray:
        """float32[P, G] in 0..1 for photos float32[P, S, S, 3], their requests and edits float32[P, G, S, S, 3]."""
        out = []
        for start in range(0, len(photos), self._batch):
            some = np.minimum(np.arange(start, start + self._batch), len(photos) - 1)  # the last fills up
            out.append(self._judged(photos[some], [requests[i] for i in some], edits[some]))
        return np.concatenate(out)[: len(photos)]

    def _judged(self, photos: np.ndarray, requests: Sequence[str], edits: np.ndarray) -> np.ndarray:
        model = self._model
        messages = [prompts.critique_metrics(request, POCKET) for request in requests]
        rows = [prompts.render(model.tokenizer, m, [self._image_tokens]) for m in messages]
        tokens, valid = policy.padded(rows, policy.BUCKET, model.tokenizer.pad_id)
        written, context = _write(
            model.cfg, model.params, photos, tokens, valid, self._grammar, key=jax.random.key(0),
            seeds=np.arange(len(rows), dtype=np.int32), group=1, max_new_tokens=self._room[0],
        )  # fmt: skip
        opinions = scoring.read_metrics(np.asarray(written.tokens), model.tokenizer)
        flat = edits.reshape(-1, *edits.shape[2:])
        shown = showing.fill(self._turn, _measured(photos, opinions.plans, flat))
        worth, _ = _score(model.cfg, model.params, context, written, flat, opinions, shown, self._grammar,
                          max_new_tokens=self._room[1])  # fmt: skip
        return np.asarray(worth).reshape(edits.shape[:2])
