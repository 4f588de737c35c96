"""JPEG, WebP, HEIF (HEIC) and AVIF."""

from __future__ import annotations

import io
import struct
import threading
import warnings

import numpy as np

from rtq.photos import cicp
from rtq.photos import iptc as iptc_data
from rtq.photos.tiff import straight
from rtq.photos.types import Decoded, check_size

ANIMATED = "only the first frame of an animation was read"
_AVIF_CHROMA = {(True, True): "4:0:0", (True, False): "4:0:0", (False, True): "4:4:4", (False, False): "4:2:0"}
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
SEVERAL = "only the primary one of several images was read"


_quiet = threading.Lock()


def opened(plugin, data: bytes):
    """Opens a file with a Pillow plug-in: none of its size checks, which print or raise at other limits than ours.

    Plug-ins warn in their own words about odd metadata while they open a file; those words are withheld.
    """
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plugin(io.BytesIO(data))


def decode_jpeg(data: bytes, max_pixels: int) -> Decoded:
    """Decodes a baseline or progressive JPEG file; of a multi-picture file, the first."""
    from PIL import JpegImagePlugin

    image = opened(JpegImagePlugin.JpegImageFile, data)
    check_size(*image.size, max_pixels)
    samples = np.asarray(image)
    resources = b"".join(body.removeprefix(iptc_data.RESOURCES) for name, body in image.applist
                         if name == "APP13" and body.startswith(iptc_data.RESOURCES))  # fmt: skip
    unkept = ("JPEG comment",) if image.info.get("comment") else ()
    if any(name == "APP1" and body.startswith(XMP_EXTENSION) for name, body in image.applist):
        unkept += ("extended XMP",)
    return _with_info(samples, "JPEG", image, iptc=iptc_data.from_resources(resources), density=_jfif_density(image),
                      unkept=unkept, cmyk=image.mode == "CMYK")  # fmt: skip


def _jfif_density(image) -> tuple[float, float] | None:
    """Pixels per inch, where the file states them."""
    scale = {1: 1.0, 2: 2.54}.get(image.info.get("jfif_unit"))
    across, down = image.info.get("jfif_density", (0, 0))
    return (across * scale, down * scale) if scale and across and down else None


def _with_info(samples: np.ndarray, kind: str, image, icc: bytes | None = None, **more) -> Decoded:
    """With the metadata of a Pillow image; `icc` stands in for a profile that it lacks."""
    info = image.info
    samples = samples.reshape(*samples.shape[:2], -1)
    return Decoded(samples, kind, icc=info.get("icc_profile") or icc, exif=info.get("exif") or None,
                   xmp=info.get("xmp") or None, **more)  # fmt: skip


def _stated_profile(image, primaries: int, transfer: int) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile for these code points and notes, where the image has no profile of its own."""
    return (None, ()) if image.info.get("icc_profile") else cicp.profile(primaries, transfer)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk: Pillow allocates the canvas as soon as it opens the file."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise ValueError("is truncated")
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", body, 1)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("has no WebP header")


def _first_stream(data: bytes) -> bytes:
    """The type of the first chunk with pixels in an extended WebP file."""
    place = 12
    while place + 8 <= len(data) and data[place : place + 4] not in (b"VP8 ", b"VP8L", b"ANMF"):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return data[place : place + 4]


def decode_webp(data: bytes, max_pixels: int) -> Decoded:
    """Decodes a WebP file, of an animation the first frame."""
    from PIL import WebPImagePlugin

    check_size(*_webp_size(data), max_pixels)
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise ValueError("is truncated")
    image = opened(WebPImagePlugin.WebPImageFile, data)
    notes = (ANIMATED,) if image.n_frames > 1 else ()
    samples = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    lossless = data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and _first_stream(data) == b"VP8L")
    return _with_info(samples, "WEBP", image, lossless=lossless, notes=notes)


def decode_heif(data: bytes, max_pixels: int) -> Decoded:
    """Decodes a HEIF file at its own depth. libheif turns it upright; EXIF orientation only informs (ISO 23008-12)."""
    import pillow_heif

    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    check_size(*file.size, max_pixels)
    stated = file.info.get("nclx_profile") or {}
    icc, notes = _stated_profile(file, stated.get("color_primaries", cicp.UNSPECIFIED),
                                 stated.get("transfer_characteristics", cicp.UNSPECIFIED))  # fmt: skip
    notes += (SEVERAL,) if len(file) > 1 else ()
    samples = np.asarray(file)
    samples = samples.reshape(*samples.shape[:2], -1)
    depth = file.info.get("bit_depth", 8)
    if samples.dtype == np.uint16:
        samples = _widened(samples >> (16 - depth), depth)
    if file.has_alpha and file.premultiplied_alpha:
        samples = np.dstack([straight(samples[..., :-1], samples[..., -1]), samples[..., -1]])
    return _with_info(samples, "HEIF", file, icc, orientation=1, notes=notes)


def _widened(samples: np.ndarray, depth: int) -> np.ndarray:
    """Samples of `depth` bits to the full range of 16."""
    return np.rint(samples * (65535 / (2**depth - 1))).astype(np.uint16)


def _avif_depth(data: bytes) -> int:
    """8, 10 or 12 from the AV1 configuration box."""
    place = data.find(b"av1C")
    flags = data[place + 6] if 0 <= place < len(data) - 6 else 0
    return {0: 8, 2: 10, 3: 12}.get(flags >> 5 & 3, 8)


def _avif_colours(data: bytes) -> tuple[int, int]:
    """Code points of primaries and transfer from the first box that has them, which is the main picture's."""
    place = data.find(b"colrnclx")
    return struct.unpack_from(">HH", data, place + 8) if 0 <= place <= len(data) - 12 else (cicp.UNSPECIFIED,) * 2


def decode_avif(data: bytes, max_pixels: int) -> Decoded:
    """Decodes an AVIF file at its own depth, of a sequence the first frame."""
    from PIL import AvifImagePlugin

    image = opened(AvifImagePlugin.AvifImageFile, data)
    check_size(*image.size, max_pixels)
    icc, notes = _stated_profile(image, *_avif_colours(data))
    notes += (ANIMATED,) if image.n_frames > 1 else ()
    depth = _avif_depth(data)
    if depth == 8:
        samples = np.asarray(image)
    else:
        import imagecodecs

        samples = imagecodecs.avif_decode(data, index=0)
        samples = _widened(samples, depth) if samples.dtype == np.uint16 else samples
    return _with_info(samples, "AVIF", image, icc, notes=notes)


def encode(kind: str, samples: np.ndarray, icc: bytes | None, exif: bytes | None, xmp: bytes | None, *,
           iptc: bytes | None = None, density: tuple[float, float] | None = None, quality: int,
           lossless: bool) -> bytes:  # fmt: skip
    """Encodes uint8 [H, W, 1–4] as "JPEG", "WEBP", "HEIF" or "AVIF"; only JPEG takes IPTC and pixels per inch."""
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    if samples.shape[2] == 2:
        image = image.convert("RGBA")
    if kind == "HEIF":
        import pillow_heif

        image.info.update({"icc_profile": icc} if icc else {})
        # x265's fastest preset: 7 times as fast as the default, same PSNR at quality 95, files 12% larger.
        options = {"enc_params": {"preset": "ultrafast"}, "chroma": 444 if quality >= 90 else 420}
        pillow_heif.from_pillow(image).save(buffer, quality=quality, exif=exif, xmp=xmp, **options)
        return buffer.getvalue()
    options = {
        "JPEG": {"quality": quality, "subsampling": 0 if quality >= 90 else 2, "dpi": density or (0, 0),
                 "extra": iptc_data.segment(iptc) if iptc else b""},
        "WEBP": {"quality": quality, "lossless": lossless or quality == 100, "exact": True},
        "AVIF": {"quality": quality, "subsampling": _AVIF_CHROMA[image.mode == "L", quality >= 90], "speed": 8},
    }[kind]
    if kind == "WEBP" and image.mode in ("L", "LA"):
        image = image.convert("RGB")
    image.save(buffer, kind, icc_profile=icc or b"", exif=exif or b"", xmp=xmp or b"", **options)
    return buffer.getvalue()
