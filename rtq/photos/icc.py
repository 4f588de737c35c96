"""ICC matrix profiles to extended sRGB and back, unclipped and exact enough for 16 bits.

Profiles of the matrix/TRC kind (Display P3, Adobe RGB, ProPhoto, grey gamma …) are read here and applied in *linear*
light: LittleCMS extends the linear toe of a curve when it is asked for encoded floats out of gamut. ICC.1:2022 gives
the tags: `rXYZ gXYZ bXYZ` (colorants, D50), `rTRC gTRC bTRC kTRC` (curves: gamma, table or parametric type 0–4).
"""

from __future__ import annotations

import concurrent.futures
import os
import struct
from typing import NamedTuple

import numpy as np

D50 = np.array([0.96420288, 1.0, 0.82490540])  # as s15Fixed16 stores it
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65_XY = (0.3127, 0.3290)
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
STRIP = 1 << 16  # pixels converted at a time: the temporaries of a strip stay in the cache


class ProfileError(ValueError):
    """The profile is damaged."""


class Curve(NamedTuple):
    """A tone curve on [0, 1]: `(a·x + b)^g + e` from x = d on and `c·x + f` below, or a table when it is given."""

    g: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    table: np.ndarray | None = None

    def linear(self, x: np.ndarray) -> np.ndarray:
        """float64 encoded values 0–1 to linear light."""
        if self.table is not None:
            return np.interp(x, np.linspace(0, 1, len(self.table)), self.table)
        power = np.maximum(self.a * x + self.b, 0) ** self.g + self.e
        return power if self.d <= 0 else np.where(x >= self.d, power, self.c * x + self.f)

    def encoded(self, y: np.ndarray) -> np.ndarray:
        """float64 linear light to encoded values, clipped to 0–1."""
        if self.table is not None:
            return np.interp(y, self.table, np.linspace(0, 1, len(self.table)))
        x = (np.maximum(y - self.e, 0) ** (1 / self.g) - self.b) / self.a
        if self.d > 0:
            knee = max(self.a * self.d + self.b, 0) ** self.g + self.e
            toe = (y - self.f) / self.c if self.c > 0 else np.where(y > self.f, self.d, 0.0)
            x = np.where(y >= knee, x, toe)
        return np.clip(x, 0, 1)


class Profile(NamedTuple):
    """What a profile says: its colour space ("RGB ", "GRAY", "CMYK" …) and, for the matrix kind, how to apply it.

    `matrix` is float64[3, 3] from the profile's linear RGB to linear sRGB; it and `curves` are None for profiles made
    of lookup tables. A grey profile has one curve and no matrix.
    """

    space: str
    matrix: np.ndarray | None = None
    curves: tuple[Curve, ...] | None = None


def _xyz_matrix(primaries, white_xy) -> np.ndarray:
    """Linear RGB with these xy primaries to XYZ relative to D50 (Bradford)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    x, y = white_xy
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    rgb_to_xyz = columns * np.linalg.solve(columns, white)
    adapt = np.linalg.solve(BRADFORD, np.diag(BRADFORD @ D50 / (BRADFORD @ white)) @ BRADFORD)
    return adapt @ rgb_to_xyz


SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
XYZ_TO_SRGB = np.linalg.inv(_xyz_matrix(SRGB_XY, D65_XY))  # from D50


def _curve(data: bytes) -> Curve:
    kind = data[:4]
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        if count == 0:
            return Curve()
        if count == 1:
            gamma = struct.unpack_from(">H", data, 12)[0] / 256
            if gamma <= 0:
                raise ProfileError("a gamma of 0")
            return Curve(gamma)
        if count > 1 << 16 or len(data) < 12 + 2 * count:
            raise ProfileError("a curve is cut off")
        table = np.frombuffer(data, ">u2", count, 12) / 65535.0
        return Curve(table=np.maximum.accumulate(table))
    if kind == b"para":
        (shape,) = struct.unpack_from(">H", data, 8)
        if shape > 4:
            raise ProfileError(f"parametric curve of unknown type {shape}")
        values = [v / 65536 for v in struct.unpack_from(f">{(1, 3, 4, 5, 7)[shape]}i", data, 12)]
        if values[0] <= 0 or (shape and values[1] <= 0):
            raise ProfileError("a parametric curve that does not rise")
        if shape in (0, 3, 4):
            return Curve(*values)
        g, a, b = values[:3]
        offset = values[3] if shape == 2 else 0.0
        return Curve(g, a, b, 0.0, -b / a, offset, offset)
    raise ProfileError("a curve of unknown kind")


def _tags(data: bytes) -> dict[bytes, bytes]:
    if len(data) < 132 or data[36:40] != b"acsp":
        raise ProfileError("not an ICC profile")
    (count,) = struct.unpack_from(">I", data, 128)
    if count > 1000 or len(data) < 132 + 12 * count:
        raise ProfileError("the tag table is cut off")
    table = (struct.unpack_from(">4sII", data, 132 + 12 * i) for i in range(count))
    return {name: data[start : start + size] for name, start, size in table}


def parse(data: bytes) -> Profile:
    """Reads an ICC profile. Raises ProfileError when it is damaged."""
    tags = _tags(data)
    space = data[16:20].decode("latin-1")
    try:
        if space == "GRAY" and b"kTRC" in tags:
            return Profile(space, None, (_curve(tags[b"kTRC"]),))
        if space != "RGB " or not tags.keys() >= {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}:
            return Profile(space)
        columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except struct.error as error:
        raise ProfileError("a tag is cut off") from error
    matrix = XYZ_TO_SRGB @ (np.array(columns).T / 65536)
    white = matrix.sum(1, keepdims=True)
    if not (white > 0.2).all() or abs(np.linalg.det(matrix)) < 1e-4:
        raise ProfileError("its colorants do not span a colour space")
    if (np.abs(white - 1) < 0.01).all():
        matrix = matrix / white  # white stays white whatever the rounding of the colorants
    return Profile(space, matrix, curves)


def fitting(profile: Profile, channels: int) -> Profile | None:
    """The profile as it applies to files of 1 or 3 colour channels, or None when it does not.

    Grey files with an RGB profile are common; the green curve is theirs.
    """
    if profile.curves is None or (channels == 3 and profile.matrix is None):
        return None
    if channels == 1 and profile.matrix is not None:
        return Profile("GRAY", None, profile.curves[1:2])
    return profile


def is_srgb(profile: Profile) -> bool:
    """Whether applying the profile moves no in-range colour by more than 2/255 from reading it as sRGB.

    The colorants of common sRGB profiles are rounded so that a full primary leaks up to 1.4/255 into the others.
    """
    if profile.curves is None:
        return False
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    grid = grid[..., :1] if profile.matrix is None else grid
    return bool(np.abs(to_srgb(grid, profile) - grid / 255.0).max() <= 2 / 255)


def srgb_encode(x: np.ndarray) -> np.ndarray:
    """Linear light to extended sRGB (odd-symmetric), any real value, dtype kept."""
    size = np.abs(x)
    return np.copysign(np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055), x)


def srgb_decode(x: np.ndarray) -> np.ndarray:
    """Extended sRGB to linear light (odd-symmetric), any real value, dtype kept."""
    size = np.abs(x)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4), x)


def in_strips(work, height: int, width: int) -> None:
    """Calls `work(rows: slice)` over the rows of a photo, from as many threads as there are cores."""
    rows = max(1, STRIP // width)
    strips = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    if len(strips) == 1:
        work(strips[0])
        return
    with concurrent.futures.ThreadPoolExecutor(min(len(strips), os.cpu_count() or 1)) as pool:
        for _ in pool.map(work, strips):
            pass


def _mixed(matrix: np.ndarray, planes: list[np.ndarray]) -> list[np.ndarray]:
    return [sum(weight * plane for weight, plane in zip(row, planes, strict=True)) for row in matrix]


def to_srgb(samples: np.ndarray, profile: Profile) -> np.ndarray:
    """Stored samples, uint8 or uint16 [H, W, 1 or 3], to float32 [H, W, 3] in encoded extended sRGB, unclipped."""
    top = np.iinfo(samples.dtype).max
    dtype = np.float32 if top == 255 else np.float64
    tables = [curve.linear(np.arange(top + 1) / top).astype(dtype) for curve in profile.curves]
    matrix = None if profile.matrix is None else profile.matrix.astype(dtype)
    height, width, channels = samples.shape
    pixels = np.empty((height, width, 3), np.float32)

    def convert(rows):
        planes = [tables[i][samples[rows, :, i]] for i in range(channels)]
        if channels == 1:
            pixels[rows] = srgb_encode(planes[0])[..., None]
            return
        for i, plane in enumerate(_mixed(matrix, planes)):
            pixels[rows, :, i] = srgb_encode(plane)

    in_strips(convert, height, width)
    return pixels


def from_srgb(pixels: np.ndarray, profile: Profile, bits: int) -> np.ndarray:
    """Extended sRGB [H, W, 3] (integers or floats) to samples uint8 or uint16 [H, W, 1 or 3] in the profile.

    Colours outside the profile are clipped once, per channel, in the profile's linear light. A grey profile takes the
    green channel of what must be neutral pixels.
    """
    top = 2**bits - 1
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    dtype = np.float32 if bits == 8 else np.float64
    inverse = None if profile.matrix is None else np.linalg.inv(profile.matrix).astype(dtype)
    height, width, _ = pixels.shape
    samples = np.empty((height, width, len(profile.curves)), np.uint8 if bits == 8 else np.uint16)

    def convert(rows):
        if inverse is None:
            planes = [srgb_decode(pixels[rows, :, 1].astype(dtype) / scale)]
        else:
            planes = [srgb_decode(pixels[rows, :, i].astype(dtype) / scale) for i in range(3)]
            planes = _mixed(inverse, planes)
        for i, (curve, plane) in enumerate(zip(profile.curves, planes, strict=True)):
            samples[rows, :, i] = np.rint(curve.encoded(np.clip(plane, 0, 1)) * top)

    in_strips(convert, height, width)
    return samples


def restore(samples: np.ndarray, stored: np.ndarray, pixels: np.ndarray, profile: Profile) -> None:
    """Puts stored samples back into `samples`, in place, where `pixels` are still what `to_srgb(stored)` gave.

    Float32 cannot hold a dark channel beside a bright one finely enough for 16 bits of a pure gamma curve, and some
    curves are flat at their ends: only the samples themselves are exact.
    """
    top = np.iinfo(samples.dtype).max
    grid = np.linspace(0, 1, 4096)
    flat = max(np.abs(curve.encoded(curve.linear(grid)) - grid).max() for curve in profile.curves)
    near = top * (flat + 1 / 128)  # how far a flat stretch or float32 rounding can move a sample, generously

    def fix(rows):
        differs, close = False, True
        for i in range(samples.shape[2]):
            distance = np.abs(samples[rows, :, i].astype(np.int32) - stored[rows, :, i])
            differs, close = differs | (distance > 0), close & (distance <= near)
        row, column = np.nonzero(differs & close)
        if len(row):
            row += rows.start
            candidates = stored[row, column]
            again = to_srgb(candidates[None], profile)[0]
            same = (np.abs(again - pixels[row, column]) <= 1e-6).all(-1)
            samples[row[same], column[same]] = candidates[same]

    in_strips(fix, *samples.shape[:2])


def matrix_profile(primaries, white_xy, curve: Curve, name: str) -> bytes:
    """Builds an ICC v2-compatible v4.3 matrix profile; a table curve is written as a table, others as parametric.

    Args:
        primaries: xy of red, green and blue.
        white_xy: xy of white; colorants are adapted to D50 by Bradford.
        curve: one tone curve for the three channels.
        name: ASCII description.
    """

    def fixed(values):
        return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))

    def text(value):
        utf16 = value.encode("utf-16-be")
        return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(utf16), 28) + utf16

    if curve.table is not None:
        codes = np.rint(curve.table * 65535).astype(">u2")
        tone = b"curv" + struct.pack(">4xI", len(codes)) + codes.tobytes()
    else:
        tone = b"para" + struct.pack(">4xHxx", 4) + fixed(curve[:7])
    xyz = _xyz_matrix(primaries, white_xy)
    colorants = {name: b"XYZ \0\0\0\0" + fixed(xyz[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags = {
        b"desc": text(name),
        b"cprt": text("No copyright, use freely"),
        b"wtpt": b"XYZ \0\0\0\0" + fixed(D50),
        **colorants,
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone),
    }
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for tag, value in tags.items():
        if value not in places:
            places[value] = start + len(body)
            body += value + b"\0" * (-len(value) % 4)
        table += struct.pack(">4sII", tag, places[value], len(value))
    head = struct.pack(">I4xI4s4s4s6H4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ",
                       2026, 1, 1, 0, 0, 0, b"acsp")  # fmt: skip
    head += b"\0" * (68 - len(head)) + fixed(D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
