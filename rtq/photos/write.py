"""Writing photo files."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import struct
import warnings

import numpy as np

from rtq.files import replace
from rtq.photos import compressed, exif, icc, png, tiff
from rtq.photos import xmp as xmp_packet
from rtq.photos.types import Photo, PhotoError, PhotoWarning, one_line

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP",
           ".heic": "HEIF", ".heif": "HEIF", ".avif": "AVIF"}  # fmt: skip
DEEP = ("PNG", "TIFF")
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
JPEG_BLOCK = 65500  # bytes of EXIF, XMP or IPTC that a JPEG segment holds
NEUTRAL = 0.5 / 255  # a grey photo whose edit spreads its channels further than this is written in colour
SRGB = icc.matrix_profile(icc.SRGB_XY, icc.D65_XY, icc.SRGB_CURVE, "sRGB")
FAILED = (OSError, ValueError, TypeError, RuntimeError, MemoryError, struct.error)


def _check(path: pathlib.Path, photo: Photo, profile: str, quality: int, bits: int | None) -> str:
    """The output's format; raises PhotoError for what cannot be asked."""
    if path.suffix.lower() not in FORMATS:
        raise PhotoError(f"{path}: cannot write {path.suffix or 'a name without suffix'}; use {', '.join(FORMATS)}")
    kind = FORMATS[path.suffix.lower()]
    pixels, alpha = photo.pixels, photo.alpha
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise PhotoError(f"{path}: pixels must be [H, W, 3], not {list(pixels.shape)}")
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise PhotoError(f"{path}: pixels must be uint8, uint16 or float32, not {pixels.dtype}")
    if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype not in (np.uint8, np.uint16)):
        raise PhotoError(f"{path}: alpha must be uint8 or uint16 {list(pixels.shape[:2])}, not "
                         f"{alpha.dtype} {list(alpha.shape)}")  # fmt: skip
    if profile not in ("keep", "srgb"):
        raise PhotoError(f'{path}: profile must be "keep" or "srgb", not {profile!r}')
    if not 1 <= quality <= 100:
        raise PhotoError(f"{path}: quality must be 1 to 100, not {quality}")
    if bits not in (None, 8, 16):
        raise PhotoError(f"{path}: bits must be 8 or 16, not {bits}")
    if bits == 16 and kind not in DEEP:
        raise PhotoError(f"{path}: {kind} is written with 8 bits; use .png or .tif for 16")
    side = max(pixels.shape[:2])
    if side > LONGEST_SIDE.get(kind, side):
        raise PhotoError(f"{path}: {kind} holds at most {LONGEST_SIDE[kind]} pixels a side, not {side}")
    return kind


def _check_target(path: pathlib.Path, source, overwrite: bool) -> None:
    if os.path.isdir(path):
        raise PhotoError(f"{path}: a folder, not a file name")
    if not os.path.isdir(path.parent):
        raise PhotoError(f"{path}: the folder {path.parent} does not exist")
    if os.path.exists(path) and not os.path.isfile(path):
        raise PhotoError(f"{path}: not a regular file, and never replaced; choose another name")
    if os.path.exists(path) and not overwrite:
        if source is not None and os.path.exists(source) and os.path.samefile(path, source):
            raise FileExistsError(f"{path}: is the source photo itself; choose another name or allow overwriting")
        raise FileExistsError(f"{path}: exists already; choose another name or allow overwriting")


def _depth(values: np.ndarray, bits: int) -> np.ndarray:
    """Integers or floats 0–1 to integers of 8 or 16 bits: clipped once, rounded half to even, no dither."""
    dtype, top = (np.uint8, 255) if bits == 8 else (np.uint16, 65535)
    if values.dtype == dtype:
        return values
    if values.dtype == np.uint8:
        return values * np.uint16(257)
    out = np.empty(values.shape, dtype)
    factor = np.float32(1 / 257 if values.dtype == np.uint16 else top)

    def convert(rows):
        scaled = values[rows].astype(np.float32) * factor
        out[rows] = np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, top))

    icc.in_strips(convert, *values.shape[:2])
    return out


def _float(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.float32 else values.astype(np.float32) / np.iinfo(values.dtype).max


def _on_white(photo: Photo) -> Photo:
    weight = _float(photo.alpha)[..., None]
    pixels = _float(photo.pixels) * weight + (1 - weight)
    return dataclasses.replace(photo, pixels=pixels, alpha=None, samples=None)


def _neutral(pixels: np.ndarray) -> bool:
    spread = pixels.max(-1) - pixels.min(-1)
    return bool(spread.max() <= NEUTRAL * (1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max))


def _samples(photo: Photo, profile: str, bits: int, colours: int, exact: bool):
    """Samples [H, W, 1 or 3] to store, the profile to embed or None, and EXIF's colour space or None: as it was.

    With `exact`, for lossless formats, untouched pixels get the samples they were read from.
    """
    if profile == "keep" and photo.icc is not None:
        try:
            own = icc.fitting(icc.parse(photo.icc), colours)
        except icc.ProfileError:
            own = None
        if own is not None and not icc.is_srgb(own):
            samples = icc.from_srgb(photo.pixels, own, bits)
            stored = photo.samples
            if exact and stored is not None and stored.shape == samples.shape and stored.dtype == samples.dtype:
                icc.restore(samples, stored, photo.pixels, own)
            return samples, photo.icc, exif.UNCALIBRATED
        if own is not None:
            return _depth(photo.pixels, bits)[..., :colours], photo.icc, None
        profile = "srgb"
    embedded = SRGB if colours == 3 and profile == "srgb" else None
    samples = _depth(photo.pixels, bits)
    return samples[..., 1:2] if colours == 1 else samples, embedded, None if photo.icc is None else exif.SRGB


def _exif(photo: Photo, kind: str, space: int | None, notes: list[str]) -> bytes | None:
    if photo.exif is None:
        return None
    height, width, _ = photo.pixels.shape
    try:
        block, _ = exif.upright(photo.exif)
        block = exif.resized(block, width, height)
        if space is not None:
            block = exif.in_space(block, space)
        if kind == "JPEG" and len(block) > JPEG_BLOCK:
            block = exif.without_maker_note(block)
            notes.append("the camera maker's notes did not fit into a JPEG and were left out")
        if kind == "JPEG" and len(block) > JPEG_BLOCK:
            raise exif.ExifError("too long for a JPEG")
        if kind == "TIFF":
            exif.collect(block)  # as `tiff.encode` does: damage below IFD0 shows here
    except (exif.ExifError, struct.error) as error:
        notes.append(f"EXIF was left out ({one_line(error)})")
        return None
    return block


def _iptc(photo: Photo, kind: str, notes: list[str]) -> bytes | None:
    if photo.iptc is None or kind == "TIFF":
        return photo.iptc
    if kind != "JPEG":
        notes.append(f"{kind} has no place for IPTC: it was left out")
    elif len(photo.iptc) > JPEG_BLOCK:
        notes.append("IPTC did not fit into a JPEG and was left out")
    else:
        return photo.iptc
    return None


def _check_density(photo: Photo, kind: str, block: bytes | None, notes: list[str]) -> None:
    """Notes a resolution that is lost: formats without one of their own have EXIF's."""
    if photo.density is None or kind in ("JPEG", "PNG", "TIFF"):
        return
    stated = exif.density(block) if block else None
    if stated is None or any(abs(a - b) > 0.5 for a, b in zip(stated, photo.density, strict=True)):
        notes.append(f"{kind} has no place for the resolution: {photo.density[0]:.0f} dpi were left out")


def _packet(photo: Photo, given: bytes | None, kind: str, notes: list[str]) -> bytes | None:
    packet = photo.xmp if given is None else given
    if packet:
        packet, lost = xmp_packet.upright(packet, rendered=given is None)
        notes += [f"its {name} was left out" for name in lost]
        if packet is None:
            notes.append("its XMP is damaged and was left out")
    if packet and kind == "JPEG" and len(packet) > JPEG_BLOCK:
        notes.append("XMP did not fit into a JPEG and was left out")
        return None
    return packet or None


def _encode(kind: str, photo: Photo, profile: str, quality: int, bits: int, given: bytes | None) -> tuple[bytes, list]:
    notes = []
    lossless = photo.lossless and kind == "WEBP"
    if photo.alpha is not None and kind == "JPEG":
        photo = _on_white(photo)
        notes.append("JPEG has no transparency: it was laid on white")
    colours = 1 if photo.grey and _neutral(photo.pixels) else 3
    exact = kind in DEEP or (kind == "WEBP" and (lossless or quality == 100))
    samples, embedded, space = _samples(photo, profile, bits, colours, exact)
    if photo.alpha is not None:
        samples = np.concatenate([samples, _depth(photo.alpha, bits)[..., None]], -1)
    block = _exif(photo, kind, space, notes)
    packet, iptc, density = _packet(photo, given, kind, notes), _iptc(photo, kind, notes), photo.density
    _check_density(photo, kind, block, notes)
    notes += [f"its {name} was left out" for name in photo.unkept]
    if kind == "PNG":
        return png.encode(samples, embedded, block, packet, density), notes
    if kind == "TIFF":
        return tiff.encode(samples, embedded, block, packet, iptc, density), notes
    if block:
        # Pillow rebuilds the EXIF of an AVIF that has an orientation, and moves the maker's notes.
        block = exif.PREFIX + (exif.without_orientation(block) if kind == "AVIF" else block)
    data = compressed.encode(kind, samples, embedded, block, packet, iptc=iptc, density=density, quality=quality,
                             lossless=lossless)  # fmt: skip
    return data, notes


def write(path, photo: Photo, *, overwrite: bool = False, source=None, profile: str = "keep", quality: int = 95,
          bits: int | None = None, xmp: bytes | None = None) -> None:  # fmt: skip
    """Writes a photo file in the format of the name's suffix, whole or not at all.

    Args:
        path: .jpg .jpeg .png .tif .tiff .webp .heic .heif or .avif.
        photo: what `read` gave, with edited pixels. They are clipped and quantised here, once.
        overwrite: allows replacing an existing file, the source included.
        source: the file the photo was read from; named in the error when `path` is that file.
        profile: "keep" converts into the profile the photo came in, "srgb" into sRGB, which is then embedded.
        quality: 1–100 for JPEG, WebP (100 is lossless), HEIC and AVIF.
        bits: 8 or 16; by default those of the source for PNG and TIFF, and 8 elsewhere.
        xmp: a packet to embed instead of the photo's own, which loses its camera-raw settings because they are in the
            pixels now, and what it says of a gain map or video beside the photo. It is embedded as it is, but for a
            tiff:Orientation, which becomes 1. b"" embeds none.

    Raises:
        FileExistsError: `path` exists and `overwrite` is not set.
        PhotoError: the photo cannot be written so; nothing is left behind.
    Warns:
        PhotoWarning: where something of the photo was left out (alpha, 16 bits, IPTC, text, long metadata …).
    """
    path = pathlib.Path(path)
    kind = _check(path, photo, profile, quality, bits)
    _check_target(path, source, overwrite)
    depth = bits or (photo.bits if kind in DEEP else 8)
    try:
        data, notes = _encode(kind, photo, profile, quality, depth, xmp)
        _check_target(path, source, overwrite)
        replace(path, data)
    except FileExistsError:
        raise
    except FAILED as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise PhotoError(f"{path}: cannot be written ({reason})") from error
    if depth == 8 and bits is None and photo.bits == 16 and photo.format != "RAW":
        notes.append(f"{kind} holds 8 bits: the photo's 16 were reduced")
    for note in notes:
        warnings.warn(f"{path}: {note}", PhotoWarning, stacklevel=2)
