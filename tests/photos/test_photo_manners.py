"""What goes wrong is said in one line, and nothing is lost."""

import contextlib
import errno
import importlib
import os
import stat
import subprocess
import sys

import numpy as np
import photo_files as files
import pytest
from PIL import Image

from rtq import photos
from rtq.files import replace

WRITE = importlib.import_module("rtq.photos.write")
ALL = ["jpg", "png", "tif", "webp", "heic", "avif"]


def _refused(path, match, **options):
    with pytest.raises(photos.PhotoError, match=match) as caught:
        photos.read(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_not_a_photo(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("hello " * 100)
    (tmp_path / "page.png").write_text("<html>")
    (tmp_path / "a.gif").write_bytes(files.saved(Image.fromarray(files.scene()), "GIF"))
    (tmp_path / "short.jpg").write_bytes(b"\xff\xd8\xff")
    _refused(tmp_path / "empty.jpg", "empty")
    _refused(tmp_path / "text.jpg", "not a photo")
    _refused(tmp_path / "page.png", "not a photo")
    _refused(tmp_path / "a.gif", "not a photo.*JPEG, PNG")
    _refused(tmp_path / "short.jpg", "broken")
    _refused(tmp_path / "missing.jpg", "no such file")
    _refused(tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe.jpg")
    _refused(tmp_path / "pipe.jpg", "regular")
    _refused(tmp_path / ("a" * 300 + ".jpg"), "cannot be read")  # the system refuses to look for it


def test_a_folder_that_must_not_be_searched(tmp_path, monkeypatch):
    def closed(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", closed)
    _refused(tmp_path / "a.jpg", r"cannot be read \(Permission denied\)")


def test_content_decides_not_the_suffix(tmp_path):
    (tmp_path / "a.jpg").write_bytes(files.saved(Image.fromarray(files.noise()), "PNG"))
    assert photos.read(str(tmp_path / "a.jpg")).format == "PNG"


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_truncated_jpeg_is_an_error(tmp_path, options):
    whole = files.saved(Image.fromarray(files.noise(200, 300)), "JPEG", quality=95, **options)
    for part in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "a.jpg").write_bytes(whole[: int(len(whole) * part)])
        _refused(tmp_path / "a.jpg", "truncated")


@pytest.mark.parametrize("suffix", [*ALL, "16.png", "16.tif"])
def test_truncated_files_are_errors_or_whole(tmp_path, suffix):
    name = tmp_path / f"a.{suffix}"
    photos.write(name, files.photo(files.noise(64, 64)), bits=16 if "16" in suffix else None)
    whole, data = photos.read(name).pixels, name.read_bytes()
    for part in np.linspace(0.02, 0.98, 25):
        name.write_bytes(data[: int(len(data) * part)])
        with contextlib.suppress(photos.PhotoError):
            assert np.array_equal(photos.read(name).pixels, whole)


@pytest.mark.parametrize("suffix", [*ALL, "16.png", "dng"])
def test_too_many_pixels_are_refused_from_the_header(tmp_path, suffix):
    name = tmp_path / f"a.{suffix}"
    if suffix == "dng":
        files.dng(name, np.full((64, 64), 3000, np.uint16))
    else:
        photos.write(name, files.photo(files.noise(64, 64)), bits=16 if "16" in suffix else None)
    _refused(name, "limit of 4,000", max_pixels=4000)
    assert photos.read(name, max_pixels=4096).pixels.shape == (64, 64, 3)


def test_decompression_bomb(tmp_path):
    """30,000 × 30,000 pixels in under 200 kB: refused at once, without a word from Pillow."""
    import struct
    import zlib

    from rtq.photos import png

    header = png._chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
    body = png._chunk(b"IDAT", zlib.compress(bytes(30001) * 300)) + png._chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png.SIGNATURE + header + body)
    code = f"import rtq.photos as p\ntry: p.read({str(tmp_path / 'a.png')!r})\nexcept p.PhotoError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "limit of 200,000,000" in done.stdout
    assert done.stderr == ""


def test_import_is_light():
    heavy = {"jax", "PIL", "tifffile", "imagecodecs", "pillow_heif", "lxml", "rawpy", "pyexiv2"}
    code = f"import rtq.photos, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_overwritten_unasked(tmp_path):
    photo = files.photo(files.scene())
    photos.write(tmp_path / "a.png", photo)
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.png: exists already"):
        photos.write(tmp_path / "a.png", photo)
    os.link(tmp_path / "a.png", tmp_path / "b.png")
    os.symlink(tmp_path / "a.png", tmp_path / "c.png")
    for name in ("a.png", "b.png", "c.png"):
        with pytest.raises(FileExistsError, match="source photo itself"):
            photos.write(tmp_path / name, photo, source=tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
    photos.write(tmp_path / "c.png", files.photo(files.noise()), source=tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "c.png").is_symlink()
    assert np.array_equal(photos.read(tmp_path / "a.png").pixels, files.noise())
    assert (tmp_path / "b.png").read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    photos.write(tmp_path / "a.png", files.photo(files.scene()))
    before = (tmp_path / "a.png").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(WRITE.os, function, full)
            with pytest.raises(photos.PhotoError, match=r"a\.png: cannot be written \(No space left") as caught:
                photos.write(tmp_path / "a.png", files.photo(files.noise()), overwrite=True)
        assert "\n" not in str(caught.value)
        assert os.listdir(tmp_path) == ["a.png"]
        assert (tmp_path / "a.png").read_bytes() == before


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    name = tmp_path / ("照" * 79 + ".jpg")  # 241 bytes
    for _ in range(2):
        photos.write(name, files.photo(files.scene()), overwrite=True)
    assert os.listdir(tmp_path) == [name.name]


def test_pipes_and_devices_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    os.symlink(tmp_path / "a.png", tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        with pytest.raises(photos.PhotoError, match="not a regular file"):
            photos.write(tmp_path / name, files.photo(files.scene()), overwrite=True)
        with pytest.raises(OSError, match="Not a regular file"):
            replace(tmp_path / name, b"")
    assert (tmp_path / "a.png").is_fifo()


def test_permissions(tmp_path):
    photos.write(tmp_path / "a.png", files.photo(files.scene()))
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(os.stat(tmp_path / "a.png").st_mode) == 0o666 & ~mask
    os.chmod(tmp_path / "a.png", 0o640)
    photos.write(tmp_path / "a.png", files.photo(files.noise()), overwrite=True)
    assert stat.S_IMODE(os.stat(tmp_path / "a.png").st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("a.gif", {}, r"cannot write \.gif; use \.jpg, "),
        ("a.dng", {}, r"cannot write \.dng"),
        ("a", {}, "without suffix"),
        ("missing/a.png", {}, "folder .*missing does not exist"),
        ("a.jpg", {"bits": 16}, r"8 bits; use \.png or \.tif"),
        ("a.png", {"bits": 12}, "8 or 16"),
        ("a.png", {"profile": "p3"}, '"keep" or "srgb"'),
        ("a.jpg", {"quality": 0}, "1 to 100"),
    ],
)
def test_impossible_requests(tmp_path, name, options, match):
    with pytest.raises(photos.PhotoError, match=match) as caught:
        photos.write(tmp_path / name, files.photo(files.scene()), **options)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("photo", "match"),
    [
        (photos.Photo(np.zeros((4, 4), np.uint8)), r"\[H, W, 3\], not \[4, 4\]"),
        (photos.Photo(np.zeros((0, 4, 3), np.uint8)), r"not \[0, 4, 3\]"),
        (photos.Photo(np.zeros((4, 4, 3))), "not float64"),
        (photos.Photo(np.zeros((4, 4, 3), np.uint8), alpha=np.zeros((5, 4), np.uint8)), "alpha must be"),
        (photos.Photo(np.zeros((1, 20000, 3), np.uint8)), "at most 16383 pixels"),
    ],
)
def test_impossible_photos(tmp_path, photo, match):
    with pytest.raises(photos.PhotoError, match=match):
        photos.write(tmp_path / "a.webp", photo)


def test_a_shape_that_heic_cannot_hold(tmp_path):
    with pytest.raises(photos.PhotoError, match=r"a\.heic: cannot be written") as caught:
        photos.write(tmp_path / "a.heic", files.photo(np.zeros((1, 5000, 3), np.uint8)))
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []
