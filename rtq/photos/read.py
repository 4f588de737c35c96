"""Reading photo files."""

from __future__ import annotations

import dataclasses
import io
import pathlib
import struct
import warnings
import zlib

import numpy as np

from rtq.photos import compressed, exif, icc, png, raw, tiff
from rtq.photos.types import Decoded, Photo, PhotoError, PhotoWarning, one_line
from rtq.photos.write import FORMATS

# What decoders raise on damaged bytes; LibRaw's own error is turned into ValueError in raw.py.
DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError,
           EOFError, RuntimeError, MemoryError, BufferError, struct.error, zlib.error)  # fmt: skip
SUFFIXES = frozenset(FORMATS) | raw.SUFFIXES  # by which folders are searched for photos
KINDS = "JPEG, PNG, TIFF, WebP, HEIC, AVIF or camera raw"
RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
ADOBE_RGB_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
ADOBE_RGB = icc.matrix_profile(ADOBE_RGB_XY, icc.D65_XY, icc.Curve(563 / 256), "Adobe RGB")
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}


def _kind(data: bytes, suffix: str) -> str | None:
    """The format by the file's first bytes; the suffix only tells raw files from TIFF. None for anything else."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == png.SIGNATURE:
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        size = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[8:12], *(data[i : i + 4] for i in range(16, size, 4))}
        if data[8:12] == b"crx ":
            return "RAW"
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIF" if brands & HEIF_BRANDS else None
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "RAW" if suffix in raw.SUFFIXES or tiff.has_tag(data, tiff.DNG_VERSION) else "TIFF"
    return "RAW" if data.startswith(RAW_STARTS) or suffix in raw.SUFFIXES else None


def _decode(data: bytes, kind: str, max_pixels: int) -> Decoded:
    decoders = {"JPEG": compressed.decode_jpeg, "PNG": png.decode, "TIFF": tiff.decode, "WEBP": compressed.decode_webp,
                "HEIF": compressed.decode_heif, "AVIF": compressed.decode_avif, "RAW": raw.decode}  # fmt: skip
    return decoders[kind](data, max_pixels)


def _bytes(path: pathlib.Path) -> bytes:
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: a folder, not a photo")
        if not path.exists():
            raise PhotoError(f"{path}: no such file")
        if not path.is_file():
            raise PhotoError(f"{path}: not a regular file")
        with open(path, "rb") as file:
            head = file.read(512)
            if not head:
                raise PhotoError(f"{path}: the file is empty")
            if _kind(head, path.suffix.lower()) is None:
                raise PhotoError(f"{path}: not a photo that can be read ({KINDS})")
            return head + file.read()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or one_line(error)})") from error


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array [H, W, …] stored with this EXIF orientation (1–8), upright."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(array[::rows, ::columns])


def _managed(samples: np.ndarray, profile: bytes | None, cmyk: bool) -> np.ndarray:
    """uint8 samples through LittleCMS to sRGB uint8 [H, W, 3], relative colorimetric with black point compensation."""
    from PIL import Image, ImageCms

    mode = "CMYK" if cmyk else "RGB"
    image = Image.frombytes(mode, samples.shape[1::-1], np.ascontiguousarray(samples).tobytes())
    if profile is None:
        return np.asarray(image.convert("RGB"))
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return np.asarray(ImageCms.profileToProfile(image, source, target, intent, "RGB", flags=flags))
    except ImageCms.PyCMSError as error:
        raise ValueError(f"has a profile that cannot be applied: {one_line(error)}") from error


def _coloured(decoded: Decoded, samples: np.ndarray, notes: list[str]):
    """Pixels, the profile to keep or None, the stored samples to keep beside the pixels or None, and whether the pixels
    were converted to sRGB for good."""
    space, profile = "", None
    if decoded.icc:
        try:
            profile = icc.parse(decoded.icc)
            space = profile.space
        except icc.ProfileError as error:
            notes.append(f"its damaged colour profile ({error}) was ignored")
    if decoded.cmyk or (space == "RGB " and profile.curves is None and samples.shape[2] == 3):
        own = decoded.icc if space == ("CMYK" if decoded.cmyk else "RGB ") else None
        cut = " at 8 bits" if samples.dtype == np.uint16 else ""
        what = "table-based profile" if not decoded.cmyk else "CMYK profile" if own else "CMYK (no profile)"
        notes.append(f"{what} was converted to sRGB{cut}; it is not kept")
        eight = np.rint(samples / 257).astype(np.uint8) if cut else samples
        return _managed(eight, own, decoded.cmyk), None, None, True
    fitting = icc.fitting(profile, samples.shape[2]) if profile else None
    if profile and not fitting:
        notes.append(f"its colour profile for {space.strip()} does not fit and was ignored")
    repeated = samples if samples.shape[2] == 3 else np.repeat(samples, 3, -1)
    if fitting is None or icc.is_srgb(fitting):
        return repeated, decoded.icc if fitting else None, None, False
    return icc.to_srgb(samples, fitting), decoded.icc, samples, False


def _photo(decoded: Decoded) -> tuple[Photo, list[str]]:
    notes = list(decoded.notes)
    block, orientation, density = None, 1, decoded.density
    if decoded.exif:
        try:
            block, orientation = exif.upright(decoded.exif)
            if exif.is_adobe_rgb(block) and decoded.icc is None:
                decoded = dataclasses.replace(decoded, icc=ADOBE_RGB)
            density = density or exif.density(block)
        except (exif.ExifError, struct.error):
            block = None
            notes.append("its EXIF is damaged and was left out")
    if density and not all(1 <= side <= 65535 for side in density):  # what a JPEG can state
        density = None
    turn = orientation if decoded.orientation is None else decoded.orientation
    turn = turn if 1 <= turn <= 8 else 1
    common = {
        "xmp": decoded.xmp,
        "iptc": decoded.iptc,
        "density": density,
        "unkept": decoded.unkept,
        "format": decoded.format,
        "orientation": orientation if orientation > 1 else turn,
        "lossless": decoded.lossless,
    }
    samples = turned(decoded.samples, turn)
    if samples.dtype == np.float32:
        return Photo(samples, exif=block and exif.in_space(block, exif.SRGB), bits=16, **common), notes
    bits = 8 if decoded.cmyk else 8 * samples.itemsize
    alpha = None
    if samples.shape[2] in (2, 4) and not decoded.cmyk:
        samples, alpha = np.ascontiguousarray(samples[..., :-1]), np.ascontiguousarray(samples[..., -1])
    pixels, profile, stored, converted = _coloured(decoded, samples, notes)
    if converted and block:
        block = exif.in_space(block, exif.SRGB)
    grey = samples.shape[2] == 1
    return Photo(pixels, alpha, profile, block, bits=bits, grey=grey, samples=stored, **common), notes


def read(path, *, max_pixels: int = 200_000_000) -> Photo:
    """Reads a photo file, turned upright; see `Photo` for what comes back.

    The format is told by the file's content. Files with more than `max_pixels` are refused from their header. Colour
    profiles of the matrix kind are applied in linear light without clipping; table-based and CMYK profiles go through
    LittleCMS to 8-bit sRGB.

    Raises:
        PhotoError: one line that names the file, for anything that is not a whole, supported photo.
    Warns:
        PhotoWarning: where something could not be kept (CMYK, further frames, damaged metadata …).
    """
    path = pathlib.Path(path)
    data = _bytes(path)
    kind = _kind(data, path.suffix.lower())
    try:
        photo, notes = _photo(_decode(data, kind, max_pixels))
    except ImportError as error:
        raise PhotoError(f"{path}: camera raw needs rawpy: pip install rawpy ({error})") from error
    except DAMAGED as error:
        verb = one_line(error) if type(error) is ValueError else f"broken or truncated {kind} ({one_line(error)})"
        raise PhotoError(f"{path}: {verb}") from error
    for note in notes:
        warnings.warn(f"{path}: {note}", PhotoWarning, stacklevel=2)
    return photo
