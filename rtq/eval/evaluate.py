"""The task `evaluate`: policies and reward models on photos that they have not seen.

WORKDIR gets evaluation.json (every figure, with standard errors by photo) and report/index.html. Of each policy (with
`config.edits_only` the first alone):

    edits     mean ΔE2000 to the user's edit; truth SC, PQ and O (`eval.judge`), on examples that the studio makes: of
              likeliest answers, also less those of the first policy ("lead"), and ΔE2000 and O of answers sampled at
              temperature 1, which is what RL rewards
    words     signs right in new requests of the studio, in held-out frames and combinations (`eval.frames`), in
              requests by people; slightly < plainly < a lot (`eval.words`)
    looking   what vague requests on spoiled photos gain, and what they gain with another photo shown (`eval.looking`)
    others    refine: ΔE2000 of the weak edit and of the answer to feedback on it; summarise: ΔE2000 of what the policy
              makes of its own summary of the user's edit
    validity  share of answers that can be read when they are sampled at temperature 1, without the grammar and with it

Of each reward model, for every policy: how often it puts the user's edit above the policy's, likeliest or sampled,
where truth tells them apart (ΔE2000 ≥ 2 or O ≥ 1 between them), how much more often than the first reward model on the
same pairs, and how it ranks the samples of one request, against truth. Of the studio's annotator: how its scores of
weak edits rank them.
"""

import functools
import json
import pathlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from rtq.data import annotate, photos
from rtq.decode.sampling import Sampling
from rtq.editor import Plan
from rtq.eval import frames, held_out, human_requests, judge, looking, metrics, pictures, policy, report, tables, words
from rtq.eval.progress import Progress
from rtq.eval.reward import Reward
from rtq.rl import grammars
from rtq.text import prompts

SHOWN = 8  # pictures in the report
Figure = tuple[float, float]  # mean and its standard error


def evaluate(config: Any, workdir: pathlib.Path) -> None:
    """Measures everything that `config` names; killed and started again it goes on after the last policy.

    Raises:
      ValueError: one line: a folder, a name or a split that is not there, or no answer to sample.
    """
    _check(config)
    places, judging = named(config.policies), named(config.rewards) if config.rewards else {}
    models = {name: policy.load(folder, batch=config.batch) for name, folder in places.items()}
    judges = {
        name: Reward(policy.load(folder), batch=config.batch, metrics_tokens=config.metrics_tokens,
                     score_tokens=config.score_tokens)
        for name, folder in judging.items()
    }  # fmt: skip
    sides = {model.settings.photo for model in models.values()}
    if len(sides) > 1:
        raise ValueError(f"policies: they see {', '.join(map(str, sorted(sides)))} pixels; one size is needed")
    side = 2 * sides.pop()
    test, known = held_out.sources(config.photos, config.split, config.split_seed)
    held = held_out.examples(test, known, count=config.count, seed=config.seed, side=side)
    keys, squares = held_out.squares(test, side)
    weights = [*places.values(), *judging.values()]
    kept = Progress(workdir / "progress.json", {"config": config.to_dict(), "photos": keys}, weights)
    humans = [h for h in human_requests.join(config.requests) if h.signs] if config.requests else []
    found: dict[str, Any] = {"photos": len(keys), "examples": len(held.examples), "split": config.split}
    found["spoiled_l1"] = metrics.bootstrap(looking.spoiled_l1(squares, keys), keys)
    found["annotator"] = annotated(held)
    found["untouched"] = edits(held, held.before).figures(held.keys)
    users = edits(held, held.user)
    found["users"] = users.figures(held.keys)
    found["policies"], plans, first = {}, {}, None
    for name, model in models.items():
        print(f"measuring the policy {name} on {len(keys)} photos and {len(held.examples)} examples", flush=True)
        plans[name] = words.answers(model, held.before, np.arange(config.count), held.requests, config.batch)
        after = pictures.rendered(held.before, plans[name])
        made = edits(held, after)
        first = first or made
        found["policies"][name] = made.figures(held.keys) | {"lead": made.lead(first, held.keys)}
        if not config.edits_only:
            about = functools.partial(measure, model, held, (keys, squares), humans, config)
            found["policies"][name] |= kept(f"measured {name}", about)
    if config.regressor:
        found["regressor"] = gain(_regressor(config.regressor, side // 2), squares, keys)
    if humans:
        found["out_of_vocabulary"] = dict(
            words.out_of_vocabulary([h.text for h in humans], held_out.known_words()).most_common()
        )
    found["rewards"] = {name: {} for name in judges}
    for which, model in models.items():
        print(f"judging edits of the policy {which}: {', '.join(judges) or 'no reward model'}", flush=True)
        about = functools.partial(sampled_and_judged, model, judges, held, (plans[which], users.verdicts), config)
        found["policies"][which]["sampled"], rows = kept(f"judged {which}", about)
        for name, row in rows.items():
            found["rewards"][name][which] = row
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (workdir / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    write_report(config, workdir, found, held, plans)
    kept.done()


def _check(config: Any) -> None:
    if config.ordered < 1 or config.samples < 1:
        raise ValueError(f"ordered is {config.ordered}, samples {config.samples}; both must be at least 1")
    if config.regressor:
        photos.sources(config.regressor)  # if it cannot be read, then not after half an hour


def named(text: str) -> dict[str, str]:
    """"a=FOLDER,b=FOLDER" → {name: folder}; "" → the embedded policy."""
    if not text:
        return {"embedded": policy.DEFAULT}
    parts = [part.partition("=") for part in text.split(",")]
    wrong = [name for name, _, folder in parts if not (name and folder)]
    if wrong or len({name for name, _, _ in parts}) < len(parts):
        raise ValueError(f"{text!r}: needed is NAME=FOLDER,NAME=FOLDER,… with different names")
    return {name: folder for name, _, folder in parts}


def measure(
    model: policy.Policy, held: held_out.Held, photos: tuple[list[str], np.ndarray],
    humans: Sequence[human_requests.HumanRequest], config: Any,
) -> dict[str, Any]:  # fmt: skip
    """Words, looking, the other tasks and validity of one policy, JSON."""
    keys, squares = photos
    people = [words.Asked(h.text, h.signs) for h in humans]
    sets = {
        "signs": held_out.asked(held), "frames": frames.single(config.seed, config.count),
        "combinations": frames.pairs(config.seed, config.count), "people": people,
    }  # fmt: skip
    out: dict[str, Any] = {
        name: _signs(words.evaluate(model, squares, items, batch=config.batch), keys)
        for name, items in sets.items() if items
    }  # fmt: skip
    grades = words.graded(model, squares, held_out.graded(config.seed, config.wordings), batch=config.batch)
    out["graded"] = {"count": len(grades), "right": metrics.bootstrap(grades, _turns(keys, len(grades)))}
    out["looking"] = gain(model, squares, keys)
    if len(keys) > 1:
        out["swapped"] = gain(model, squares, keys, swapped=True)
    out |= others(model, held, config.batch)
    free = grammars.free(model.tokenizer, model.cfg.vocab_size)
    for name, table in (("unconstrained", free), ("constrained", model.plan_table)):
        share, reasons = words.validity(sampled(model, held, table, config.seed, config.batch))
        out[name] = {"share": share, "failures": dict(reasons)}
    return out


def others(model: policy.Policy, held: held_out.Held, batch: int) -> dict[str, Figure]:
    """ΔE2000 to the user's edit: the weak edit, the answer to feedback on it, the answer to the own summary."""
    weak_plans = [example.weak for example in held.examples]
    weak = pictures.rendered(held.before, weak_plans)
    seen, results, user = (pictures.halved(x) for x in (held.before, weak, held.user))
    refined, again = [], []
    for start in range(0, len(weak), batch):
        some = slice(start, start + batch)
        feedback = [example.feedback for example in held.examples[some]]
        refined += [row[0].plan for row in model.refine(seen[some], results[some], weak_plans[some], feedback)]
        again += model(seen[some], model.summarise(seen[some], user[some]))
    edited = {"weak": weak, "refined": pictures.rendered(held.before, refined),
              "summarised": pictures.rendered(held.before, again)}  # fmt: skip
    return {name: _distance(held, edit) for name, edit in edited.items()}


def _distance(held: held_out.Held, edited: np.ndarray) -> Figure:
    return metrics.bootstrap([metrics.delta_e(a, b) for a, b in zip(edited, held.user, strict=True)], held.keys)


def annotated(held: held_out.Held) -> float:
    """Rank correlation of the annotator's scalars and truth (O) over weak edits and the users'."""
    given, truth = [], []
    for edits, scores in (
        (pictures.rendered(held.before, [e.weak for e in held.examples]), [e.weak_scores for e in held.examples]),
        (held.user, [e.scores for e in held.examples]),
    ):
        percents = [[percent for _, percent in e.metrics] for e in held.examples]
        given += [annotate.scalar(*pair) for pair in zip(percents, scores, strict=True)]
        truth += [judge.judge(case, edit).o for case, edit in zip(held.cases, edits, strict=True)]
    return metrics.spearman(given, truth)


class Edits(NamedTuple):
    """What N edits are worth. values: "delta_e" to the user's, "sc", "pq", "o" → float64[N]; verdicts: truth."""

    values: dict[str, np.ndarray]
    verdicts: list[judge.Verdict]

    def figures(self, keys: Sequence[str]) -> dict[str, Figure]:
        """Means, with standard errors by photo."""
        return {name: metrics.bootstrap(column, keys) for name, column in self.values.items()}

    def lead(self, other: "Edits", keys: Sequence[str]) -> dict[str, Figure]:
        """How much more than other edits of the same examples, with the standard errors of the differences."""
        return {name: metrics.bootstrap(column - other.values[name], keys) for name, column in self.values.items()}


def edits(held: held_out.Held, edited: np.ndarray) -> Edits:
    """Measures edits float32[N, 2S, 2S, 3]."""
    verdicts = [judge.judge(case, after) for case, after in zip(held.cases, edited, strict=True)]
    values = {
        "delta_e": [metrics.delta_e(a, b) for a, b in zip(edited, held.user, strict=True)],
        "sc": [v.sc for v in verdicts], "pq": [v.pq for v in verdicts], "o": [v.o for v in verdicts],
    }  # fmt: skip
    return Edits({name: np.array(column) for name, column in values.items()}, verdicts)


def gain(answer: looking.Policy, squares: np.ndarray, keys: Sequence[str], *, swapped: bool = False) -> Figure:
    """(gain, standard error) of `eval.looking`."""
    found = looking.evaluate(answer, squares, keys, swapped=swapped)
    return found.gain, found.error


def sampled(model: policy.Policy, held: held_out.Held, table: Any, seed: int, batch: int) -> list[str]:
    """One answer to each request, sampled at temperature 1 under a grammar."""
    seen, texts = pictures.halved(held.before), []
    image_tokens = (model.settings.photo // model.cfg.image_factor) ** 2
    rows = [prompts.render(model.tokenizer, prompts.edit(r, policy.options.POCKET), [image_tokens])
            for r in held.requests]  # fmt: skip
    for start in range(0, len(rows), batch):
        some = np.minimum(np.arange(start, start + batch), len(rows) - 1)
        tokens, valid = policy.padded([rows[i] for i in some], policy.BUCKET, model.tokenizer.pad_id)
        ids = policy.sample(
            model.cfg, model.params, seen[some][:, None], tokens, valid, table, Sampling(1.0),
            key=jax.random.key(seed), seeds=some.astype(np.int32), group=1, max_new_tokens=model.settings.new_tokens,
        ).tokens  # fmt: skip
        texts += [model.tokenizer.decode_answer(row) for row in np.asarray(ids).tolist()]
    return texts[: len(rows)]


class Attempts(NamedTuple):
    """One policy's answers to P requests, the likeliest and G samples: edits float32[P, 1 + G, S, S, 3] as models see
    them; truth (O) and ΔE2000 to the user's, float64[P, 1 + G]; apart bool[P, 1 + G], whether truth tells them from
    the user's."""

    edits: np.ndarray
    truth: np.ndarray
    away: np.ndarray
    apart: np.ndarray

    def figures(self, keys: Sequence[str]) -> dict[str, Figure]:
        """Of the samples alone; keys: photos of the requests."""
        repeated = np.repeat(keys[: len(self.truth)], self.truth.shape[1] - 1)
        columns = {"delta_e": self.away, "o": self.truth}
        return {name: metrics.bootstrap(column[:, 1:].ravel(), repeated) for name, column in columns.items()}


def attempts(
    model: policy.Policy, held: held_out.Held, likeliest: Sequence[Plan], users: Sequence[judge.Verdict], config: Any
) -> Attempts:
    """Answers to the first `config.ordered` requests, `config.samples` of them sampled at temperature 1."""
    count = min(config.ordered, len(held.examples))
    options = {"samples": config.samples, "temperature": 1.0, "seed": config.seed}
    sampled = model.answers(pictures.halved(held.before[:count]), held.requests[:count], **options)
    rows = []
    for i, answers in enumerate(sampled):
        plans = [likeliest[i], *(answer.plan for answer in answers)]
        after = pictures.rendered(np.repeat(held.before[i : i + 1], len(plans), axis=0), plans)
        truth = [judge.judge(held.cases[i], edit).o for edit in after]
        away = [metrics.delta_e(edit, held.user[i]) for edit in after]
        apart = [judge.has_margin(d, users[i].o - o) for d, o in zip(away, truth, strict=True)]
        rows.append((pictures.halved(after), truth, away, apart))
    return Attempts(*(np.array(column) for column in zip(*rows, strict=True)))


def sampled_and_judged(
    model: policy.Policy, judges: Mapping[str, Reward], held: held_out.Held,
    known: tuple[Sequence[Plan], Sequence[judge.Verdict]], config: Any,
) -> tuple[dict[str, Figure], dict[str, dict[str, Any]]]:  # fmt: skip
    """`Attempts.figures` of one policy and what reward models say of them; known: its likeliest plans, and the truth
    about the users' edits."""
    tried = attempts(model, held, *known, config)
    return tried.figures(held.keys), judged(judges, held, tried)


def judged(judges: Mapping[str, Reward], held: held_out.Held, tried: Attempts) -> dict[str, dict[str, Any]]:
    """Reward models on one policy's answers, all on the same ones.

    "lead": how much more often than the first reward model it is right, with the standard error of the difference.
    """
    if judges and not tried.apart.any():
        raise ValueError("no answer of the policy differs from the user's edit: there is no pair to judge")
    count = len(tried.edits)
    keys = np.array(held.keys[:count])
    paired = np.broadcast_to(keys[:, None], tried.apart.shape)[tried.apart]
    both = np.concatenate([pictures.halved(held.user[:count])[:, None], tried.edits], 1)
    out, first = {}, None
    for name, worth in judges.items():
        scores = worth(pictures.halved(held.before[:count]), held.requests[:count], both)
        right = (scores[:, :1] > scores[:, 1:])[tried.apart].astype(np.float64)
        first = right if first is None else first
        order = [metrics.spearman(a, b) for a, b in zip(scores[:, 2:], tried.truth[:, 1:], strict=True)]
        out[name] = {
            "pairs": len(right), "accuracy": metrics.bootstrap(right, paired),
            "lead": metrics.bootstrap(right - first, paired), "rank_correlation": metrics.bootstrap(order, keys),
        }  # fmt: skip
    return out


def _signs(found: words.Signs, keys: Sequence[str]) -> dict[str, Any]:
    right = metrics.bootstrap(found.right, _turns(keys, len(found.right)))
    return {"count": len(found.right), "right": right, "by_attribute": dict(found.by_attribute),
            "wrong": list(found.wrong)}  # fmt: skip


def _turns(keys: Sequence[str], count: int) -> list[str]:
    """The photo of each of `count` requests that meet the photos in turn."""
    return [keys[i % len(keys)] for i in range(count)]


def _regressor(folder: str, side: int) -> looking.Policy:
    found, _ = photos.readable(photos.sources(folder))
    keys, squares = held_out.squares(found, side)
    return looking.regressor(squares, keys)


def write_report(
    config: Any, workdir: pathlib.Path, found: Mapping[str, Any], held: held_out.Held,
    plans: Mapping[str, Sequence[Plan]],
) -> None:  # fmt: skip
    """WORKDIR/report/index.html."""
    shown = min(SHOWN, len(held.examples))
    after = {name: pictures.rendered(held.before[:shown], some[:shown]) for name, some in plans.items()}
    cards = []
    for i in range(shown):
        sides = {name: edited[i] for name, edited in after.items()} | {"user's edit": held.user[i]}
        first = next(iter(plans))
        verdict = judge.judge(held.cases[i], after[first][i])
        scores = {"SC": verdict.sc, "PQ": verdict.pq, "O": verdict.o}
        cards.append(report.Picture(held.before[i], sides, held.requests[i], plans[first][i], "", scores))
    report.write(workdir / "report", report.Report(
        title=f"Evaluation: {workdir.resolve().name}",
        summary=f"{found['examples']} examples on {tables.of_photos(found)}. ± is the standard error, by photo.",
        pictures=cards, tables=tables.tables(found), config=config.to_dict(), revision=report.git_revision(),
        hardware=report.describe_hardware(), command=f"python -m rtq.main {shlex.join(sys.argv[1:])}",
    ))  # fmt: skip
