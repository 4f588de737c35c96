"""TIFF at 8 and 16 bits, any compression that imagecodecs knows, with ICC, EXIF, XMP and IPTC."""

from __future__ import annotations

import io
import logging
import struct

import numpy as np

from rtq.photos import exif as exif_block
from rtq.photos import iptc as iptc_data
from rtq.photos.types import Decoded, check_size

ICC, XMP, EXTRA_SAMPLES, DNG_VERSION = 34675, 700, 338, 50706
IPTC, IMAGE_RESOURCES = 33723, 34377
INCH = 2  # the unit of resolution
MINISWHITE, MINISBLACK, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
JPEG_COMPRESSIONS = (6, 7)
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else it prints to stderr about damaged files


def has_tag(data: bytes, tag: int) -> bool:
    """Whether the first directory of a classic TIFF has the tag."""
    try:
        start = struct.unpack_from(exif_block.byte_order(data) + "I", data, 4)[0]
        return tag in exif_block.directory(data, start)[0]
    except exif_block.ExifError:
        return False


def metadata(data: bytes) -> tuple[bytes | None, bytes | None, bytes | None, tuple[str, ...]]:
    """The EXIF block (without orientation), the XMP packet and the IPTC of a classic TIFF file or raw file, and notes.

    They are None where there is none, as in BigTIFF and in raw files of other structure.
    """
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None, None, None, ()
    order = exif_block.byte_order(data)
    first, _ = exif_block.directory(data, struct.unpack_from(order + "I", data, 4)[0])

    def stored(tag):
        return bytes(data[first[tag].start : first[tag].start + first[tag].size]) if tag in first else None

    iptc = stored(IPTC) or iptc_data.from_resources(stored(IMAGE_RESOURCES) or b"")
    try:
        tree = exif_block.collect(data)
    except exif_block.ExifError:
        return None, stored(XMP), iptc, ("its EXIF is damaged and was left out",)
    return exif_block.block(order, tree) if any(tree.values()) else None, stored(XMP), iptc, ()


def _check_page(page, size: int, max_pixels: int) -> None:
    check_size(page.imagewidth, page.imagelength, max_pixels)
    if page.imagedepth != 1:
        raise ValueError("is a volume, not a photo")
    if page.sampleformat != 1 or page.bitspersample not in (1, 2, 4, 8, 16):
        kind = {1: "unsigned", 2: "signed", 3: "float"}.get(page.sampleformat, "other")
        raise ValueError(f"has {page.bitspersample}-bit {kind} samples; TIFF is read with 8 or 16 unsigned bits")
    if page.samplesperpixel > 8:
        raise ValueError(f"has {page.samplesperpixel} channels, it is not a photo")
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or any(count <= 0 or start <= 0 or start + count > size for start, count in segments):
        raise ValueError("is truncated")


def _coloured(samples: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    """Palette indices to RGB: uint16 when the palette needs it, else uint8."""
    palette = np.asarray(colormap, np.uint16).T
    if (palette % 257 == 0).all() or (palette & 255 == 0).all():
        palette = (palette >> 8).astype(np.uint8)
    return palette[samples[..., 0]]


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decodes the first page of a TIFF file."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        _check_page(page, len(data), max_pixels)
        notes = []
        if sum(not other.is_reduced for other in list(file.pages)[:2]) > 1:
            notes.append("only the first page was read")
        samples = np.asarray(page.asarray(maxworkers=1))
        photometric, bits = int(page.photometric), page.bitspersample
        planar = page.samplesperpixel > 1 and page.planarconfig == 2
        samples = np.moveaxis(samples.reshape(page.samplesperpixel, page.imagelength, -1), 0, -1) if planar else samples
        samples = samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
        samples = samples.astype(np.uint16 if bits == 16 else np.uint8, copy=False)
        extras = page.extrasamples
        colormap = page.colormap if photometric == PALETTE else None
        icc = page.tags.valueof(ICC)
        orientation = page.tags.valueof(exif_block.ORIENTATION)
        ycbcr = photometric == YCBCR and int(page.compression) in JPEG_COMPRESSIONS  # decoded to RGB with the JPEG

    if photometric == PALETTE:
        samples = _coloured(samples, colormap)
    elif bits < 8:
        samples = samples * np.uint8(255 // (2**bits - 1))
    if photometric == MINISWHITE:
        samples = np.iinfo(samples.dtype).max - samples
    colours = {MINISWHITE: 1, MINISBLACK: 1, RGB: 3, PALETTE: 3, SEPARATED: 4, YCBCR: 3 * ycbcr}.get(photometric, 0)
    if not colours or samples.shape[2] < colours:
        raise ValueError(f"has colours of an unsupported kind (TIFF photometric {photometric})")
    samples, alpha, more = _split(samples, colours, extras)
    notes += more
    if alpha is not None and photometric != SEPARATED:
        samples = np.concatenate([samples, alpha[..., None]], -1)
    block, xmp, iptc, more = metadata(data)
    return Decoded(
        samples,
        "TIFF",
        icc=icc if isinstance(icc, bytes) else None,
        exif=block,
        xmp=xmp,
        iptc=iptc,
        orientation=orientation if isinstance(orientation, int) else 1,
        cmyk=photometric == SEPARATED,
        notes=(*notes, *more),
    )


def _split(samples: np.ndarray, colours: int, extras) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Colour channels, straight alpha or None, and notes."""
    rest = samples.shape[2] - colours
    if not rest:
        return samples, None, []
    kinds = [int(kind) for kind in extras][:rest] or [2]  # a fourth channel that is not declared is alpha
    places = [i for i, kind in enumerate(kinds) if kind in (1, 2)]
    notes = ["a channel that is neither colour nor alpha was left out"] if rest > len(places[:1]) else []
    if not places:
        return samples[..., :colours], None, notes
    alpha = samples[..., colours + places[0]]
    samples = samples[..., :colours]
    if kinds[places[0]] == 1:
        samples = straight(samples, alpha)
        notes.append("its premultiplied alpha was divided out")
    return samples, alpha, notes


def straight(samples: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Divides premultiplied alpha out of uint8 or uint16 [H, W, C]."""
    top = np.iinfo(samples.dtype).max
    scale = top / np.maximum(alpha, 1).astype(np.float64)
    return np.rint(np.minimum(samples * scale[..., None], top)).astype(samples.dtype)


def encode(samples: np.ndarray, icc: bytes | None, exif: bytes | None, xmp: bytes | None, iptc: bytes | None = None,
           density: tuple[float, float] | None = None) -> bytes:  # fmt: skip
    """Encodes uint8 or uint16 [H, W, 1–4] as a deflate-compressed TIFF file; `density` counts pixels per inch."""
    import tifffile

    channels = samples.shape[2]
    order = exif_block.byte_order(exif) if exif else "<"
    tags = [(XMP, 1, len(xmp), xmp, True)] if xmp else []
    tags += [(IPTC, 7, len(iptc), iptc, True)] if iptc else []
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples[..., 0] if channels == 1 else samples,
        byteorder=order,
        photometric="minisblack" if channels < 3 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="adobe_deflate",
        compressionargs={"level": 4},
        predictor=True,
        rowsperstrip=max(1, (1 << 20) // (samples.shape[1] * channels * samples.itemsize)),
        iccprofile=icc,
        resolution=density,
        resolutionunit=INCH if density else None,
        extratags=tags,
        metadata=None,
        software=False,
        maxworkers=2,
    )
    if not exif:
        return buffer.getvalue()
    tree = exif_block.collect(exif)
    if density:  # by the file's own tags, whatever EXIF says
        tree[0] = {tag: value for tag, value in tree[0].items() if tag not in exif_block.RESOLUTION}
    return _with_exif(buffer.getvalue(), order, tree)


def _with_exif(data: bytes, order: str, tree: exif_block.Tree) -> bytes:
    """The TIFF file with its first directory written anew at the end, EXIF tags and directories included."""
    first, _ = exif_block.directory(data, struct.unpack_from(order + "I", data, 4)[0])
    storage = {tag: (v.kind, v.count, data[v.start : v.start + v.size]) for tag, v in first.items()}
    tree[0] = storage | tree[0]
    base = len(data) + len(data) % 2
    head = data[:4] + struct.pack(order + "I", base)
    return head + data[8:].ljust(base - 8, b"\0") + exif_block.packed_tree(order, tree, base)
