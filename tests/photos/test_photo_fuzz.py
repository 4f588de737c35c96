"""Damaged bytes give a Photo or a PhotoError, and nothing else: no other exception, no foreign warning, no hang."""

import time
import warnings

import numpy as np
import photo_files as files
import pytest
from PIL import Image

from rtq import photos

MUTATIONS = 240


def _seed(name, tmp_path):
    scene = Image.fromarray(files.scene())
    if name == "dng":
        files.dng(tmp_path / "a.dng", np.random.default_rng(0).integers(500, 16000, (48, 64), dtype=np.uint16))
        return (tmp_path / "a.dng").read_bytes()
    pillow = {
        "cmyk.jpg": ("JPEG", scene.convert("CMYK"), {}),
        "progressive.jpg": ("JPEG", scene, {"progressive": True}),
        "palette.png": ("PNG", scene.quantize(16), {"transparency": 2}),
        "lzw.tif": ("TIFF", scene, {"compression": "tiff_lzw"}),
        "jpeg.tif": ("TIFF", scene, {"compression": "jpeg"}),
    }
    if name in pillow:
        kind, image, options = pillow[name]
        return files.saved(image, kind, **options)
    photo = files.photo(files.scene(), icc=files.PROFILES["adobe"], exif=files.exif(6), xmp=files.XMP)
    photos.write(tmp_path / f"a.{name}", photo, bits=16 if "16" in name else None)
    return (tmp_path / f"a.{name}").read_bytes()


def _damaged(data, rng, kind):
    out = bytearray(data)
    if kind == 0:  # bytes anywhere
        for place in rng.integers(0, len(out), rng.integers(1, 8)):
            out[place] = rng.integers(256)
    elif kind == 1:  # extreme values in the header
        for place in rng.integers(0, min(len(out), 800), rng.integers(1, 4)):
            out[place] = rng.choice([0, 1, 127, 128, 255])
    elif kind == 2:  # cut off
        del out[rng.integers(1, len(out)) :]
    else:  # a piece removed or replaced by one of another length
        first, last = sorted(rng.integers(0, len(out), 2))
        out[first : min(last, first + 64)] = rng.bytes(rng.integers(0, 64))
    return bytes(out)


@pytest.mark.parametrize("name", ["jpg", "progressive.jpg", "cmyk.jpg", "png", "16.png", "palette.png", "tif", "16.tif",
                                  "lzw.tif", "jpeg.tif", "webp", "heic", "avif", "dng"])  # fmt: skip
def test_damaged_bytes(tmp_path, name):
    data = _seed(name, tmp_path)
    rng = np.random.default_rng(len(data))
    path = tmp_path / f"damaged.{name}"
    read, said = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", photos.PhotoWarning)
        for number in range(MUTATIONS):
            path.write_bytes(_damaged(data, rng, number % 4))
            start = time.monotonic()
            try:
                photo = photos.read(path)
            except photos.PhotoError as error:
                said.append(str(error))
            else:
                read += 1
                assert photo.pixels.ndim == 3
                assert np.isfinite(photo.pixels).all()
            assert time.monotonic() - start < 5
    assert 0 < read < MUTATIONS
    assert all("\n" not in line and str(path) in line for line in said)
