"""The `rtq` command: its verbs, their options and help, exit codes, and what is printed where.

stdout carries results (with --json, JSON alone), stderr everything else. Verbs that need no pixels start without jax.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import sys
import warnings

from rtq import cli_base, cli_edit, cli_help, cli_photo, cli_plans
from rtq.cli_base import EXISTS, FAILED, INPUT, PLAN, USAGE, Failure, notice, reason
from rtq.editor.plan import AMOUNT, Plan, find_slider
from rtq.editor.sliders import SLIDERS, table_markdown
from rtq.interop.report import Report

INTERRUPTED = 128 + signal.SIGINT
PIPE_CLOSED = 128 + signal.SIGPIPE
EXPORT_SUFFIXES = {"preset": ".xmp", "pp3": ".pp3", "hald": ".tif", "cube": ".cube"}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise Failure(USAGE, f"{message} (`{self.prog} --help` explains)")


class _Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        from importlib import metadata

        print(f"rtq {metadata.version('rtq')}")
        parser.exit()


def _number(kind: type, lo: float, hi: float):
    def convert(text: str):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number; allowed: {lo:g} to {hi:g}") from None
        if not lo <= value <= hi:
            raise argparse.ArgumentTypeError(f"{text} is out of range; allowed: {lo:g} to {hi:g}")
        return value

    convert.__name__ = "number"
    return convert


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = _Parser("rtq", description=cli_help.DESCRIPTION, epilog=cli_help.EXIT_CODES, allow_abbrev=False,
                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = top.add_subparsers(title="verbs", metavar="VERB")
    top.set_defaults(run=None)

    def verb(name: str, run, text: str, short: str):
        sub = verbs.add_parser(name, help=short, description=text, allow_abbrev=False,
                               formatter_class=argparse.RawDescriptionHelpFormatter)
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")
        sub.set_defaults(run=run)
        return sub

    def output(sub, what: str, **more):
        sub.add_argument("-o", "--out", metavar="OUT", help=what, **more)
        sub.add_argument("--overwrite", action="store_true", help="allow replacing existing files, but no input")

    _render_options(verb("render", _render, cli_help.RENDER, "render photos with a plan"), output)
    sub = verb("edit", cli_edit.edit, cli_help.EDIT, "edit a photo as asked for in words")
    sub.add_argument("photo", metavar="IN", help="the photo: JPEG, PNG, TIFF, WebP, HEIC, AVIF or camera raw")
    sub.add_argument("request", metavar="REQUEST", help='what to change, in words: "warmer, and less contrast"')
    _policy_options(sub, output)
    sub = verb("refine", cli_edit.refine, cli_help.REFINE, "change an edit as asked for in words")
    sub.add_argument("photo", metavar="IN", help="the photo before the edit")
    sub.add_argument("result", metavar="PLAN", help="the edit's plan (.json, .xmp, .lrtemplate), or the edited photo")
    sub.add_argument("feedback", metavar="FEEDBACK", help='what is not right yet, in words: "too warm"')
    _policy_options(sub, output)
    sub = verb("summarize", cli_edit.summarize, cli_help.SUMMARIZE, "say in words what an edit did")
    sub.add_argument("before", metavar="BEFORE", help="the photo as it was")
    sub.add_argument("after", metavar="AFTER", help="the edited photo")
    _policy_option(sub)
    sub = verb("fit", _fit, cli_help.FIT, "find the plan between two photos")
    sub.add_argument("before", metavar="BEFORE", help="the photo as it was")
    sub.add_argument("after", metavar="AFTER", help="the edited photo")
    output(sub, "write the plan there instead of to stdout")
    sub = verb("export", _export, cli_help.EXPORT, "carry a plan to Lightroom, RawTherapee or a colour table")
    sub.add_argument("plan", metavar="PLAN", help="plan (.json, .xmp, .lrtemplate), or - for stdin")
    sub.add_argument("--to", required=True, choices=("xmp", *EXPORT_SUFFIXES), help="the kind of file")
    sub.add_argument("--photo", metavar="PHOTO", help="the photo it is for: needed for xmp, and for a crop in pp3")
    sub.add_argument("--name", help="a preset's name in Lightroom's panel (default: that of the file)")
    output(sub, "the file to write", required=True)
    sub = verb("import", _import, cli_help.IMPORT, "read a plan from Lightroom's files")
    sub.add_argument("file", metavar="FILE", help=".xmp, .lrtemplate, a photo with embedded settings, or - for stdin")
    sub.add_argument("--photo", metavar="PHOTO", help="the photo it is for")
    output(sub, "write the plan there instead of to stdout")
    sub = verb("check", _check, cli_help.CHECK, "check a plan")
    sub.add_argument("plan", metavar="PLAN", help="plan (.json, .xmp, .lrtemplate), or - for stdin")
    sub = verb("chat", _chat, cli_help.CHAT, "ask a vision-language model about a photo")
    sub.add_argument("folder", metavar="FOLDER", help="a Hugging Face folder of Qwen2.5-VL")
    sub.add_argument("photo", metavar="PHOTO", help="the photo")
    sub.add_argument("words", metavar="WORDS", help="the question")
    sub.add_argument("--max-new-tokens", type=_number(int, 1, 4096), default=256, metavar="N", help="default 256")
    sub.add_argument("--temperature", type=_number(float, 0, 10), default=0.0, metavar="T", help="default 0: greedy")
    sub.add_argument("--seed", type=_number(int, 0, 2**31 - 1), default=0, metavar="N", help="of the sampling")
    sub = verb("sliders", _sliders, cli_help.SLIDERS_HELP, "list the sliders")
    sub.add_argument("names", metavar="NAME", nargs="*", help="part of a slider's name, or a group")
    sub.add_argument("--markdown", action="store_true", help="a Markdown table with all columns")
    return top


def _render_options(sub: argparse.ArgumentParser, output) -> None:
    sub.add_argument("photo", metavar="IN", nargs="+", help="photos: JPEG, PNG, TIFF, WebP, HEIC, AVIF or camera raw")
    sub.add_argument("--plan", help="plan.json, look.xmp, preset.lrtemplate, an edited photo, or - for stdin")
    sub.add_argument("--set", metavar="NAME=NUMBER", action="append", default=[],
                     help="set one slider, after --plan; may be repeated (`rtq sliders` lists them)")
    sub.add_argument("--mask", metavar="NAME=FILE", action="append", default=[],
                     help="a photo, white where the plan's region or bitmap mask acts, black or transparent elsewhere; "
                          "may be repeated")
    output(sub, "a file for one photo, a folder for several (its end is / or it exists)")
    _picture_options(sub)


def _policy_options(sub: argparse.ArgumentParser, output) -> None:
    output(sub, "a file, or a folder (its end is / or it exists)")
    sub.add_argument("--plan-out", metavar="FILE", help="write the plan there too, for `rtq render` and `rtq refine`")
    sub.add_argument("--why", action="store_true", help="say what the policy sees, thinks and does")
    sub.add_argument("--samples", type=_number(int, 1, 16), default=1, metavar="N",
                     help="make N versions, NAME-1, NAME-2, … (default 1)")
    sub.add_argument("--temperature", type=_number(float, 0, 10), metavar="T",
                     help="how daring (default 0, the likeliest; 1 for several versions)")
    sub.add_argument("--seed", type=_number(int, 0, 2**31 - 1), default=0, metavar="N",
                     help="another number gives other versions (default 0)")
    _policy_option(sub)
    _picture_options(sub)


def _policy_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--policy", metavar="FOLDER", default="embedded:policy-sft",
                     help="weights: a folder of Qwen2.5-VL, or one that training saved (default: embedded:policy-sft)")


def _picture_options(sub: argparse.ArgumentParser) -> None:
    """How strong the edit is, and how its file is written."""
    sub.add_argument("--amount", type=_number(float, *AMOUNT), metavar="PERCENT",
                     help="strength of the whole edit, 0 to 200 (default 100)")
    sub.add_argument("--quality", type=_number(int, 1, 100), default=95, metavar="1-100",
                     help="of JPEG, WebP, HEIC and AVIF (default 95)")
    sub.add_argument("--profile", choices=("keep", "srgb"), default="keep",
                     help="keep the photo's colour profile (default), or convert to sRGB")
    sub.add_argument("--bits", type=int, choices=(8, 16),
                     help="bits per channel (default: as the photo has); with 16, a JPEG becomes a .tif")


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit code; --help and --version raise SystemExit(0) as argparse does."""
    argv = sys.argv[1:] if argv is None else argv
    if hasattr(sys.stdout, "reconfigure"):  # a file name may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to say at exit either
        code = PIPE_CLOSED
    except KeyboardInterrupt:
        notice("interrupted")
        code = INTERRUPTED
    return code


def _run(argv: list[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries' own; those of rtq.photos are shown as notices
            args, rest = parser().parse_known_args(argv)
            if rest:  # argparse itself would point to the help of `rtq`, not of the verb
                where = "rtq" if args.run is None else f"rtq {argv[0]}"
                raise Failure(USAGE, f"unrecognized arguments: {' '.join(rest)} (`{where} --help` explains)")
            if args.run is None:
                parser().print_help(sys.stderr)
                return USAGE
            code = args.run(args)
            sys.stdout.flush()
            return code
    except Failure as failure:
        error, code = str(failure), failure.code
    except MemoryError:
        error, code = "not enough memory", FAILED
    except BrokenPipeError:
        raise
    except OSError as failure:
        error, code = f"{failure.filename or 'cannot write to stdout'}: {reason(failure)}", FAILED
    notice(error)
    if "--json" in argv:
        print(json.dumps({"ok": False, "error": error, "code": code}), flush=True)
    return code


def _render(args) -> int:
    code, facts = cli_photo.render_all(args)
    if args.json:
        print(json.dumps(facts))
    return code


def _fit(args) -> int:
    _check_out(args, args.before, args.after)
    plan, facts = cli_photo.fit_pair(args.before, args.after)
    _give_plan(args, plan, {"distance": facts})
    for name, what in (("before", "before the edit"), ("fitted", "the plan's render")):
        psnr = facts[name]["psnr"]
        notice(f"{what}: L1 {facts[name]['l1']:.4f}, PSNR {'∞' if psnr is None else psnr} dB from {args.after}")
    for line in facts["unexplained"]:
        notice(f"not explained: {line}")
    return 0


def _import(args) -> int:
    _check_out(args, args.file, args.photo)
    source = cli_plans.read_source(args.file)
    if source.kind == "json":
        raise Failure(PLAN, f"{source.name}: neither XMP, .lrtemplate nor a photo; `rtq check` checks a plan")
    photo = args.photo or (args.file if source.kind == "photo" else None)
    plan, report = cli_plans.plan_of(source, None if photo is None else _photo_info(photo))
    _give_plan(args, plan, {"report": report.to_dict()})
    cli_base.notice_report(source.name, report)
    return 0


def _check_out(args, *inputs: str | None) -> None:
    if args.out is not None:
        cli_base.check_plan_free(pathlib.Path(args.out), args.overwrite, *inputs)


def _give_plan(args, plan: Plan, facts: dict) -> None:
    """Writes the plan to -o, or prints it; with --json, prints it among the facts."""
    if args.out is not None:
        cli_base.save(pathlib.Path(args.out), (plan.to_json() + "\n").encode())
        notice(f"wrote {args.out}")
    if args.json:
        print(json.dumps({"ok": True, "plan": json.loads(plan.to_json()), "output": args.out, **facts}))
    elif args.out is None:
        print(plan.to_json())


def _check(args) -> int:
    source = cli_plans.read_source(args.plan)
    plan, report = cli_plans.plan_of(source)
    if report is not None:
        cli_base.notice_report(source.name, report, exact=False)
    if args.json:
        print(json.dumps({"ok": True, "plan": json.loads(plan.to_json()), "masks": list(plan.mask_names)}))
        return 0
    parts = [f"{n} {what}{'' if n == 1 else 's'}" for n, what in (
        (len(plan.sliders), "slider"), (len(plan.locals), "local adjustment"), (len(plan.curves), "curve")) if n]
    parts += (["crop"] if plan.crop is not None else []) + [f"amount {plan.amount} %"]
    parts += [f"needs --mask {name}=FILE" for name in plan.mask_names]
    print(f"{source.name}: ok: {', '.join(parts)}")
    return 0


def _chat(args) -> int:
    from rtq import cli_chat

    notes: list[str] = []
    photo = cli_base.read_photo(args.photo, notes)
    for note in notes:
        notice(note)
    cli_base.start_jax()
    with _as_failure(FAILED):
        text = cli_chat.answer(args.folder, photo.pixels, args.words, max_new_tokens=args.max_new_tokens,
                               temperature=args.temperature, seed=args.seed)
    print(json.dumps({"ok": True, "answer": text}) if args.json else text)
    return 0


def _sliders(args) -> int:
    words = [name.lower() for name in args.names]
    for word, name in zip(words, args.names, strict=True):
        if not any(word in row.name.lower() or word == row.group for row in SLIDERS):
            with _as_failure(PLAN):
                find_slider(name)
    rows = [row for row in SLIDERS if not words or any(w in row.name.lower() or w == row.group for w in words)]
    if args.json:
        print(json.dumps([{"name": r.name, "group": r.group, "lo": r.lo, "hi": r.hi, "neutral": r.neutral,
                           "step": r.step, "unit": r.unit, "scale": r.scale, "local": r.local, "key": r.key,
                           "doc": r.doc} for r in rows]))
    elif args.markdown:
        lines = table_markdown().splitlines()
        print("\n".join(lines[:2] + [lines[2 + i] for i, row in enumerate(SLIDERS) if row in rows]))
    else:
        for i, row in enumerate(rows):
            if i == 0 or row.group != rows[i - 1].group:
                print(f"{chr(10) if i else ''}{row.group}")
            values = f"{row.lo:g} to {row.hi:g}" + ("" if row.integer else f" by {row.step:g}")
            print(f"  {row.name:27}{values:17}neutral {row.neutral:<5g}{row.doc}")
    return 0


@contextlib.contextmanager
def _as_failure(code: int):
    """Turns a ValueError into a Failure with this exit code."""
    try:
        yield
    except FileExistsError as error:
        raise Failure(EXISTS, reason(error)) from None
    except ValueError as error:
        raise Failure(code, reason(error)) from None


def _photo_info(path: str):
    from rtq.interop.photo_info import photo_info

    try:
        with _as_failure(INPUT):
            return photo_info(path)
    except OSError as error:
        raise Failure(INPUT, f"{path}: cannot be read ({reason(error)})") from None


def _export(args) -> int:
    out = pathlib.Path(args.out)
    suffix = EXPORT_SUFFIXES.get(args.to)
    if suffix is not None and out.suffix.lower() != suffix:
        raise Failure(USAGE, f"-o {out}: --to {args.to} writes a {suffix} file")
    if args.to == "xmp" and args.photo is None:
        raise Failure(USAGE, "export --to xmp needs --photo FILE: white balance, turn and crop depend on the photo "
                             "(--to preset does not need it)")
    cli_base.check_free(out, args.overwrite, args.plan, args.photo)
    source = cli_plans.read_source(args.plan)
    info = None if args.photo is None else _photo_info(args.photo)
    plan, imported = cli_plans.plan_of(source, info)
    if imported is not None:
        cli_base.notice_report(source.name, imported, exact=False)
    with _as_failure(FAILED):
        if args.to == "xmp":
            report = _export_xmp(plan, out, args, info)
        elif args.to == "preset":
            report = _export_preset(plan, out, args, info)
        else:
            report = _export_table(plan, out, args, info)
    cli_base.notice_report(args.out, report)
    if args.json:
        print(json.dumps({"ok": True, "output": args.out, "report": report.to_dict()}))
    else:
        notice(f"wrote {args.out}")
    return 0


def _export_xmp(plan: Plan, out: pathlib.Path, args, info) -> Report:
    """A sidecar for the photo, or a copy of it that carries the settings."""
    from rtq.interop import xmp

    own = pathlib.Path(args.photo).suffix
    if out.suffix.lower() != ".xmp":
        if out.suffix.lower() != own.lower():
            raise Failure(USAGE, f"-o {out}: --to xmp writes a .xmp sidecar, or a copy of the photo named {own}")
        with cli_base.writing(out):
            return xmp.embed(args.photo, out, plan, photo=info, overwrite=args.overwrite)
    if info.kind == "rendered":
        notice("Lightroom reads sidecars of raw photos only; a JPEG, TIFF, PNG or DNG carries its settings inside: "
               f"-o NAME{own}")
    data, report = xmp.write_sidecar(plan, info, base=out.read_bytes() if out.exists() else None)
    cli_base.save(out, data)
    return report


def _export_preset(plan: Plan, out: pathlib.Path, args, info) -> Report:
    from rtq.interop import xmp

    kind = None if info is None else info.kind
    data, report = xmp.write_preset(plan, out.stem if args.name is None else args.name, photo_kind=kind)
    cli_base.save(out, data)
    return report


def _export_table(plan: Plan, out: pathlib.Path, args, info) -> Report:
    """What is made by running colours through the editor."""
    cli_base.start_jax()
    from rtq.interop import lut, rawtherapee

    if args.to in ("hald", "cube"):
        with cli_base.writing(out):
            return (lut.write_hald if args.to == "hald" else lut.write_cube)(out, plan, overwrite=True)
    size = None if info is None or info.size is None else info.size if info.orientation < 5 else info.size[::-1]
    table = None if lut.is_neutral(plan) else out.absolute().with_name(f"{out.stem}-hald.tif")
    text, report = rawtherapee.profile(plan, table, size)
    if table is not None:
        cli_base.check_free(table, args.overwrite, args.plan, args.photo)
        with cli_base.writing(table):
            lut.write_hald(table, plan, overwrite=True)
    cli_base.save(out, text.encode())
    return report
