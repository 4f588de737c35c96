"""Camera raw through LibRaw (rawpy, the extra `[raw]`): linear, camera white balance, nothing clipped at white.

LibRaw gives linear light in ProPhoto primaries at 16 bits with highlights blended rather than cut, scaled here so
that 1 is where the least amplified channel (green, as a rule) saturates; what the others recorded above stays above.
The base curve `x·(1 + a)/(1 + a·|x|)`, a = 1.869, takes middle grey .18 to sRGB 167 and 1 to 1, rises for all x, and
still tells 2 EV above white from 1 EV (linear 4 becomes 1.35).
"""

from __future__ import annotations

import io

import numpy as np

from rtq.photos import icc, tiff
from rtq.photos.types import Decoded, check_size

SUFFIXES = {
    ".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr",
    ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw",
    ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
}  # fmt: skip
BASE_CURVE = 1.869
# LibRaw's own matrix from linear sRGB to its ProPhoto output; its inverse undoes exactly what LibRaw did.
SRGB_TO_PROPHOTO = np.array(
    [[0.529317, 0.330092, 0.140588], [0.098368, 0.873465, 0.028169], [0.016879, 0.117663, 0.865457]]
)


def base_curve(x: np.ndarray) -> np.ndarray:
    """Linear scene light, 1 = sensor white, to linear display light; odd-symmetric, rising, .18 → .386."""
    return x * (1 + BASE_CURVE) / (1 + BASE_CURVE * np.abs(x))


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Develops a raw file to float32 [H, W, 3] in encoded extended sRGB. Raises ImportError without rawpy."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as file:
            check_size(file.sizes.width, file.sizes.height, max_pixels)
            balance = [m for m in file.camera_whitebalance[:3] if m > 0]
            if len(balance) < 3:  # LibRaw falls back on daylight itself
                balance = [m for m in file.daylight_whitebalance[:3] if m > 0] or [1.0]
            linear = file.postprocess(
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.ProPhoto,
                output_bps=16,
                gamma=(1, 1),
                no_auto_bright=True,
                highlight_mode=rawpy.HighlightMode.Blend,
                # A camera that saturates below its stated white level would turn highlights magenta: LibRaw then takes
                # the photo's maximum for white, here only from 90% on, since it makes exposure depend on the content.
                adjust_maximum_thr=0.9,
            )
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else "unknown reason"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"cannot be developed by LibRaw ({reason})") from error
    matrix = np.linalg.inv(SRGB_TO_PROPHOTO)
    # With unclipped highlights LibRaw scales the most amplified channel to 65535.
    matrix = matrix / matrix.sum(1, keepdims=True) * (max(balance) / min(balance) / 65535)
    pixels = np.empty(linear.shape, np.float32)

    def convert(rows):
        pixels[rows] = icc.srgb_encode(base_curve(linear[rows] @ matrix.T))

    icc.in_strips(convert, *linear.shape[:2])
    block, xmp, iptc, notes = tiff.metadata(data)
    return Decoded(pixels, "RAW", exif=block, xmp=xmp, iptc=iptc, orientation=1, notes=notes)
