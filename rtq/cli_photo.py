"""What the verbs of `rtq` do with plans and photos. jax is imported only where pixels are made.

Functions raise `Failure`, which carries the exit code, for everything that a person can have caused.
"""

import contextlib
import dataclasses
import gc
import importlib
import json
import logging
import math
import os
import pathlib
import re
import secrets
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence

from rtq.editor.plan import Plan, find_slider, scaled
from rtq.interop.report import Report

FAILED, USAGE, INPUT, PLAN, EXISTS, PARTIAL = 1, 2, 3, 4, 5, 6
MAX_PLAN_BYTES = 16 << 20
CACHE_BYTES = 512 << 20
STDIN = "standard input"


class Failure(Exception):
    """Ends a command, or one photo's part of it: one line for the person, and the exit code."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a plan comes from: its name for messages, its kind ("json", "xmp", "lrtemplate", "photo"), its bytes."""

    name: str
    kind: str
    data: bytes


def notice(text: str) -> None:
    """Says something on stderr."""
    print(f"rtq: {text}", file=sys.stderr)


def notice_report(name: str, report: Report, exact: bool = True) -> None:
    """Shows what an import or export could carry; without `exact`, only what it could not."""
    shown = report if exact else dataclasses.replace(report, exact=())
    lines = [f"  {line}" for line in shown.lines()]
    if not exact and lines:
        lines.append(f"  exact         {len(report.exact)} more (`rtq import` lists them)")
    if lines:
        notice("\n".join([f"{name}:", *lines]))


def reason(error: Exception) -> str:
    """An error's text on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def noted(notes: list[str]) -> Iterator[None]:
    """Collects what `rtq.photos` warns about."""
    from rtq.photos import PhotoWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PhotoWarning)
        yield
    notes += [reason(x.message) for x in caught]


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Discards what libraries below Python write to stderr, e.g. libtpu on a machine without a TPU."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_jax() -> None:
    """Loads jax quietly and keeps compiled programs in the user's cache folder, unless jax is told another place.

    Raises:
      Failure: there is no such backend.
    """
    gc.disable()  # jax hooks into it, and a Ctrl-C that arrives inside the hook would be lost
    try:
        import jax

        importlib.import_module("rtq.editor.renderer")
    finally:
        gc.enable()
    logging.getLogger("jax").setLevel(logging.ERROR)
    if jax.config.jax_compilation_cache_dir is None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        jax.config.update("jax_compilation_cache_dir", os.path.join(base, "rtq", "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_compilation_cache_max_size", CACHE_BYTES)
    try:
        with silent_stderr():
            jax.default_backend()
    except RuntimeError as error:
        raise Failure(FAILED, f"jax cannot start: {reason(error)[:200]}") from None


# Plans


def read_source(name: str) -> Source:
    """Reads a plan's file, or standard input for "-", and tells its kind by the content."""
    try:
        if name == "-":
            name, data = STDIN, sys.stdin.buffer.read(MAX_PLAN_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise Failure(PLAN, f"{name}: cannot be read ({reason(error)})") from None
    if not data.strip():
        raise Failure(PLAN, f"{name}: is empty; a plan is JSON, e.g. {{\"v\":1,\"Exposure\":0.5}}")
    data = data.removeprefix(b"\xef\xbb\xbf")
    start = data[:64].replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    if start.startswith(b"<"):
        return Source(name, "xmp", data)
    if re.match(rb"\w+\s*=\s*\{", start):
        return Source(name, "lrtemplate", data)
    if name != STDIN and (b"\0" in data[:64] or data[0] >= 0x80):
        return Source(name, "photo", b"")
    return Source(name, "json", data)


def plan_of(source: Source, info=None) -> tuple[Plan, Report | None]:
    """The plan in a source, and what could be carried where it came from another program.

    Args:
      info: `PhotoInfo` of the photo it is for, or None.
    """
    try:
        if source.kind == "json":
            return Plan.from_json(source.data), None
        from rtq.interop import lrtemplate, xmp

        if source.kind == "photo":
            return xmp.read(source.name, photo=info)
        return (xmp if source.kind == "xmp" else lrtemplate).read(source.data, photo=info)
    except (ValueError, OSError) as error:
        text = reason(error)
        raise Failure(PLAN, text if text.startswith(source.name) else f"{source.name}: {text}") from None


def setting(text: str) -> tuple[str, float]:
    """`--set`'s "Exposure=+0.5" as (name, value)."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise Failure(USAGE, f"--set {text}: write NAME=NUMBER, e.g. --set Exposure=0.5")
    try:
        find_slider(name, "--set ")
        number = float(value)
        return name, int(number) if number.is_integer() else number
    except ValueError as error:
        wrong = reason(error) if "slider" in str(error) else f"--set {name}: {value[:40]!r} is not a number"
        raise Failure(PLAN, wrong) from None


def adjusted(plan: Plan, settings: Mapping[str, float], amount: float | None) -> Plan:
    """The plan with `--set` and `--amount` applied."""
    try:
        plan = dataclasses.replace(plan, sliders={**plan.sliders, **settings})
        return plan if amount is None else scaled(plan, amount)
    except ValueError as error:
        raise Failure(PLAN, reason(error)) from None


def _own_orientation(source: Source) -> int:
    """The EXIF orientation that settings were made for; 1 where they do not say."""
    from rtq.interop import packet, xmp

    if source.kind == "lrtemplate":
        return 1
    data = xmp.embedded_packet(source.name) if source.kind == "photo" else source.data
    text = packet.parse(data).get("tiff:Orientation", "1")
    return int(text) if text in tuple("12345678") else 1


def info_for(source: Source, path: str, photo):
    """The facts about `path` that `source` may be read with.

    A sidecar's turn and crop refer to its own photo (same name, another suffix). Another photo's settings are a look:
    they keep their own orientation, and only a raw photo's as-shot light counts.
    """
    from rtq.interop.photo_info import PhotoInfo, photo_info

    if photo.format == "RAW":
        info = photo_info(path)
    else:
        height, width = photo.pixels.shape[:2]
        info = PhotoInfo("rendered", photo.orientation, (width, height) if photo.orientation < 5 else (height, width))
    if pathlib.Path(source.name).name.split(".")[0] == pathlib.Path(path).name.split(".")[0]:
        return info
    return None if info.kind == "rendered" else dataclasses.replace(
        info, orientation=_own_orientation(source), size=None)


# Files


def check_free(path: pathlib.Path, overwrite: bool, source: str | None = None) -> None:
    """Raises Failure where a file would be replaced without leave, or cannot be written at all."""
    if path.is_dir():
        raise Failure(USAGE, f"{path}: a folder; name a file")
    if not path.parent.is_dir():
        raise Failure(USAGE, f"{path}: the folder {path.parent} does not exist")
    if not overwrite and path.exists():
        same = source is not None and os.path.exists(source) and os.path.samefile(path, source)
        raise Failure(EXISTS, f"{path}: {'is the source itself' if same else 'exists already'}; "
                              "choose another name or give --overwrite")


@contextlib.contextmanager
def whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A name beside `path` to write to; it becomes `path` at the end, or vanishes when something goes wrong."""
    scratch = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(6)}.tmp{path.suffix}")
    try:
        yield scratch
        os.replace(scratch, path.resolve())
    except OSError as error:
        raise Failure(FAILED, f"{path}: cannot be written ({reason(error)})") from None
    finally:
        scratch.unlink(missing_ok=True)


def save(path: pathlib.Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    with whole(path) as scratch:
        scratch.write_bytes(data)


def targets(inputs: Sequence[str], out: str | None, bits: int | None) -> list[pathlib.Path]:
    """Where each photo goes: FILE, or `name-rtq.suffix` beside it or in a folder."""
    from rtq.photos.write import FORMATS

    folder = None
    if out is not None:
        path = pathlib.Path(out)
        if path.is_dir() or is_folder_name(out):
            folder = path
        elif len(inputs) == 1:
            return [_writable(path, bits)]
        elif path.suffix.lower() in FORMATS or path.exists():
            raise Failure(USAGE, f"-o {out}: several photos need a folder, not a file name")
        else:
            folder = path
    found = []
    for name in map(pathlib.Path, inputs):
        suffix = name.suffix if name.suffix.lower() in FORMATS else ".tif" if bits == 16 else ".jpg"
        found.append(_writable((folder or name.parent) / f"{name.stem}-rtq{suffix}", bits))
    if len(set(found)) < len(found):
        twice = next(path for path in found if found.count(path) > 1)
        raise Failure(USAGE, f"{twice}: two photos would be written there; render them one by one with -o FILE")
    for path in found:
        if path.exists() and any(os.path.exists(x) and os.path.samefile(path, x) for x in inputs):
            raise Failure(USAGE, f"{path}: is itself one of the photos to render; leave it out or choose another -o")
    return found


def is_folder_name(out: str) -> bool:
    """True for a name that ends in a slash."""
    return out.endswith(("/", os.sep))


def _writable(path: pathlib.Path, bits: int | None) -> pathlib.Path:
    from rtq.photos.write import DEEP, FORMATS

    if path.suffix.lower() not in FORMATS:
        raise Failure(USAGE, f"{path}: cannot write {path.suffix or 'a name without suffix'}; use "
                             f"{', '.join(FORMATS)}, or a folder ending in /")
    if bits == 16 and FORMATS[path.suffix.lower()] not in DEEP:
        raise Failure(USAGE, f"{path}: {path.suffix} holds 8 bits; name a .png or .tif with -o")
    return path


def read_photo(path: str, notes: list[str]):
    """`rtq.photos.read` with its warnings in `notes`."""
    from rtq import photos

    try:
        with noted(notes):
            return photos.read(path)
    except photos.PhotoError as error:
        raise Failure(INPUT, reason(error)) from None


def read_masks(given: Sequence[str]) -> dict:
    """`--mask`'s NAME=FILE as name → uint8 or uint16 [h, w]: the file's own samples, channels averaged."""
    masks = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise Failure(USAGE, f"--mask {text}: write NAME=FILE, e.g. --mask sky=sky.png")
        photo = read_photo(path, [])
        samples = photo.pixels if photo.samples is None else photo.samples
        masks[name] = samples.mean(-1).round().astype(samples.dtype)
    return masks


# Rendering


def render_one(path: str, target: pathlib.Path, source: Source | None, plan: Plan | None, change, args, masks: Mapping,
               notes: list[str]) -> tuple[dict, Report | None]:
    """Renders one photo to a file.

    Args:
      path, target: from, to.
      source, plan: the plan and where it came from; a plan from XMP is read anew, for this photo.
      change: Plan → Plan, what `--set` and `--amount` do.
      args: the command's options overwrite, quality, profile and bits.
      masks: name → array, for `render`.
      notes: gets what the person should know.

    Returns:
      The facts for `--json`, and what could be carried of a plan from another program.
    """
    from rtq import photos

    check_free(target, args.overwrite, path)
    start = time.perf_counter()
    photo = read_photo(path, notes)
    report = None
    if source is not None and source.kind != "json":
        try:
            plan, report = plan_of(source, info_for(source, path, photo))
        except ValueError as error:
            raise Failure(INPUT, reason(error)) from None
    plan = change(plan)
    edited = edit(photo, plan, masks, args.bits)
    try:
        with noted(notes):
            photos.write(target, edited, overwrite=args.overwrite, source=path, profile=args.profile,
                         quality=args.quality, bits=args.bits)
    except FileExistsError as error:
        raise Failure(EXISTS, reason(error)) from None
    except photos.PhotoError as error:
        raise Failure(FAILED, reason(error)) from None
    height, width = edited.pixels.shape[:2]
    facts = {"input": path, "output": str(target), "width": width, "height": height,
             "seconds": round(time.perf_counter() - start, 3), "plan": json.loads(plan.to_json())}
    return facts, report


def edit(photo, plan: Plan, masks: Mapping, bits: int | None):
    """The photo rendered in its own depth (16 bits where they are asked for), its alpha cropped alike."""
    import jax
    import numpy as np

    from rtq.editor import crop, render

    pixels = photo.pixels
    if bits == 16 and pixels.dtype == np.uint8:
        pixels = pixels * np.uint16(257)
    try:
        pixels = np.asarray(render(pixels, plan, masks=masks))
        alpha = photo.alpha
        if alpha is not None and plan.crop is not None:
            alpha = np.ascontiguousarray(np.asarray(crop.apply(alpha[..., None], plan.crop))[..., 0])
    except ValueError as error:
        raise Failure(PLAN, reason(error)) from None
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        raise Failure(FAILED, f"cannot be rendered ({reason(error)[:200]})") from None
    return dataclasses.replace(photo, pixels=pixels, alpha=alpha)


def render_all(args) -> tuple[int, dict]:
    """`rtq render`: the exit code and the object for `--json`; a failing photo does not stop the others."""
    if args.plan is None and not args.set:
        raise Failure(USAGE, "render: give --plan FILE, or --set NAME=NUMBER, or both")
    outs = targets(args.photo, args.out, args.bits)
    source = None if args.plan is None else read_source(args.plan)
    plan = Plan() if source is None else plan_of(source)[0]
    settings = dict(map(setting, args.set))

    def change(loaded: Plan) -> Plan:
        return adjusted(loaded, settings, args.amount)

    needed = change(plan).mask_names
    names = [text.partition("=")[0] for text in args.mask]
    for name in needed:
        if name not in names:
            raise Failure(USAGE, f"the plan needs a mask named {name}: give --mask {name}=FILE")
    if unused := [name for name in names if name not in needed]:
        raise Failure(USAGE, f"--mask {unused[0]}: the plan has no such mask; it has: {', '.join(needed) or 'none'}")
    masks = read_masks(args.mask)
    if args.out is not None and (len(args.photo) > 1 or is_folder_name(args.out)):
        _make_folder(outs[0].parent)
    start_jax()
    results, reports = [], set()
    for path, target in zip(args.photo, outs, strict=True):
        notes: list[str] = []
        try:
            done, report = render_one(path, target, source, plan, change, args, masks, notes)
            results.append(done)
            if report is not None and report not in reports:
                reports.add(report)
                notice_report(source.name, report, exact=False)
            if not args.json:
                print(f"{path} → {target}  {done['width']} × {done['height']}, {done['seconds']:.1f} s", flush=True)
        except Failure as error:
            message = str(error) if str(pathlib.Path(path)) in str(error) else f"{path}: {error}"
            results.append({"input": path, "error": message, "code": error.code})
            notice(message)
        results[-1]["notes"] = notes
        for note in notes:
            notice(note)
    codes = [x["code"] for x in results if "code" in x]
    code = 0 if not codes else PARTIAL if len(codes) < len(results) else codes[0] if len(set(codes)) == 1 else FAILED
    return code, {"ok": not codes, "photos": results}


def _make_folder(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(FAILED, f"{folder}: cannot be made ({reason(error)})") from None


# Finding a plan


def fit_pair(before_path: str, after_path: str) -> tuple[Plan, dict]:
    """`rtq fit`: the plan, and how near its render comes to `after`."""
    import numpy as np

    notes: list[str] = []
    before, after = (read_photo(path, notes) for path in (before_path, after_path))
    for note in notes:
        notice(note)
    if before.pixels.shape != after.pixels.shape:
        sizes = " and ".join(f"{x.pixels.shape[1]} × {x.pixels.shape[0]}" for x in (before, after))
        raise Failure(INPUT, f"{before_path} and {after_path} differ in size ({sizes}); fit needs two photos of one "
                             "size, not cropped or scaled")
    start_jax()
    from rtq import editor

    def floats(pixels):
        top = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
        return pixels.astype(np.float32) / np.float32(top)

    start = time.perf_counter()
    first, second = floats(before.pixels), floats(after.pixels)
    try:
        plan = editor.fit(first, second)
    except ValueError as error:
        raise Failure(INPUT, f"{before_path} and {after_path}: {reason(error)}") from None
    seconds = time.perf_counter() - start
    shown = np.clip(np.asarray(editor.render(first, plan)), 0, 1)
    second = np.clip(second, 0, 1)
    facts = {name: _distance(x, second) for name, x in (("before", np.clip(first, 0, 1)), ("fitted", shown))}
    return plan, {**facts, "seconds": round(seconds, 3)}


def _distance(a, b) -> dict:
    """Mean absolute difference (0–1) and PSNR in dB (None: equal) of float32[H, W, 3]."""
    difference = abs(a - b)
    square = float((difference * difference).mean())
    psnr = None if square == 0 else round(-10 * math.log10(square), 2)
    return {"l1": round(float(difference.mean()), 5), "psnr": psnr}
