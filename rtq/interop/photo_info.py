"""What an XMP needs to know about the photo it is for."""

import dataclasses
import os

import pyexiv2

from rtq.interop.geometry import ORIENTATIONS
from rtq.interop.white_balance import as_shot

KINDS = ("rendered", "raw")
RAW_SUFFIXES = frozenset((
    ".3fr", ".ari", ".arw", ".bay", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25",
    ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2",
    ".srf", ".srw", ".x3f",
))


@dataclasses.dataclass(frozen=True)
class PhotoInfo:
    """Facts about a photo.

    Attributes:
      kind: "rendered" (JPEG, TIFF, HEIC …) or "raw".
      orientation: EXIF orientation, 1–8.
      size: (width, height) in pixels as stored, before orientation; or None.
      as_shot: (Kelvin, Camera Raw tint) of a raw photo as shot; or None.
    """

    kind: str = "rendered"
    orientation: int = 1
    size: tuple[int, int] | None = None
    as_shot: tuple[float, float] | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"photo: kind {self.kind!r}; allowed: {', '.join(KINDS)}")
        if self.orientation not in ORIENTATIONS:
            raise ValueError(f"photo: orientation {self.orientation!r}; allowed: 1 to 8")
        if self.as_shot is not None and not self.as_shot[0] > 0:
            raise ValueError(f"photo: as-shot temperature {self.as_shot[0]!r} K; it must be positive")


def photo_info(path: str | os.PathLike) -> PhotoInfo:
    """Reads the facts from a photo's metadata; a raw photo's as-shot white balance needs the extra `rtq[raw]`.

    Raises:
      ValueError: one line: no photo that Exiv2 knows.
      OSError: the file cannot be read.
    """
    path = os.fspath(path)
    with open(path, "rb"):  # a clear error for a missing or unreadable file
        pass
    try:
        with pyexiv2.Image(path) as image:
            exif = image.read_exif()
            size = image.get_pixel_width(), image.get_pixel_height()
    except RuntimeError as error:
        raise ValueError(f"{path}: not a photo with readable metadata ({' '.join(str(error).split())[:100]})") from None
    text = exif.get("Exif.Image.Orientation", "1")
    orientation = int(text) if text.isdigit() and int(text) in ORIENTATIONS else 1
    raw = os.path.splitext(path)[1].lower() in RAW_SUFFIXES
    return PhotoInfo("raw" if raw else "rendered", orientation, size if min(size) > 0 else None,
                     _as_shot(path) if raw else None)


def _as_shot(path: str) -> tuple[float, float] | None:
    try:
        import rawpy  # an extra: only who has raw photos needs it
    except ImportError:
        return None
    try:
        with rawpy.imread(path) as raw:
            return as_shot(raw.camera_whitebalance, raw.rgb_xyz_matrix)
    except (rawpy.LibRawError, ValueError):
        return None
