"""What `rtq render` and `rtq fit` do with photos, and how edits are written. jax is imported where it is needed."""

import collections
import dataclasses
import json
import math
import os
import pathlib
import time
from collections.abc import Mapping, Sequence

from rtq.cli_base import (
    EXISTS,
    FAILED,
    INPUT,
    PARTIAL,
    PLAN,
    USAGE,
    Failure,
    check_free,
    noted,
    notice,
    notice_report,
    read_photo,
    reason,
    start_jax,
)
from rtq.cli_plans import Source, adjusted, info_for, plan_of, read_source, setting
from rtq.editor.plan import Plan
from rtq.interop.report import Report


def targets(inputs: Sequence[str], out: str | None, bits: int | None) -> list[pathlib.Path]:
    """Where each photo goes: FILE, or `name-rtq.suffix` beside it or in a folder."""
    from rtq.photos.write import FORMATS

    folder = None
    if out is not None:
        path = pathlib.Path(out)
        if os.path.isdir(path) or is_folder_name(out):
            folder = path
        elif len(inputs) == 1:
            return [_writable(path, bits)]
        elif path.suffix.lower() in FORMATS or os.path.exists(path):
            raise Failure(USAGE, f"-o {out}: several photos need a folder, not a file name")
        else:
            folder = path
    found = _named([pathlib.Path(x) for x in inputs], folder, bits)
    for path in found:
        if os.path.exists(path) and any(os.path.exists(x) and os.path.samefile(path, x) for x in inputs):
            raise Failure(USAGE, f"{path}: is itself one of the photos to render; leave it out or choose another -o")
    return found


def _named(names: Sequence[pathlib.Path], folder: pathlib.Path | None, bits: int | None) -> list[pathlib.Path]:
    """`name-rtq.suffix` for each; `name.nef-rtq.jpg` for what changes its format where a photo goes to that name too.
    What is no photo by its suffix, like a sidecar, changes no photo's name."""
    from rtq.photos import SUFFIXES
    from rtq.photos.write import DEEP, FORMATS

    kept = {suffix for suffix in FORMATS if bits != 16 or FORMATS[suffix] in DEEP}
    suffixes = [x.suffix if x.suffix.lower() in kept else ".tif" if bits == 16 else ".jpg" for x in names]
    plain = [(folder or x.parent) / f"{x.stem}-rtq{suffix}" for x, suffix in zip(names, suffixes, strict=True)]
    photos = [x.suffix.lower() in SUFFIXES for x in names]
    taken = collections.Counter(path for path, photo in zip(plain, photos, strict=True) if photo)
    return [path if x.suffix == suffix or taken[path] <= photo else path.with_name(f"{x.name}-rtq{suffix}")
            for x, suffix, path, photo in zip(names, suffixes, plain, photos, strict=True)]


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


def mask_files(given: Sequence[str], needed: Sequence[str]) -> dict[str, str]:
    """`--mask`'s NAME=FILE as name → file; a name that is needed may hold a = itself."""
    found = {}
    for text in given:
        name = max((x for x in needed if text.startswith(f"{x}=")), key=len, default=text.partition("=")[0])
        path = text[len(name) + 1:]
        if not name or not path:
            raise Failure(USAGE, f"--mask {text}: write NAME=FILE, e.g. --mask sky=sky.png")
        if name in found:
            raise Failure(USAGE, f"--mask {text}: {name} has a mask already, {found[name]}; give one for each name")
        found[name] = path
    return found


def read_masks(files: Mapping[str, str]) -> dict:
    """Masks by name → uint8 or uint16 [h, w]: the file's own samples, channels averaged, and 0 where it is
    transparent."""
    import numpy as np

    masks = {}
    for name, path in files.items():
        photo = read_photo(path, [])
        samples = photo.pixels if photo.samples is None else photo.samples
        mask = samples.mean(-1)
        if photo.alpha is not None:
            mask *= photo.alpha / np.iinfo(photo.alpha.dtype).max
        masks[name] = mask.round().astype(samples.dtype)
    return masks


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
    start = time.perf_counter()
    photo = read_photo(path, notes)
    report = None
    if source is not None and source.kind != "json":
        try:
            plan, report = plan_of(source, info_for(source, path, photo))
        except ValueError as error:
            raise Failure(INPUT, reason(error)) from None
    facts = write_edit(photo, change(plan), path, target, args, masks, notes)
    return facts | {"seconds": round(time.perf_counter() - start, 3)}, report


def write_edit(photo, plan: Plan, path: str, target: pathlib.Path, args, masks: Mapping, notes: list[str]) -> dict:
    """Renders a photo that was read from `path` and writes it to `target`; the rest as in `render_one`."""
    from rtq import photos

    start = time.perf_counter()
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
    return {"input": path, "output": str(target), "width": width, "height": height,
            "seconds": round(time.perf_counter() - start, 3), "plan": json.loads(plan.to_json())}


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
    given = mask_files(args.mask, needed)
    for name in needed:
        if name not in given:
            raise Failure(USAGE, f"the plan needs a mask named {name}: give --mask {name}=FILE")
    if unused := [name for name in given if name not in needed]:
        raise Failure(USAGE, f"--mask {unused[0]}: the plan has no such mask; it has: {', '.join(needed) or 'none'}")
    masks = read_masks(given)
    if args.out is not None and (len(args.photo) > 1 or is_folder_name(args.out)):
        make_folder(outs[0].parent)
    start_jax()
    results, reports, written = [], set(), {}
    for path, target in zip(args.photo, outs, strict=True):
        notes: list[str] = []
        try:
            if target in written:
                raise Failure(USAGE, f"{target}: {written[target]} went there; render {path} by itself with -o FILE")
            check_free(target, args.overwrite, path, args.plan, *given.values())
            done, report = render_one(path, target, source, plan, change, args, masks, notes)
            written[target] = path
            results.append(done)
            if report is not None and report not in reports:
                reports.add(report)
                notice_report(source.name, report, exact=False)
            if not args.json:
                print(line_of(done), flush=True)
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


def line_of(facts: Mapping) -> str:
    """A rendered photo's facts on one line."""
    size = f"{facts['width']} × {facts['height']}"
    return f"{facts['input']} → {facts['output']}  {size}, {facts['seconds']:.1f} s"


def make_folder(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(FAILED, f"{folder}: cannot be made ({reason(error)})") from None


def fit_pair(before_path: str, after_path: str, names: Sequence[str] | None = None) -> tuple[Plan, dict]:
    """`rtq fit`: the plan, of the sliders `names` where they are given, how near its render comes to `after`, and
    what it leaves unexplained."""
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
        found = editor.fit_report(first, second, names=names)
    except ValueError as error:
        raise Failure(INPUT, f"{before_path} and {after_path}: {reason(error)}") from None
    seconds = time.perf_counter() - start
    shown = np.clip(np.asarray(editor.render(first, found.plan)), 0, 1)
    second = np.clip(second, 0, 1)
    facts = {name: _distance(x, second) for name, x in (("before", np.clip(first, 0, 1)), ("fitted", shown))}
    return found.plan, {**facts, "unexplained": list(found.unexplained), "seconds": round(seconds, 3)}


def _distance(a, b) -> dict:
    """Mean absolute difference (0–1) and PSNR in dB (None: equal) of float32[H, W, 3]."""
    difference = abs(a - b)
    square = float((difference * difference).mean())
    psnr = None if square == 0 else round(-10 * math.log10(square), 2)
    return {"l1": round(float(difference.mean()), 5), "psnr": psnr}
