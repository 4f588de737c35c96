"""The photo as it is passed around, and what reading and writing can say about it."""

from __future__ import annotations

import dataclasses

import numpy as np


class PhotoError(ValueError):
    """A photo that cannot be read or written: one line that names the file and what is wrong."""


class PhotoWarning(UserWarning):
    """Something about a photo was changed or left out, and the person should know."""


@dataclasses.dataclass(frozen=True)
class Photo:
    """An upright photo with everything that is needed to write it back.

    Edit it with `dataclasses.replace(photo, pixels=edited)`; a crop has to crop `alpha` too.

    Attributes:
        pixels: uint8, uint16 or float32 [H, W, 3] in encoded extended sRGB. Integers span 0–255 or 0–65535, floats 0–1
            and beyond (odd-symmetric transfer function, nothing clipped). Files in sRGB or without a profile give
            integers, files in another profile and raw files give floats.
        alpha: uint8 or uint16 [H, W], or None. Not premultiplied.
        icc: the profile embedded in the file, or one for the colours that the file states otherwise, or None for sRGB.
            `write` converts back into it.
        exif: TIFF-structured bytes without the JPEG prefix, Orientation 1 and no thumbnail, or None.
        xmp: the XMP packet as found in the file, or None.
        iptc: IPTC-IIM datasets as found in the file (caption, byline, keywords …), or None.
        density: pixels per inch across and down, or None.
        unkept: names of metadata in the file that no format is written with; `write` says so.
        format: "JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF" or "RAW".
        bits: 8, or 16 for everything deeper than 8.
        grey: the file has one colour channel (`pixels` repeats it).
        orientation: the EXIF orientation 1–8 that the file had before `pixels` were turned upright.
        lossless: a WebP file that was stored losslessly (PNG and TIFF always are, so it is not set for them).
        samples: uint8 or uint16 [H, W, 1 or 3]: the samples as stored, upright, where `pixels` had to be converted
            from a profile. `write` puts them back wherever the pixels were not touched.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    density: tuple[float, float] | None = None
    unkept: tuple[str, ...] = ()
    format: str = "PNG"
    bits: int = 8
    grey: bool = False
    orientation: int = 1
    lossless: bool = False
    samples: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What a decoder hands to `read`: the file's own samples and metadata, nothing converted but the bit depth.

    Attributes:
        samples: uint8 or uint16 [H, W, C] as stored; C is 1 (grey), 2 (grey, alpha), 3 (RGB), 4 (RGB, alpha), or
            4 with `cmyk` (0 = no ink); float32 [H, W, 3] in extended sRGB for raw files.
        density: pixels per inch by the format's own means, EXIF aside.
        orientation: the EXIF orientation still to be applied.
        notes: what the person should know.
    """

    samples: np.ndarray
    format: str
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    density: tuple[float, float] | None = None
    unkept: tuple[str, ...] = ()
    orientation: int | None = None
    cmyk: bool = False
    lossless: bool = False
    notes: tuple[str, ...] = ()


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises ValueError for an empty photo or one with more than `max_pixels`, before anything is decoded."""
    if width < 1 or height < 1:
        raise ValueError(f"has no pixels ({width} × {height})")
    if width * height > max_pixels:
        raise ValueError(f"has {width} × {height} pixels, more than the limit of {max_pixels:,}")


def one_line(error: Exception) -> str:
    """An error's message on one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
