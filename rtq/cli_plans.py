"""Plans as the verbs take them: from JSON, Lightroom's files or photos, with `--set` and `--amount`."""

import dataclasses
import pathlib
import re
import sys
from collections.abc import Mapping

from rtq.cli_base import PLAN, USAGE, Failure, reason
from rtq.editor.plan import Plan, find_slider, scaled
from rtq.interop.report import Report

MAX_PLAN_BYTES = 16 << 20
STDIN = "standard input"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a plan comes from: its name for messages, its kind ("json", "xmp", "lrtemplate", "photo"), its bytes."""

    name: str
    kind: str
    data: bytes


def read_source(name: str) -> Source:
    """Reads a plan's file, or standard input for "-", and tells its kind by the content."""
    try:
        if name == "-":
            name, data = STDIN, sys.stdin.buffer.read(MAX_PLAN_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise Failure(PLAN, f"{name or repr(name)}: cannot be read ({reason(error)})") from None
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
    except ValueError as error:
        raise Failure(PLAN, reason(error)) from None
    try:
        number = float(value)
    except ValueError:
        raise Failure(PLAN, f"--set {name}: {value[:40]!r} is not a number") from None
    return name, int(number) if number.is_integer() else number


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

    A sidecar's turn and crop refer to its own photo (photo.xmp or photo.nef.xmp to photo.nef). Another photo's settings
    are a look: they keep their own orientation, and only a raw photo's as-shot light counts.
    """
    from rtq.interop.photo_info import PhotoInfo, photo_info

    if photo.format == "RAW":
        info = photo_info(path)
    else:
        height, width = photo.pixels.shape[:2]
        info = PhotoInfo("rendered", photo.orientation, (width, height) if photo.orientation < 5 else (height, width))
    if pathlib.Path(source.name).stem in (pathlib.Path(path).stem, pathlib.Path(path).name):
        return info
    return None if info.kind == "rendered" else dataclasses.replace(
        info, orientation=_own_orientation(source), size=None)
