"""PNG: exact at 16 bits, with ICC, EXIF and XMP chunks (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from rtq.photos.compressed import opened
from rtq.photos.types import Decoded, check_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
INCH = 0.0254  # metres
LONGEST = 1 << 24  # bytes an inflated profile or packet may take


def chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """The chunks by type; a damaged end is ignored here, the pixel decoder judges it."""
    found: dict[bytes, list[bytes]] = {}
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name != b"IDAT":
            found.setdefault(name, []).append(data[place + 8 : place + 8 + length])
        place += 12 + length
    return found


def _inflate(data: bytes) -> bytes | None:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, LONGEST)
    except zlib.error:
        return None
    return text if stream.eof else None


def _profile(chunk: bytes) -> bytes | None:
    return _inflate(chunk.partition(b"\0")[2][1:])


def _xmp(texts: list[bytes]) -> bytes | None:
    for text in texts:
        keyword, _, rest = text.partition(b"\0")
        if keyword == XMP_KEYWORD and len(rest) > 2:
            packet = rest[2:].split(b"\0", 2)[-1]  # after the language and the translated keyword
            return _inflate(packet) if rest[0] else packet
    return None


def _has_text(found: dict[bytes, list[bytes]]) -> bool:
    """Whether there is text besides XMP."""
    others = [text for text in found.get(b"iTXt", []) if text.partition(b"\0")[0] != XMP_KEYWORD]
    return bool(others or found.keys() & {b"tEXt", b"zTXt"})


def _density(chunk: bytes) -> tuple[float, float] | None:
    """Pixels per inch, where the chunk does not only tell the shape of pixels."""
    across, down, unit = struct.unpack(">IIB", chunk) if len(chunk) == 9 else (0, 0, 0)
    return (across * INCH, down * INCH) if unit == 1 and across and down else None


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decodes a PNG file of any kind."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise ValueError("has no PNG header")
    width, height, depth, _ = struct.unpack_from(">IIBB", data, 16)
    check_size(width, height, max_pixels)
    found = chunks(data)
    transparent = found.get(b"tRNS", [None])[0]
    if depth == 16:
        import imagecodecs

        samples = imagecodecs.png_decode(data)
        samples = samples.reshape(height, width, -1)
        if transparent is not None and samples.shape[2] in (1, 3):
            key = np.frombuffer(transparent, ">u2", samples.shape[2])
            opaque = (samples != key).any(-1, keepdims=True)
            samples = np.concatenate([samples, opaque * np.uint16(65535)], -1)
    else:
        from PIL import PngImagePlugin

        image = opened(PngImagePlugin.PngImageFile, data)
        grey = image.mode in ("1", "L", "LA")
        alpha = "A" if transparent is not None or image.mode in ("LA", "RGBA") else ""
        samples = np.asarray(image.convert(("L" if grey else "RGB") + alpha))
    return Decoded(
        samples.reshape(height, width, -1),
        "PNG",
        icc=_profile(found[b"iCCP"][0]) if b"iCCP" in found else None,
        exif=found[b"eXIf"][0] if b"eXIf" in found else None,
        xmp=_xmp(found.get(b"iTXt", [])),
        density=_density(found[b"pHYs"][0]) if b"pHYs" in found else None,
        unkept=("PNG text",) if _has_text(found) else (),
        notes=("only the first frame of an animation was read",) if b"acTL" in found else (),
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def encode(samples: np.ndarray, icc: bytes | None, exif: bytes | None, xmp: bytes | None,
           density: tuple[float, float] | None = None) -> bytes:  # fmt: skip
    """Encodes uint8 or uint16 [H, W, 1–4] as a PNG file; `density` counts pixels per inch."""
    import imagecodecs

    data = imagecodecs.png_encode(np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples), level=4)
    extra = b""
    if icc:
        extra += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
    if density:
        extra += _chunk(b"pHYs", struct.pack(">IIB", *(round(side / INCH) for side in density), 1))
    if exif:
        extra += _chunk(b"eXIf", exif)
    if xmp:
        extra += _chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + xmp)
    return data[:33] + extra + data[33:]  # right after the header chunk
