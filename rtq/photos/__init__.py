"""Photo files: 8 and 16 bits, camera raw, HEIC; colour profiles, EXIF, XMP and IPTC kept; written atomically."""

from rtq.photos.read import SUFFIXES, read
from rtq.photos.types import Photo, PhotoError, PhotoWarning
from rtq.photos.write import write

__all__ = ["SUFFIXES", "Photo", "PhotoError", "PhotoWarning", "read", "write"]
