"""`rtq edit`, `rtq refine`, `rtq summarize`: a policy looks at a photo and answers with a plan, or with words."""

import dataclasses
import json
import pathlib
import time
from collections.abc import Sequence

from rtq import cli_photo, cli_words
from rtq.cli_base import (
    FAILED,
    PLAN,
    USAGE,
    Failure,
    check_free,
    check_plan_free,
    notice,
    notice_report,
    read_photo,
    reason,
    save,
    start_jax,
)
from rtq.cli_plans import adjusted, info_for, plan_of, read_source
from rtq.editor.plan import Plan


def edit(args) -> int:
    """`rtq edit`: an answer to a request, rendered."""
    files = _Files.of(args, args.request, "request", args.photo)
    notes: list[str] = []
    photo = read_photo(args.photo, notes)
    policy, seen = _policy(args.policy, [photo])
    answers = _asked(policy.answers, seen[0], [args.request], **_sampling(args))
    return _give(args, photo, answers, files, notes)


def refine(args) -> int:
    """`rtq refine`: a new answer after feedback on a plan's result."""
    files = _Files.of(args, args.feedback, "feedback", args.photo, args.result)
    notes: list[str] = []
    photo = read_photo(args.photo, notes)
    plan = _previous(args, photo)
    policy, seen = _policy(args.policy, [photo])
    result = _result(seen[0][0], plan, max(photo.pixels.shape[:2]))
    answers = _asked(policy.refine, seen[0], result[None], [plan], [args.feedback], **_sampling(args))
    if plan.curves:
        notes.append("the new plan has no curves; the policy writes sliders only")
    kept = [dataclasses.replace(a, plan=dataclasses.replace(a.plan, crop=plan.crop)) for a in answers]
    return _give(args, photo, kept, files, notes)


def summarize(args) -> int:
    """`rtq summarize`: the request that leads from one photo to the other."""
    notes: list[str] = []
    photos = [read_photo(path, notes) for path in (args.before, args.after)]
    policy, seen = _policy(args.policy, photos)
    text = _asked(policy.summarise, *seen)
    for note in notes:
        notice(note)
    print(json.dumps({"ok": True, "request": text, "notes": notes}) if args.json else text)
    return 0


@dataclasses.dataclass(frozen=True)
class _Files:
    """Where each of the versions goes, and its plan if wanted."""

    photos: list[pathlib.Path]
    plans: list[pathlib.Path]

    @staticmethod
    def of(args, words: str, what: str, *inputs: str) -> "_Files":
        """The command line's, all of them free to be written; `inputs` are the files it reads."""
        if not words.strip():
            raise Failure(USAGE, f"the {what} is empty; say what to change, e.g. \"a little warmer\"")
        if args.temperature == 0 and args.samples > 1:
            raise Failure(USAGE, f"--samples {args.samples}: at --temperature 0 they are all the same")
        target = cli_photo.targets([args.photo], args.out, args.bits)[0]
        if args.out is not None and cli_photo.is_folder_name(args.out):
            cli_photo.make_folder(target.parent)
        plans = [] if args.plan_out is None else _versions(pathlib.Path(args.plan_out), args.samples)
        files = _Files(_versions(target, args.samples), plans)
        for path in files.photos:
            check_free(path, args.overwrite, *inputs)
        for path in files.plans:
            if path.resolve() in [x.resolve() for x in files.photos]:
                raise Failure(USAGE, f"--plan-out {path}: is where the photo goes; choose another name")
            check_plan_free(path, args.overwrite, *inputs)
        return files


def _versions(path: pathlib.Path, count: int) -> list[pathlib.Path]:
    """The name itself, or NAME-1.SUFFIX, NAME-2.SUFFIX, … for several."""
    return [path] if count == 1 else [path.with_name(f"{path.stem}-{i + 1}{path.suffix}") for i in range(count)]


def _sampling(args) -> dict:
    temperature = args.temperature
    if temperature is None:
        temperature = 0.0 if args.samples == 1 else 1.0
    return {"samples": args.samples, "temperature": temperature, "seed": args.seed}


def _policy(folder: str, photos: Sequence) -> tuple:
    """The policy, and each photo as it sees it, float32[1, S, S, 3]."""
    start_jax()
    from rtq.eval import policy

    try:
        loaded = policy.load(folder)
        return loaded, [policy.square(photo.pixels, loaded.settings.photo)[None] for photo in photos]
    except ValueError as error:
        raise Failure(FAILED, reason(error)) from None


def _asked(ask, *args, **options):
    """What the policy says about one photo."""
    try:
        return ask(*args, **options)[0]
    except ValueError as error:
        raise Failure(FAILED, reason(error)) from None


def _previous(args, photo) -> Plan:
    """The plan that the feedback is about: read, or found from the edited photo."""
    source = read_source(args.result)
    if source.kind == "photo":
        from rtq.data.options import POCKET  # they bring jax
        from rtq.editor.fitting import WIDE

        names = [name for name in POCKET.sliders if name in WIDE]
        plan, facts = cli_photo.fit_pair(args.photo, args.result, names)
        notice(f"{args.result}: its plan, fitted to L1 {facts['fitted']['l1']:.4f}: {plan.to_json()}")
        return plan
    plan, report = plan_of(source, None if source.kind == "json" else info_for(source, args.photo, photo))
    if report is not None:
        notice_report(source.name, report, exact=False)
    if plan.mask_names:
        raise Failure(PLAN, f"{source.name}: has the mask {plan.mask_names[0]}, which a policy cannot write; refine "
                            "takes plans without region and bitmap masks")
    return plan


def _result(seen, plan: Plan, long_side: int):
    """What the plan makes of the photo as the policy sees it, uncropped: float32[S, S, 3]."""
    import numpy as np

    from rtq.editor import render

    whole = dataclasses.replace(plan, crop=None)
    return np.clip(np.asarray(render(seen, whole, scale=len(seen) / long_side)), 0, 1)


def _give(args, photo, answers: Sequence, files: _Files, notes: list[str]) -> int:
    """Renders and writes the answers, and says so."""
    done = []
    for i, answer in enumerate(answers):
        start = time.perf_counter()
        plan = adjusted(answer.plan, {}, args.amount)
        facts = cli_photo.write_edit(photo, plan, args.photo, files.photos[i], args, {}, notes)
        if files.plans:
            save(files.plans[i], (plan.to_json() + "\n").encode())
        facts |= {"seconds": round(time.perf_counter() - start, 3), "reasoning": answer.reasoning,
                  "sees": cli_words.sees(answer.reasoning), "does": cli_words.steps(plan)}
        done.append(facts)
        if not args.json:
            print("\n".join([cli_photo.line_of(facts), *(_why(facts) if args.why else ())]), flush=True)
    for note in dict.fromkeys(notes):
        notice(note)
    if args.json:
        print(json.dumps({"ok": True, "photos": done, "notes": list(dict.fromkeys(notes))}))
    return 0


def _why(facts: dict) -> list[str]:
    lines = []
    if facts["sees"]:
        lines.append(f"  sees: {', '.join(facts['sees'].values())}")
    if thoughts := cli_words.thoughts(facts["reasoning"]):
        lines.append(f"  thinks: {thoughts}")
    return [*lines, "  does:", *(f"    {step}" for step in facts["does"])]
