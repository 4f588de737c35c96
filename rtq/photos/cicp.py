"""Colours by code points (ITU-T H.273), by which HEIF and AVIF files without an ICC profile state them."""

from __future__ import annotations

from rtq.photos import icc

BT709_CURVE = icc.Curve(1 / 0.45, 1 / 1.099297, 0.099297 / 1.099297, 1 / 4.5, 0.081243)
UNSPECIFIED = 2
PRIMARIES = {1: ("sRGB", icc.SRGB_XY), UNSPECIFIED: ("sRGB", icc.SRGB_XY),
             9: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
             12: ("P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)))}  # fmt: skip
TRANSFERS = {**dict.fromkeys((1, 6, 14, 15), ("BT.709", BT709_CURVE)),
             **dict.fromkeys((13, UNSPECIFIED), ("sRGB", icc.SRGB_CURVE))}  # fmt: skip
HDR = {16: "PQ", 18: "HLG"}


def profile(primaries: int, transfer: int) -> tuple[bytes | None, tuple[str, ...]]:
    """The ICC profile for colours of these code points, or None for sRGB, and notes.

    Raises ValueError for HDR.
    """
    if transfer in HDR:
        raise ValueError(f"is an HDR photo ({HDR[transfer]}), which is not read; convert it to SDR first, e.g. to P3")
    if primaries not in PRIMARIES or transfer not in TRANSFERS:
        return None, (f"its colours (H.273 primaries {primaries}, transfer {transfer}) were read as sRGB",)
    (space, xy), (tone, curve) = PRIMARIES[primaries], TRANSFERS[transfer]
    if space == tone == "sRGB":
        return None, ()
    return icc.matrix_profile(xy, icc.D65_XY, curve, f"{space} primaries, {tone} curve"), ()
