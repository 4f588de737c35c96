"""Photo files: 8 and 16 bits, camera raw, HEIC; colour profiles, EXIF and XMP kept; written atomically."""

from rtq.photos.read import read
from rtq.photos.types import Photo, PhotoError, PhotoWarning
from rtq.photos.write import write

__all__ = ["Photo", "PhotoError", "PhotoWarning", "read", "write"]
