"""Small photo files made on the spot for the tests of rtq.photos."""

import io
import struct

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from rtq import photos
from rtq.photos import icc

P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO_XY = ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105))
D50_XY = (0.34567, 0.35850)
PROFILES = {
    "p3": icc.matrix_profile(P3_XY, icc.D65_XY, icc.SRGB_CURVE, "P3"),
    "adobe": icc.matrix_profile(ADOBE_XY, icc.D65_XY, icc.Curve(563 / 256), "Adobe"),
    "prophoto": icc.matrix_profile(PROPHOTO_XY, D50_XY, icc.Curve(1.8), "ProPhoto"),
    "table": icc.matrix_profile(
        ADOBE_XY, icc.D65_XY, icc.Curve(table=np.maximum(np.linspace(-0.02, 1, 256), 0) ** 2.0), "Table"
    ),
}
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 crs:Exposure2012="+1.00" crs:HasSettings="True" tiff:Orientation="6" xmp:Rating="4">
<crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li></rdf:Seq></crs:ToneCurvePV2012>
<dc:subject><rdf:Bag><rdf:li>harbour</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def noise(height=23, width=37, channels=3, dtype=np.uint8, seed=0):
    """Random samples that use the whole range of the dtype, both ends included."""
    top = np.iinfo(dtype).max
    samples = np.random.default_rng(seed).integers(0, top + 1, (height, width, channels), dtype=dtype)
    samples[0, :3] = [[0] * channels, [top] * channels, [top] + [0] * (channels - 1)]
    return samples


def scene(height=48, width=64):
    """A smooth uint8 picture without any symmetry, for lossy formats and orientations."""
    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    return np.rint(255 * np.stack([x, y, x * (1 - y)], -1)).astype(np.uint8)


def photo(samples, **more):
    """A Photo around samples that are in sRGB already."""
    return photos.Photo(samples, bits=8 if samples.dtype == np.uint8 else 16, **more)


def exif(orientation=1, width=37, height=23, thumbnail=b"", space=65535, dcf=""):
    """An EXIF block with a camera, a time, a place, a maker note and, if given, a thumbnail in IFD1 and DCF's R98 or
    R03."""
    block = Image.Exif()
    block[0x0112], block[0x010F], block[0x0132] = orientation, "Maker", "2024:05:06 07:08:09"
    below = block.get_ifd(0x8769)
    below.update({0x9003: "2024:05:06 07:08:09", 0x829A: TiffImagePlugin.IFDRational(1, 125)})
    below.update({0x927C: b"maker's own bytes", 0xA001: space, 0xA002: width, 0xA003: height})
    below.update({0xA005: {1: dcf, 2: b"0100"}} if dcf else {})
    block.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 15.5)})
    data = block.tobytes().removeprefix(b"Exif\0\0")
    if not thumbnail:
        return data
    order = "<" if data[:2] == b"II" else ">"
    data = bytearray(data + b"\0" * (len(data) % 2))
    (first,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, first)
    second = len(data)
    struct.pack_into(order + "I", data, first + 2 + 12 * count, second)
    rows = struct.pack(order + "HHII", 0x0201, 4, 1, second + 30)
    rows += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
    return bytes(data) + struct.pack(order + "H", 2) + rows + bytes(4) + thumbnail


def dng(path, samples, orientation=1):
    """A minimal DNG (RGGB mosaic uint16, black 512, white 16383, as-shot neutral 1/2 1 3/5) that LibRaw develops."""
    to_camera = [0.9, -0.2, -0.1, -0.4, 1.2, 0.2, -0.1, 0.2, 0.6]
    tags = [
        (271, "s", 0, "rtq", True),
        (272, "s", 0, "rtq test", True),
        (274, "H", 1, orientation, True),
        (306, "s", 0, "2024:05:06 07:08:09", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50707, "B", 4, bytes([1, 1, 0, 0]), True),
        (50708, "s", 0, "rtq test", True),
        (50714, "H", 1, 512, True),
        (50717, "I", 1, 16383, True),
        (50721, "2i", 9, [n for v in to_camera for n in (round(v * 10000), 10000)], True),
        (50728, "2I", 3, (5000, 10000, 10000, 10000, 6000, 10000), True),
        (50778, "H", 1, 21, True),
    ]
    tifffile.imwrite(path, samples, photometric=32803, extratags=tags, metadata=None, software=False, planarconfig=1)


def saved(image, kind, **options):
    """The bytes of a Pillow image in a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
