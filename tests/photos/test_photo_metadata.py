"""Orientation, EXIF and XMP, read back by Pillow, tifffile and Exiv2."""

import dataclasses
import io
import struct
import tracemalloc

import imagecodecs
import numpy as np
import photo_files as files
import pillow_heif
import pyexiv2
import pytest
import tifffile
from PIL import Image, ImageOps

from rtq import photos
from rtq.photos import exif as exif_block
from rtq.photos import tiff

ALL = ["jpg", "png", "tif", "webp", "heic", "avif"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_orientation(tmp_path, suffix, orientation):
    image = Image.fromarray(files.scene())
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        image.save(path, tiffinfo={274: orientation})
    else:
        options = {"lossless": True} if suffix == "webp" else {"quality": 100}
        image.save(path, exif=b"Exif\0\0" + files.exif(orientation), **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    photo = photos.read(path)
    assert photo.orientation == orientation
    assert np.array_equal(photo.pixels, expected)
    photos.write(tmp_path / f"b.{suffix}", photo)
    again = Image.open(tmp_path / f"b.{suffix}")
    assert again.getexif().get(0x0112, 1) == 1
    assert again.size == expected.shape[1::-1]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_orientation_by_box(tmp_path, suffix, orientation):
    """HEIF and AVIF turn by boxes of the container, which Pillow's plug-ins write from the EXIF orientation."""
    image = Image.fromarray(files.scene())
    if suffix == "heic":
        file = pillow_heif.from_pillow(image)
        file.save(tmp_path / "a.heic", quality=-1, exif=files.exif(orientation))
    else:
        image.save(tmp_path / "a.avif", quality=100, exif=files.exif(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(
        files.saved(image, "PNG", exif=files.exif(orientation))))))  # fmt: skip
    photo = photos.read(tmp_path / f"a.{suffix}")
    assert photo.pixels.shape == expected.shape
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 2
    assert photo.orientation == orientation
    photos.write(tmp_path / f"b.{suffix}", photo)
    again = photos.read(tmp_path / f"b.{suffix}")
    assert again.orientation == 1
    assert np.abs(again.pixels.astype(int) - expected).mean() < 3


def test_heif_exif_orientation_without_a_box_only_informs(tmp_path):
    file = pillow_heif.from_pillow(Image.fromarray(files.scene()))
    upright, turned = files.exif(1), files.exif(6)
    file.save(tmp_path / "a.heic", quality=-1, exif=upright)
    data = (tmp_path / "a.heic").read_bytes()
    assert upright in data
    (tmp_path / "a.heic").write_bytes(data.replace(upright, turned))
    photo = photos.read(tmp_path / "a.heic")
    assert photo.orientation == 6
    assert photo.pixels.shape == files.scene().shape


def test_given_xmp_does_not_turn_a_heic(tmp_path):
    photos.write(tmp_path / "a.heic", files.photo(files.scene()), xmp=files.XMP)
    photo = photos.read(tmp_path / "a.heic")
    assert photo.pixels.shape == files.scene().shape
    assert b'crs:Exposure2012="+1.00"' in photo.xmp


def test_deep_avif_is_turned_too(tmp_path):
    image = Image.fromarray(files.scene())
    turned = files.saved(image, "AVIF", exif=files.exif(6), quality=100)
    deep = imagecodecs.avif_encode(files.scene().astype(np.uint16) << 2, level=100, bitspersample=10)
    (tmp_path / "a.avif").write_bytes(turned)
    (tmp_path / "b.avif").write_bytes(deep)
    assert imagecodecs.avif_decode(turned).shape == (48, 64, 3)  # the decoder for deep files does not turn
    assert photos.read(tmp_path / "a.avif").pixels.shape == (64, 48, 3)
    assert photos.read(tmp_path / "b.avif").pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", ALL)
def test_exif_and_xmp_are_kept(tmp_path, suffix):
    photo = files.photo(files.scene(), exif=files.exif(), xmp=files.XMP)
    photos.write(tmp_path / f"a.{suffix}", photo)
    again = photos.read(tmp_path / f"a.{suffix}")
    # a second generation, and through another format
    photos.write(tmp_path / f"b.{suffix}", again)
    photos.write(tmp_path / "c.tif", again)
    photos.write(tmp_path / "d.jpg", photos.read(tmp_path / "c.tif"))
    for name in (f"a.{suffix}", f"b.{suffix}", "c.tif", "d.jpg"):
        block = Image.Exif()
        block.load(photos.read(tmp_path / name).exif)
        assert block[0x010F] == "Maker"
        assert block[0x0132] == "2024:05:06 07:08:09"
        below = block.get_ifd(0x8769)
        assert below[0x9003] == "2024:05:06 07:08:09"
        assert below[0x829A] == pytest.approx(1 / 125)
        assert below[0x927C] == b"maker's own bytes"
        assert (below[0xA002], below[0xA003]) == (64, 48)
        assert below[0xA001] == 65535  # as it was: nothing was converted
        assert block.get_ifd(0x8825)[1] == "N"
        assert [float(v) for v in block.get_ifd(0x8825)[2]] == [52.0, 30.0, 15.5]
        packet = photos.read(tmp_path / name).xmp
        assert b"harbour" in packet
        assert b'Rating="4"' in packet
        assert b"crs:" not in packet
        assert b"Exposure2012" not in packet
        assert b'Orientation="1"' in packet


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_other_programs_read_it(tmp_path, suffix):
    photos.write(tmp_path / f"a.{suffix}", files.photo(files.scene(), exif=files.exif(), xmp=files.XMP,
                                                       icc=files.PROFILES["p3"]))  # fmt: skip
    with pyexiv2.Image(str(tmp_path / f"a.{suffix}")) as image:
        block, packet = image.read_exif(), image.read_xmp()
        assert image.read_icc() == files.PROFILES["p3"]
    assert block["Exif.Image.Make"] == "Maker"
    assert block["Exif.Photo.DateTimeOriginal"] == "2024:05:06 07:08:09"
    assert block["Exif.GPSInfo.GPSLatitude"].startswith("52/1 30/1 ")
    assert packet["Xmp.xmp.Rating"] == "4"
    assert packet["Xmp.dc.subject"] == ["harbour"]
    assert not [key for key in packet if key.startswith("Xmp.crs")]
    with Image.open(tmp_path / f"a.{suffix}") as image:
        assert np.asarray(image).shape == files.scene().shape
        assert image.info["icc_profile"] == files.PROFILES["p3"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "heic", "avif"])
def test_exif_is_kept_to_the_byte_but_for_what_changed(tmp_path, suffix):
    block = exif_block.resized(files.exif(), 64, 48)
    photos.write(tmp_path / f"a.{suffix}", files.photo(files.scene(), exif=block))
    again = photos.read(tmp_path / f"a.{suffix}").exif
    assert again == (exif_block.without_orientation(block) if suffix == "avif" else block)


def test_16_bit_tiff_with_metadata_is_read_by_tifffile(tmp_path):
    samples = files.noise(dtype=np.uint16)
    photos.write(tmp_path / "a.tif", files.photo(samples, exif=files.exif(), xmp=files.XMP))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert np.array_equal(file.asarray(), samples)
        assert len(file.pages) == 1
        assert file.pages[0].tags["Make"].value == "Maker"
        assert file.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "2024:05:06 07:08:09"


def test_big_endian_exif(tmp_path):
    block = Image.Exif()
    block.load(b"MM\0*\0\0\0\x08\0\0\0\0\0\0")
    block[0x010F], block[0x0112] = "Big", 3
    data = block.tobytes().removeprefix(b"Exif\0\0")
    assert data[:2] == b"MM"
    (tmp_path / "a.jpg").write_bytes(files.saved(Image.fromarray(files.scene()), "JPEG", exif=b"Exif\0\0" + data))
    photo = photos.read(tmp_path / "a.jpg")
    assert photo.orientation == 3
    photos.write(tmp_path / "b.tif", photo, bits=16)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].tags["Make"].value == "Big"
        assert np.array_equal(file.asarray(), photo.pixels * np.uint16(257))


@pytest.mark.parametrize("suffix", ALL)
def test_no_old_thumbnail_survives(tmp_path, suffix):
    secret = files.saved(Image.fromarray(files.noise(16, 16)), "JPEG")
    block = files.exif(thumbnail=secret)
    assert secret in block
    (tmp_path / "a.jpg").write_bytes(files.saved(Image.fromarray(files.scene()), "JPEG", exif=b"Exif\0\0" + block))
    photos.write(tmp_path / f"b.{suffix}", photos.read(tmp_path / "a.jpg"))
    assert secret[20:60] not in (tmp_path / f"b.{suffix}").read_bytes()


def test_long_maker_note_does_not_fit_a_jpeg(tmp_path):
    block = Image.Exif()
    block[0x010F] = "Maker"
    block.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x927C: bytes(70000)})
    photo = files.photo(files.scene(), exif=block.tobytes().removeprefix(b"Exif\0\0"), xmp=b" " * 70000)
    with pytest.warns(photos.PhotoWarning, match="notes"), pytest.warns(photos.PhotoWarning, match="XMP"):
        photos.write(tmp_path / "a.jpg", photo)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    photos.write(tmp_path / "a.png", photo)
    assert len(photos.read(tmp_path / "a.png").exif) > 70000


def test_damaged_metadata_does_not_stop_the_photo(tmp_path):
    image = Image.fromarray(files.scene())
    (tmp_path / "a.jpg").write_bytes(files.saved(image, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\0\0", xmp=files.XMP[:400]))
    with pytest.warns(photos.PhotoWarning, match="EXIF"):
        photo = photos.read(tmp_path / "a.jpg")
    assert photo.exif is None
    with pytest.warns(photos.PhotoWarning, match="XMP"):
        photos.write(tmp_path / "b.jpg", photo)
    assert photos.read(tmp_path / "b.jpg").xmp is None


def test_xmp_can_be_given_or_refused(tmp_path):
    photo = files.photo(files.scene(), xmp=files.XMP)
    photos.write(tmp_path / "a.png", photo, xmp=files.XMP)
    assert b'Exposure2012="+1.00"' in photos.read(tmp_path / "a.png").xmp
    assert b'tiff:Orientation="1"' in photos.read(tmp_path / "a.png").xmp
    photos.write(tmp_path / "b.png", photo, xmp=b"")
    assert photos.read(tmp_path / "b.png").xmp is None
    plain = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    photos.write(tmp_path / "c.png", dataclasses.replace(photo, xmp=plain))
    assert photos.read(tmp_path / "c.png").xmp == plain


def test_exif_functions_reject_rubbish():
    for rubbish in (b"", b"II*\0", b"MM\0*" + bytes(4), b"II*\0\x08\0\0\0\xff\xff", b"Exif\0\0"):
        with pytest.raises(exif_block.ExifError):
            exif_block.upright(rubbish)


def test_tags_that_overlap_take_no_memory():
    """2,000 EXIF tags that each point at the whole block, of 24 kB."""
    first = struct.pack("<HHHIII", 1, exif_block.EXIF_IFD, 4, 1, 26, 0)
    size = 26 + 2 + 12 * 2000 + 4
    below = b"".join(struct.pack("<HHII", tag, 7, size, 0) for tag in range(2000))
    block = b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<H", 2000) + below + bytes(4)
    assert len(block) == size
    tracemalloc.start()
    assert tiff.metadata(block) == (None, None, ("its EXIF is damaged and was left out",))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    with pytest.raises(exif_block.ExifError):
        exif_block.collect(block)
