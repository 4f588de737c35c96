"""Facts about photos, and plans embedded in raw ones."""

import numpy as np
import pytest
import tifffile

from rtq.editor.plan import Plan
from rtq.interop import packet, xmp
from rtq.interop.photo_info import RAW_SUFFIXES, PhotoInfo, photo_info
from rtq.interop.white_balance import kelvin_and_tint
from rtq.photos import raw

MATRIX = np.array([[0.9, -0.2, -0.1], [-0.4, 1.2, 0.2], [-0.1, 0.2, 0.6]])  # XYZ → camera
LIGHT = (0.34567, 0.35850)  # D50


def _dng(path, orientation=6):
    """A minimal raw photo, 96 × 64 pixels, shot under D50; returns its mosaic."""
    x, y = LIGHT
    neutral = MATRIX @ (x / y, 1, (1 - x - y) / y)
    mosaic = np.random.Generator(np.random.PCG64(3)).integers(600, 9000, (64, 96)).astype(np.uint16)
    tags = [(271, "s", 0, "rtq", True), (272, "s", 0, "rtq test", True), (274, "H", 1, orientation, True),
            (33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes([0, 1, 1, 2]), True),
            (50706, "B", 4, bytes([1, 4, 0, 0]), True), (50707, "B", 4, bytes([1, 1, 0, 0]), True),
            (50778, "H", 1, 21, True), (50708, "s", 0, "rtq test", True),
            (50714, "H", 1, 512, True), (50717, "I", 1, 16383, True),
            (50721, "2i", 9, [n for v in MATRIX.ravel() for n in (round(v * 10000), 10000)], True),
            (50728, "2I", 3, [n for v in neutral / neutral[1] for n in (round(v * 1_000_000), 1_000_000)], True)]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None, software=False, planarconfig=1)
    return mosaic


def test_raw_photo(tmp_path):
    path = tmp_path / "shot.DNG"
    _dng(path)
    info = photo_info(path)
    assert (info.kind, info.orientation, info.size) == ("raw", 6, (96, 64))
    assert info.as_shot == pytest.approx(kelvin_and_tint(*LIGHT), rel=0.01)


def test_raw_files_have_the_same_names_as_for_the_reader():
    assert RAW_SUFFIXES == raw.SUFFIXES


def test_embed_in_raw(tmp_path):
    path, out = tmp_path / "shot.dng", tmp_path / "out.dng"
    mosaic = _dng(path)
    plan = Plan({"Temperature": 30, "Contrast": 10})
    report = xmp.embed(path, out, plan)
    assert np.array_equal(tifffile.imread(out), mosaic)
    values = packet.parse(xmp.embedded_packet(str(out)))
    assert 5600 < int(values["Temperature"]) < 8000
    assert "CameraProfile" not in values
    assert xmp.read(out, photo=photo_info(out))[0] == plan
    assert report.dropped == ()


def test_refusals(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(ValueError, match=r"x\.jpg: not a photo"):
        photo_info(tmp_path / "x.jpg")
    with pytest.raises(FileNotFoundError):
        photo_info(tmp_path / "none.jpg")
    for bad in ({"kind": "film"}, {"orientation": 9}, {"as_shot": (0, 0)}):
        with pytest.raises(ValueError, match="photo: "):
            PhotoInfo(**bad)
