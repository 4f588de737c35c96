"""IPTC-IIM among Photoshop's image resources, as JPEG (APP13) and TIFF (tag 34377) hold them."""

from __future__ import annotations

import struct

RESOURCES = b"Photoshop 3.0\0"  # how an APP13 segment with image resources starts
NUMBER = 0x0404


def from_resources(data: bytes) -> bytes | None:
    """The IPTC datasets among image resources, or None; they count only when they are whole."""
    place = 0
    while data[place : place + 4] == b"8BIM" and place + 12 <= len(data):
        number, name = struct.unpack_from(">HB", data, place + 4)
        place += 6 + (name + 2) // 2 * 2  # the name is padded together with its length
        size = int.from_bytes(data[place : place + 4], "big")
        if number == NUMBER:
            return data[place + 4 : place + 4 + size] if 0 < size <= len(data) - place - 4 else None
        place += 4 + size + size % 2
    return None


def segment(iptc: bytes) -> bytes:
    """A JPEG's APP13 segment with nothing but these datasets."""
    body = RESOURCES + b"8BIM" + struct.pack(">HHI", NUMBER, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    return b"\xff\xed" + struct.pack(">H", 2 + len(body)) + body
