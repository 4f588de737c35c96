"""Lightroom and Camera Raw: presets, sidecars, and XMP embedded in photos; reading all of them.

Settings carry over by name and number; formulas do not: Lightroom renders them its own way. Sidecars (photo.xmp beside
photo.nef) count for proprietary raw files only; JPEG, TIFF and DNG carry the packet inside (`embed`).
"""

import os
import pathlib
import uuid

import pyexiv2

from rtq.editor.plan import Plan
from rtq.files import replace
from rtq.interop import packet
from rtq.interop.photo_info import KINDS, PhotoInfo, open_image, photo_info
from rtq.interop.report import Report
from rtq.interop.settings_in import from_settings
from rtq.interop.settings_out import to_settings

_SUPPORTS = ("SupportsAmount", "SupportsColor", "SupportsMonochrome", "SupportsHighDynamicRange",
             "SupportsNormalDynamicRange", "SupportsSceneReferred", "SupportsOutputReferred")


def write_preset(plan: Plan, name: str, *, photo_kind: str | None = None) -> tuple[bytes, Report]:
    """A Lightroom preset (.xmp) to be imported by hand in its Presets panel.

    Args:
      plan: what the preset does; crop is left out.
      name: its name in the panel, 1 to 200 printable characters.
      photo_kind: "rendered", "raw", or None for both: white balance acts on rendered photos only, since Kelvin of a raw
        photo depend on the photo.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
        raise ValueError(f"preset: the name {name!r:.80} is not 1 to 200 printable characters")
    if photo_kind is not None and photo_kind not in KINDS:
        raise ValueError(f"preset: photo kind {photo_kind!r}; allowed: {', '.join(KINDS)}")
    values, report = to_settings(plan, PhotoInfo(photo_kind or "rendered"), preset=True)
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"rtq:{name}:{plan.to_json()}").hex.upper()
    values = {"PresetType": "Normal", "Cluster": "", "UUID": identity, **dict.fromkeys(_SUPPORTS, "True"),
              "CameraModelRestriction": "", "Copyright": "", "ContactInfo": "", **values}
    values |= {"Name": {"x-default": name}, "ShortName": {"x-default": ""}, "SortName": {"x-default": ""},
               "Group": {"x-default": "rtq"}, "Description": {"x-default": ""}}
    return packet.build(values), report


def write_sidecar(plan: Plan, photo: PhotoInfo | None = None, *, base: bytes | None = None) -> tuple[bytes, Report]:
    """A sidecar packet for one photo.

    Args:
      plan: the edit.
      photo: facts about the photo (`photo_info.photo_info(path)`); None: rendered and upright.
      base: the packet it replaces, whose other metadata (ratings, titles …) are kept.
    """
    values, report = to_settings(plan, photo)
    return packet.build(values, base), report


def embed(path_in: str | os.PathLike, path_out: str | os.PathLike, plan: Plan, *, photo: PhotoInfo | None = None,
          overwrite: bool = False) -> Report:
    """Copies a JPEG, TIFF, DNG, PNG … and puts the plan into the copy's XMP; pixels and other metadata are untouched.

    A turn in the plan also goes into the EXIF orientation, as Lightroom does it. The copy is read back before it takes
    its place.

    Raises:
      ValueError: one line: not a photo that can carry XMP.
      FileExistsError: `path_out` exists and `overwrite` is not set.
    """
    path_in, path_out = os.fspath(path_in), os.fspath(path_out)
    if os.path.exists(path_out) and not overwrite:
        raise FileExistsError(f"{path_out}: exists already; choose another name or allow overwriting")
    photo = photo or photo_info(path_in)
    with open(path_in, "rb") as file:
        data, report = _embedded(file.read(), plan, photo, path_in)
    replace(pathlib.Path(path_out), data)
    return report


def _embedded(photo_file: bytes, plan: Plan, photo: PhotoInfo, shown: str) -> tuple[bytes, Report]:
    values, report = to_settings(plan, photo)
    try:
        with pyexiv2.ImageData(photo_file) as image:
            old = image.read_raw_xmp().strip("\0 \r\n\t")
            data = packet.build(values, old.encode("utf-8") or None)
            image.modify_raw_xmp(data.decode("utf-8"))
            if values["tiff:Orientation"] != str(photo.orientation):
                image.modify_exif({"Exif.Image.Orientation": values["tiff:Orientation"]})
            written = image.get_bytes()
        with pyexiv2.ImageData(written) as image:
            kept = packet.parse(image.read_raw_xmp().encode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{shown}: its XMP is not UTF-8 text; refused, since it would be lost") from None
    except RuntimeError as error:
        raise ValueError(f"{shown}: cannot carry XMP ({' '.join(str(error).split())[:120]})") from None
    wrong = [key for key, value in values.items() if kept.get(key) != value]
    if wrong:
        raise ValueError(f"{shown}: the photo did not keep {', '.join(wrong[:5])}")
    return written, report


def read(source: bytes | str | os.PathLike, *, photo: PhotoInfo | None = None) -> tuple[Plan, Report]:
    """The plan in a preset, a sidecar or a photo with embedded XMP.

    Args:
      source: a path, or the packet itself.
      photo: facts about the photo the plan is for: a raw photo's Kelvin need its as-shot light, and a turn is found by
        comparing orientations.

    Raises:
      ValueError: one line: not XMP, no Camera Raw settings, too large, broken.
      OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return from_settings(packet.parse(source), photo)
    path = os.fspath(source)
    with open(path, "rb") as file:
        start = file.read(64).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
        file.seek(0)
        text = file.read(packet.MAX_BYTES + 1) if start.startswith(b"<") else None
    try:
        return from_settings(packet.parse(embedded_packet(path) if text is None else text), photo)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def embedded_packet(path: str) -> bytes:
    """The XMP packet inside a photo.

    Raises:
      ValueError: no photo that Exiv2 knows, or no XMP in it.
    """
    try:
        with open_image(path) as image:
            text = image.read_raw_xmp()
    except RuntimeError as error:
        raise ValueError(f"neither XMP nor a photo ({' '.join(str(error).split())[:120]})") from None
    except UnicodeDecodeError:
        raise ValueError("the photo's XMP is not UTF-8 text") from None
    text = text.strip("\0 \r\n\t")
    if not text:
        raise ValueError("the photo has no XMP")
    return text.encode("utf-8")
