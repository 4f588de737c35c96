"""EXIF as bytes: patched in place, so that maker notes survive, and moved between TIFF and the other formats.

EXIF 2.32 is a TIFF directory tree: IFD0 (camera, date, orientation), below it the Exif and GPS directories, and IFD1
with a thumbnail. All functions take and give TIFF-structured bytes without the JPEG prefix.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

PREFIX = b"Exif\0\0"
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x0112, 0x8769, 0x8825, 0xA005
COLOR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT, MAKER_NOTE = 0xA001, 0xA002, 0xA003, 0x927C
SRGB, ADOBE_RGB, UNCALIBRATED = 1, 2, 65535  # values of COLOR_SPACE; 2 is not of the standard
INTEROP_INDEX, DCF_SRGB, DCF_ADOBE_RGB = 0x0001, b"R98", b"R03"
RESOLUTION = X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
PER_INCH = {2: 1.0, 3: 2.54}  # RESOLUTION_UNIT: inch, centimetre; 1 is none
THUMBNAIL_START, THUMBNAIL_LENGTH = 0x0201, 0x0202
# What IFD0 of a TIFF says about the photo rather than about how its samples are stored: description, make, model,
# resolution, software, date, artist, host, rating, copyright, Windows' title, comment, author, keywords, subject.
DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298,
               0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}  # fmt: skip


class ExifError(ValueError):
    """The EXIF block is damaged."""


class Value(NamedTuple):
    """One tag: its TIFF type, its count and the place of its bytes, which `start` + `size` delimit in the block."""

    kind: int
    count: int
    start: int
    size: int


def byte_order(blob: bytes) -> str:
    """The struct prefix "<" or ">" of a classic TIFF header; raises ExifError for anything else."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(blob[:4]))
    if order is None or len(blob) < 8:
        raise ExifError("no TIFF header")
    return order


def directory(blob: bytes, start: int) -> tuple[dict[int, Value], int]:
    """The tags of the directory at `start`, and the place of its link to the next one."""
    order = byte_order(blob)
    if not 8 <= start <= len(blob) - 6:
        raise ExifError("a directory lies outside the block")
    (count,) = struct.unpack_from(order + "H", blob, start)
    link = start + 2 + 12 * count
    if link + 4 > len(blob):
        raise ExifError("a directory is cut off")
    tags = {}
    for slot in range(start + 2, link, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", blob, slot)
        size = SIZES.get(kind, 0) * number
        place = slot + 8 if size <= 4 else struct.unpack_from(order + "I", blob, slot + 8)[0]
        if kind in SIZES and place + size <= len(blob):
            tags[tag] = Value(kind, number, place, size)
    return tags, link


def _first(blob: bytes) -> tuple[dict[int, Value], int]:
    return directory(blob, struct.unpack_from(byte_order(blob) + "I", blob, 4)[0])


def integer(blob: bytes, value: Value) -> int:
    """The first number of a SHORT or LONG tag."""
    kinds = {3: "H", 4: "I", 13: "I"}
    if value.kind not in kinds or value.count < 1:
        raise ExifError("a number of the wrong type")
    return struct.unpack_from(byte_order(blob) + kinds[value.kind], blob, value.start)[0]


def _short(blob: bytes, tags: dict[int, Value], tag: int, default: int) -> int:
    """A tag of one SHORT; the default where there is none or one of another type."""
    value = tags.get(tag)
    return default if value is None or (value.kind, value.count) != (3, 1) else integer(blob, value)


def density(blob: bytes) -> tuple[float, float] | None:
    """Pixels per inch across and down, or None where they are not stated."""
    tags, _ = _first(blob)
    scale = PER_INCH.get(_short(blob, tags, RESOLUTION_UNIT, 2), 0.0)
    sides = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        value = tags.get(tag)
        if value is None or (value.kind, value.count) != (5, 1):
            return None
        above, below = struct.unpack_from(byte_order(blob) + "II", blob, value.start)
        sides.append(scale * above / below if below else 0.0)
    return (sides[0], sides[1]) if all(sides) else None


def _set(blob: bytearray, tags: dict[int, Value], tag: int, number: int) -> None:
    value = tags.get(tag)
    if value is not None and value.kind in (3, 4) and value.count == 1:
        form = "H" if value.kind == 3 else "I"
        struct.pack_into(byte_order(blob) + form, blob, value.start, min(number, 65535 if form == "H" else number))


def upright(blob: bytes) -> tuple[bytes, int]:
    """Sets Orientation to 1 and erases the thumbnail, which would show the photo as it was.

    Returns the block and the orientation 1–8 it had. Raises ExifError when the block is damaged.
    """
    out = bytearray(blob.removeprefix(PREFIX))
    tags, link = _first(out)
    orientation = integer(out, tags[ORIENTATION]) if ORIENTATION in tags else 1
    _set(out, tags, ORIENTATION, 1)
    order = byte_order(out)
    (second,) = struct.unpack_from(order + "I", out, link)
    struct.pack_into(order + "I", out, link, 0)
    if 8 <= second <= len(out) - 6:
        thumbnail, _ = directory(out, second)
        if THUMBNAIL_START in thumbnail and THUMBNAIL_LENGTH in thumbnail:
            start = integer(out, thumbnail[THUMBNAIL_START])
            end = start + integer(out, thumbnail[THUMBNAIL_LENGTH])
            if end >= len(out) > start >= 8:
                del out[start:]
            elif start >= 8:
                out[start:end] = bytes(end - start)
    return bytes(out), orientation if 1 <= orientation <= 8 else 1


def without_orientation(blob: bytes) -> bytes:
    """The block without its Orientation tag, everything else at its place."""
    order = byte_order(blob)
    (start,) = struct.unpack_from(order + "I", blob, 4)
    tags, link = directory(blob, start)
    if ORIENTATION not in tags:
        return blob
    slot = tags[ORIENTATION].start - 8
    count = struct.pack(order + "H", (link - start - 2) // 12 - 1)
    return blob[:start] + count + blob[start + 2 : slot] + blob[slot + 12 : link + 4] + bytes(12) + blob[link + 4 :]


def _below(blob: bytes, tags: dict[int, Value], pointer: int) -> dict[int, Value]:
    """The tags of the directory that `pointer` leads to, none where there is none."""
    return directory(blob, integer(blob, tags[pointer]))[0] if pointer in tags else {}


def _dcf(blob: bytes, tags: dict[int, Value]) -> slice:
    """The place of R98 or R03, by which DCF tells sRGB from Adobe RGB, below the Exif directory `tags`; or nothing."""
    try:
        index = _below(blob, tags, INTEROP_IFD).get(INTEROP_INDEX)
    except ExifError:
        index = None
    return slice(0, 0) if index is None else slice(index.start, index.start + min(index.size, 3))


def is_adobe_rgb(blob: bytes) -> bool:
    """Whether a camera's photo without a profile is in Adobe RGB: uncalibrated and R03, as DCF 2.0 says, or by number.

    Raises ExifError when the block is damaged.
    """
    tags = _below(blob, _first(blob)[0], EXIF_IFD)
    space = _short(blob, tags, COLOR_SPACE, 0)
    return space == ADOBE_RGB or (space == UNCALIBRATED and blob[_dcf(blob, tags)] == DCF_ADOBE_RGB)


def in_space(blob: bytes, space: int) -> bytes:
    """The block of a photo that was converted to this colour space, where it states one."""
    out = bytearray(blob)
    tags = _below(out, _first(out)[0], EXIF_IFD)
    _set(out, tags, COLOR_SPACE, space)
    place = _dcf(out, tags)
    if space == SRGB and out[place] == DCF_ADOBE_RGB:
        out[place] = DCF_SRGB
    return bytes(out)


def resized(blob: bytes, width: int, height: int) -> bytes:
    """The block with the pixel dimensions of what is written, where it states them."""
    out = bytearray(blob)
    tags = _below(out, _first(out)[0], EXIF_IFD)
    _set(out, tags, PIXEL_WIDTH, width)
    _set(out, tags, PIXEL_HEIGHT, height)
    return bytes(out)


Tree = dict[int, dict[int, tuple[int, int, bytes]]]


def collect(blob: bytes) -> Tree:
    """The photo's tags as {directory: {tag: (type, count, bytes)}}; directory 0 is IFD0, others go by their pointer.

    `blob` may be a whole TIFF file: tags that describe the storage of its samples are left out. Raises ExifError where
    tags share so many bytes that together they would be longer than the block.
    """
    total = 0

    def taken(tags):
        nonlocal total
        total += sum(value.size for value in tags.values())
        if total > len(blob):
            raise ExifError("tags that overlap")
        return {tag: (v.kind, v.count, bytes(blob[v.start : v.start + v.size])) for tag, v in tags.items()}

    first, _ = _first(blob)
    tree = {0: taken({tag: value for tag, value in first.items() if tag in DESCRIPTIVE})}
    for pointer in (EXIF_IFD, GPS_IFD):
        if pointer in first:
            tags, _ = directory(blob, integer(blob, first[pointer]))
            tree[pointer] = taken({tag: value for tag, value in tags.items() if tag != INTEROP_IFD})
    return tree


def packed(order: str, tags: dict[int, tuple[int, int, bytes]], base: int) -> bytes:
    """One directory and its values, to be placed at offset `base` (even) of a block, without a next one."""
    rows, values, start = b"", b"", base + 2 + 12 * len(tags) + 4
    for tag, (kind, count, data) in sorted(tags.items()):
        rows += struct.pack(order + "HHI", tag, kind, count)
        if len(data) <= 4:
            rows += data.ljust(4, b"\0")
        else:
            rows += struct.pack(order + "I", start + len(values))
            values += data + b"\0" * (len(data) % 2)
    return struct.pack(order + "H", len(tags)) + rows + bytes(4) + values


def packed_tree(order: str, tree: Tree, base: int) -> bytes:
    """Directory 0 and, after it, those below, linked, to be placed at offset `base` (even) of a block."""
    below = sorted(set(tree) - {0})
    first = dict(tree[0]) | {pointer: (4, 1, bytes(4)) for pointer in below}
    parts, start = [], base + len(packed(order, first, base))
    for pointer in below:
        first[pointer] = (4, 1, struct.pack(order + "I", start))
        parts.append(packed(order, tree[pointer], start))
        start += len(parts[-1])
    return packed(order, first, base) + b"".join(parts)


def block(order: str, tree: Tree) -> bytes:
    """A whole EXIF block from collected tags."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "I", 8) + packed_tree(order, tree, 8)


def without_maker_note(blob: bytes) -> bytes:
    """The block rebuilt without its maker note: JPEG takes 64 KiB at most."""
    tree = collect(blob)
    if EXIF_IFD in tree:
        tree[EXIF_IFD].pop(MAKER_NOTE, None)
    return block(byte_order(blob), tree)
