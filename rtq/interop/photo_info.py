"""What an XMP needs to know about the photo it is for."""

import dataclasses
import os

import pyexiv2

from rtq.interop.geometry import ORIENTATIONS
from rtq.interop.white_balance import as_shot

KINDS = ("rendered", "raw")
RAW_SUFFIXES = frozenset((  # those of rtq.photos.raw
    ".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq",
    ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw", ".rw2",
    ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
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


def open_image(path: str) -> pyexiv2.Image:
    """A photo as Exiv2 opens it, whatever bytes its name is made of.

    Raises:
      RuntimeError: Exiv2's own, where it cannot be opened.
    """
    try:
        return pyexiv2.Image(os.fsencode(path).decode("latin-1"), encoding="latin-1")
    except UnicodeDecodeError:  # its reason quotes the name
        raise RuntimeError("Exiv2 cannot open it") from None


def photo_info(path: str | os.PathLike) -> PhotoInfo:
    """Reads the facts from a photo's metadata; a raw photo other than DNG needs the extra `[raw]` for its
    as-shot white balance.

    Raises:
      ValueError: one line: no photo that Exiv2 knows.
      OSError: the file cannot be read.
    """
    path = os.fspath(path)
    with open(path, "rb"):  # a clear error for a missing or unreadable file
        pass
    try:
        with open_image(path) as image:
            exif = image.read_exif(encoding="iso-8859-1")  # any bytes; only ASCII tags are used
            size = image.get_pixel_width(), image.get_pixel_height()
    except RuntimeError as error:
        raise ValueError(f"{path}: not a photo with readable metadata ({' '.join(str(error).split())[:100]})") from None
    text = exif.get("Exif.Image.Orientation", "1")
    orientation = int(text) if text.isdigit() and int(text) in ORIENTATIONS else 1
    raw = os.path.splitext(path)[1].lower() in RAW_SUFFIXES
    light = (_as_shot_of_dng(exif) or _as_shot(path)) if raw else None
    return PhotoInfo("raw" if raw else "rendered", orientation, size if min(size) > 0 else None, light)


def _as_shot_of_dng(exif: dict[str, str]) -> tuple[float, float] | None:
    """From a DNG's own tags; the second colour matrix is the one for daylight."""
    neutral = _rationals(exif.get("Exif.Image.AsShotNeutral", ""))
    matrix = _rationals(exif.get("Exif.Image.ColorMatrix2", "") or exif.get("Exif.Image.ColorMatrix1", ""))
    if len(neutral) != 3 or len(matrix) != 9 or min(neutral) <= 0:
        return None
    try:
        return as_shot([1 / v for v in neutral], [matrix[:3], matrix[3:6], matrix[6:]])
    except ValueError:
        return None


def _rationals(text: str) -> list[float]:
    pairs = [part.partition("/") for part in text.split()]
    if not all(a.lstrip("-").isdigit() and b.isdigit() and int(b) for a, _, b in pairs):
        return []
    return [int(a) / int(b) for a, _, b in pairs]


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
