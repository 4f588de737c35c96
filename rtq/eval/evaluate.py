"""The task `evaluate`: policies and reward models on photos that they have not seen.

WORKDIR gets evaluation.json (every figure, with standard errors by photo) and report/index.html. Of each policy:

    edits     mean ΔE2000 to the user's edit; truth SC, PQ and O (`eval.judge`), on examples that the studio makes
    words     signs right, slightly < plainly < a lot, requests by people (`eval.words`)
    looking   what vague requests on spoiled photos gain, and what they gain with another photo shown (`eval.looking`)
    validity  share of answers that can be read when they are sampled without the grammar

Of each reward model, for every policy: how often it puts the user's edit above the policy's where truth tells them
apart (ΔE2000 ≥ 2 or O ≥ 1 between them), and how it ranks samples of one request, against truth.
"""

import json
import pathlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from rtq.data import photos
from rtq.decode.sampling import Sampling, free_table
from rtq.editor import Plan
from rtq.eval import held_out, human_requests, judge, looking, metrics, pictures, policy, report, words
from rtq.eval.reward import Reward
from rtq.text import prompts

SHOWN = 8  # pictures in the report
Figure = tuple[float, float]  # mean and its standard error


def evaluate(config: Any, workdir: pathlib.Path) -> None:
    """Measures everything that `config` names.

    Raises:
      ValueError: one line: a folder, a name or a split that is not there.
    """
    models = {name: policy.load(folder, batch=config.batch) for name, folder in named(config.policies).items()}
    judges = {
        name: Reward(policy.load(folder), batch=config.batch, metrics_tokens=config.metrics_tokens,
                     score_tokens=config.score_tokens)
        for name, folder in (named(config.rewards) if config.rewards else {}).items()
    }  # fmt: skip
    sides = {model.settings.photo for model in models.values()}
    if len(sides) > 1:
        raise ValueError(f"policies: they see {', '.join(map(str, sorted(sides)))} pixels; one size is needed")
    side = 2 * sides.pop()
    test, known = held_out.sources(config.photos, config.split, config.seed)
    held = held_out.examples(test, known, count=config.count, seed=config.seed, side=side)
    keys, squares = held_out.squares(test, side)
    humans = [h for h in human_requests.join(config.requests) if h.signs] if config.requests else []
    found: dict[str, Any] = {"photos": len(keys), "examples": len(held.examples), "split": config.split}
    found["untouched"] = edits(held, held.before)[0]
    found["users"], users = edits(held, held.user)
    found["policies"], plans, apart = {}, {}, {}
    for name, model in models.items():
        plans[name] = words.answers(model, held.before, np.arange(config.count), held.requests, config.batch)
        after = pictures.rendered(held.before, plans[name])
        figures, verdicts = edits(held, after)
        apart[name] = differing(held, after, users, verdicts)
        found["policies"][name] = figures | measure(model, held, (keys, squares), humans, config)
    if config.regressor:
        found["regressor"] = gain(_regressor(config.regressor, side // 2), squares, keys)
    if humans:
        found["out_of_vocabulary"] = dict(
            words.out_of_vocabulary([h.text for h in humans], held_out.known_words()).most_common()
        )
    found["rewards"] = {
        name: {which: judged(one, models[which], held, (plans[which], apart[which]), config) for which in models}
        for name, one in judges.items()
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (workdir / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    write_report(config, workdir, found, held, plans)


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
    """Words, looking and validity of one policy, JSON."""
    keys, squares = photos
    out: dict[str, Any] = {}
    asked = held_out.asked(held)
    if asked:
        out["signs"] = _signs(words.evaluate(model, squares, asked, batch=config.batch))
    grades = words.graded(model, squares, held_out.graded(config.seed, config.wordings), batch=config.batch)
    out["graded"] = {"count": len(grades), "right": float(grades.mean())}
    if humans:
        items = [words.Asked(h.text, h.signs) for h in humans]
        out["people"] = _signs(words.evaluate(model, squares, items, batch=config.batch))
    out["looking"] = gain(model, squares, keys)
    out["swapped"] = gain(model, squares, keys, swapped=True)
    share, reasons = words.validity(free_answers(model, held, config.seed, config.batch))
    out["validity"] = {"share": share, "failures": dict(reasons)}
    return out


def edits(held: held_out.Held, edited: np.ndarray) -> tuple[dict[str, Figure], list[judge.Verdict]]:
    """({figure: (mean, standard error by photo)}, truth for each) of edits float32[N, 2S, 2S, 3]."""
    verdicts = [judge.judge(case, after) for case, after in zip(held.cases, edited, strict=True)]
    values = {
        "delta_e": [metrics.delta_e(a, b) for a, b in zip(edited, held.user, strict=True)],
        "sc": [v.sc for v in verdicts], "pq": [v.pq for v in verdicts], "o": [v.o for v in verdicts],
    }  # fmt: skip
    return {name: metrics.bootstrap(column, held.keys) for name, column in values.items()}, verdicts


def differing(
    held: held_out.Held, after: np.ndarray, users: Sequence[judge.Verdict], ours: Sequence[judge.Verdict]
) -> np.ndarray:
    """bool[N]: truth tells the edit from the user's."""
    rows = zip(after, held.user, ours, users, strict=True)
    return np.array([judge.has_margin(metrics.delta_e(a, b), u.o - v.o) for a, b, v, u in rows])


def gain(answer: looking.Policy, squares: np.ndarray, keys: Sequence[str], *, swapped: bool = False) -> Figure:
    """(gain, standard error) of `eval.looking`."""
    found = looking.evaluate(answer, squares, keys, swapped=swapped)
    return found.gain, found.error


def free_answers(model: policy.Policy, held: held_out.Held, seed: int, batch: int) -> list[str]:
    """One answer to each request, sampled at temperature 1 without the grammar."""
    table = free_table(model.cfg.vocab_size, model.tokenizer.eos_id, (model.tokenizer.image_id,))
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


def judged(
    worth: Reward, model: policy.Policy, held: held_out.Held, answers: tuple[Sequence[Plan], np.ndarray], config: Any
) -> dict[str, Any]:
    """One reward model on one policy's plans, of which bool[N] differ from the user's."""
    plans, apart = answers
    after = pictures.rendered(held.before, plans)
    seen = pictures.halved(held.before)
    both = np.stack([pictures.halved(held.user), pictures.halved(after)], 1)
    scores = worth(seen, held.requests, both)
    if not apart.any():
        raise ValueError("no answer of the policy differs from the user's edit: there is no pair to judge")
    accuracy = metrics.bootstrap((scores[:, 0] > scores[:, 1])[apart], np.array(held.keys)[apart])
    order = ranked(worth, model, held, config)
    return {"pairs": int(apart.sum()), "accuracy": accuracy, "rank_correlation": order}


def ranked(worth: Reward, model: policy.Policy, held: held_out.Held, config: Any) -> Figure:
    """Mean rank correlation with truth (O) among samples of one request, with its standard error by photo."""
    count = min(config.ordered, len(held.examples))
    seen, group = pictures.halved(held.before[:count]), config.samples
    answers = model.answers(seen, held.requests[:count], samples=group, temperature=1.0, seed=config.seed)
    plans = [answer.plan for row in answers for answer in row]
    after = pictures.rendered(np.repeat(held.before[:count], group, axis=0), plans)
    truth = [judge.judge(held.cases[i // group], edit).o for i, edit in enumerate(after)]
    small = pictures.halved(after).reshape(count, group, *seen.shape[1:])
    scores = worth(seen, held.requests[:count], small)
    order = [metrics.spearman(a, b) for a, b in zip(scores, np.reshape(truth, (count, group)), strict=True)]
    return metrics.bootstrap(order, held.keys[:count])


def _signs(found: words.Signs) -> dict[str, Any]:
    return {"count": len(found.right), "right": found.accuracy, "by_attribute": dict(found.by_attribute),
            "wrong": list(found.wrong)}  # fmt: skip


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
        summary=f"{found['examples']} examples on {found['photos']} photos that no model was trained on. ± is the "
                "standard error, by photo.",
        pictures=cards, tables=tables(found), config=config.to_dict(), revision=report.git_revision(),
        hardware=report.describe_hardware(), command=f"python -m rtq.main {shlex.join(sys.argv[1:])}",
    ))  # fmt: skip


def tables(found: Mapping[str, Any]) -> list[report.Table]:
    """Figures as a person reads them."""
    names = ("delta_e", "sc", "pq", "o")
    rows = {"untouched photo": found["untouched"], **found["policies"], "user's edit": found["users"]}
    out = [report.Table(
        "Edits", ["", "ΔE2000 to the user's", "SC", "PQ", "O"],
        [[name, *(_figure(row[key]) for key in names)] for name, row in rows.items()],
        "Less ΔE2000 is nearer to what the user did; SC, PQ and O are truth, 0 to 10, measured in pixels.",
    )]  # fmt: skip
    rows = [
        [name, *(_share(row, key) for key in ("signs", "graded", "people")), f"{100 * row['validity']['share']:.1f}%"]
        for name, row in found["policies"].items()
    ]
    head = ["", "signs right", "slightly < plainly < a lot", "requests by people", "readable without grammar"]
    out.append(report.Table("Words", head, rows))
    rows = [[name, _figure(row["looking"]), _figure(row["swapped"])] for name, row in found["policies"].items()]
    rows += [["regressor", _figure(found["regressor"]), ""]] if "regressor" in found else []
    out.append(report.Table("Looking: vague requests on spoiled photos", ["", "gain", "gain with another photo"], rows,
                            "Gain: 1 − mean L1 after / mean L1 before."))  # fmt: skip
    rows = [
        [reward, name, row["pairs"], _figure(row["accuracy"]), _figure(row["rank_correlation"])]
        for reward, policies in found["rewards"].items() for name, row in policies.items()
    ]  # fmt: skip
    head = ["reward model", "policy", "pairs", "user's edit ahead", "rank correlation with truth"]
    return out + ([report.Table("Reward models", head, rows)] if rows else [])


def _figure(figure: Figure) -> str:
    return f"{figure[0]:.3f} ± {figure[1]:.3f}"


def _share(row: Mapping[str, Any], key: str) -> str:
    return f"{100 * row[key]['right']:.1f}% of {row[key]['count']}" if key in row else "not measured"
