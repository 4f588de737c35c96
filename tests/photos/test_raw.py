"""Camera raw through LibRaw, on a synthetic DNG (no camera file is small and free enough to ship)."""

import builtins
import dataclasses

import numpy as np
import photo_files as files
import pytest
from PIL import Image

from rtq import photos
from rtq.photos import icc, raw

NEUTRAL = np.array([0.5, 1.0, 0.6])  # the DNG's AsShotNeutral: what a grey patch looks like to the sensor


def _mosaic(linear, height=64, width=96):
    """RGGB mosaic of a grey ramp or patch with this linear value (scalar or [H, W]), white = 1."""
    gains = np.empty((height, width))
    gains[0::2, 0::2], gains[0::2, 1::2], gains[1::2, 0::2], gains[1::2, 1::2] = NEUTRAL[[0, 1, 1, 2]]
    return np.rint(np.clip(512 + linear * gains * (16383 - 512), 0, 16383)).astype(np.uint16)


@pytest.mark.parametrize("linear", [0.01, 0.18, 0.5, 0.85])
def test_greys_take_the_stated_curve(tmp_path, linear):
    files.dng(tmp_path / "a.dng", _mosaic(linear))
    photo = photos.read(tmp_path / "a.dng")
    assert (photo.format, photo.bits, photo.icc) == ("RAW", 16, None)
    middle = photo.pixels[8:-8, 8:-8]
    assert photo.pixels.dtype == np.float32
    expected = icc.srgb_encode(raw.base_curve(np.array([linear])))[0]
    assert np.abs(middle - expected).max() < 0.004
    if linear == 0.18:
        assert round(float(middle.mean()) * 255) == 167


def test_base_curve_keeps_two_stops_above_white():
    x = np.linspace(-4, 4, 8001)
    y = raw.base_curve(x)
    assert (np.diff(y) > 0).all()
    assert np.allclose(y, -y[::-1])
    assert raw.base_curve(np.array([0.18]))[0] == pytest.approx(icc.srgb_decode(np.array([167 / 255]))[0], abs=2e-4)
    assert raw.base_curve(np.array([1.0]))[0] == pytest.approx(1)
    one, two, four = raw.base_curve(np.array([1.0, 2.0, 4.0]))
    assert four - two > 0.1 > 0.05 < two - one


def test_highlights_above_white_are_kept(tmp_path):
    """Red and blue saturate at 2 and 1.67 times green: the highlight must stay above 1 and must not turn magenta."""
    ramp = np.linspace(0.5, 2.2, 256)[None].repeat(64, 0)
    files.dng(tmp_path / "a.dng", _mosaic(ramp, 64, 256))
    pixels = photos.read(tmp_path / "a.dng").pixels[32, 8:-8]
    luma = pixels @ np.float32([0.2126, 0.7152, 0.0722])
    assert luma[-40:].min() > 1.02
    assert (np.diff(luma[::8]) > -0.01).all()
    assert np.ptp(pixels[-40:], -1).max() < 0.08


def test_orientation_and_exif(tmp_path):
    mosaic = _mosaic(0.1)
    mosaic[:32, :48] = _mosaic(0.8)[:32, :48]  # the top left corner is bright
    for orientation in (1, 3, 6, 8):
        files.dng(tmp_path / "a.dng", mosaic, orientation)
        photo = photos.read(tmp_path / "a.dng")
        assert photo.pixels.shape == ((64, 96, 3) if orientation in (1, 3) else (96, 64, 3))
        corners = photo.pixels[[12, 12, -12, -12], [12, -12, 12, -12], 1]
        assert corners.argmax() == {1: 0, 3: 3, 6: 1, 8: 2}[orientation]
    block = Image.Exif()
    block.load(photo.exif)
    assert block[0x0132] == "2024:05:06 07:08:09"
    photos.write(tmp_path / "b.tif", photo)
    assert photos.read(tmp_path / "b.tif").pixels.dtype == np.uint16
    photos.write(tmp_path / "b.jpg", dataclasses.replace(photo, pixels=photo.pixels * np.float32(0.5)))
    assert photos.read(tmp_path / "b.jpg").pixels.shape == photo.pixels.shape


def test_without_rawpy(tmp_path, monkeypatch):
    files.dng(tmp_path / "a.dng", _mosaic(0.2))
    imported = builtins.__import__

    def missing(name, *more):
        if name == "rawpy":
            raise ImportError("No module named 'rawpy'")
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(photos.PhotoError, match=r"a\.dng: camera raw needs rawpy: pip install rawpy"):
        photos.read(tmp_path / "a.dng")


def test_not_really_raw(tmp_path):
    (tmp_path / "a.nef").write_bytes(b"hello" * 100)
    with pytest.raises(photos.PhotoError, match=r"a\.nef: cannot be developed by LibRaw"):
        photos.read(tmp_path / "a.nef")
