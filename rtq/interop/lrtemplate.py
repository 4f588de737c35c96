"""Lightroom's older presets, .lrtemplate: a Lua table with Camera Raw settings."""

import os

from rtq.editor.plan import Local, Mask, Plan
from rtq.editor.sliders import LOCAL_SLIDERS
from rtq.interop import lua_table
from rtq.interop.camera_raw_keys import number_of
from rtq.interop.mask_groups import sliders_in
from rtq.interop.photo_info import PhotoInfo
from rtq.interop.report import Notes, Report
from rtq.interop.settings_in import from_settings

_EVERYWHERE = Mask("luminance", (0, 100, 0))


def read(source: bytes | str | os.PathLike, *, photo: PhotoInfo | None = None) -> tuple[Plan, Report]:
    """The plan in a .lrtemplate: a develop preset, or a local-adjustment (brush) preset.

    Args:
      source: a path, or the file's bytes.
      photo: facts about the photo the plan is for, see `xmp.read`.

    Raises:
      ValueError: one line: not a Lua table, no settings in it.
      OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return _read(source, photo)
    path = os.fspath(source)
    with open(path, "rb") as file:
        data = file.read(lua_table.MAX_CHARACTERS + 1)
    try:
        return _read(data, photo)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read(data: bytes, photo: PhotoInfo | None) -> tuple[Plan, Report]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"lrtemplate: not UTF-8 text (byte {error.start})") from None
    table = lua_table.loads(text)
    if not isinstance(table, dict):
        raise ValueError("lrtemplate: not a table of settings")
    value = table.get("value")
    if isinstance(value, dict) and table.get("type") == "LocalizedAdjustmentPreset":
        return _local_preset(value)
    settings = value.get("settings") if isinstance(value, dict) else table
    if not isinstance(settings, dict):
        raise ValueError(f"lrtemplate: no develop settings in it (type {table.get('type')!r:.40})")
    return from_settings({key: entry for key, entry in settings.items() if entry is not None and ":" not in key}, photo)


def _local_preset(value: dict) -> tuple[Plan, Report]:
    """A brush preset has settings but no mask; it is read as a local adjustment of the whole photo."""
    notes = Notes()
    wanted = {row.local_key.removeprefix("Local").lower(): row.local_key for row in LOCAL_SLIDERS}
    entry = {wanted.get(key.lower(), f"Local{key[:1].upper()}{key[1:]}"): v for key, v in value.items()
             if number_of(v) is not None}
    if any(key.endswith("2012") for key in entry):  # the older names repeat them
        entry = {k: v for k, v in entry.items() if k not in ("LocalExposure", "LocalContrast", "LocalClarity")}
    sliders = sliders_in(entry, "preset", notes)
    if not sliders:
        raise ValueError("lrtemplate: a local preset without any setting that a plan knows")
    notes.approximated("mask", "a local preset has none; it acts on the whole photo until the plan's mask is changed")
    return Plan(locals=(Local((_EVERYWHERE,), sliders),)), notes.report()
