"""Orientation, EXIF, XMP, IPTC and resolution, read back by Pillow, tifffile and Exiv2."""

import dataclasses
import io
import struct
import tracemalloc
import warnings

import imagecodecs
import numpy as np
import photo_files as files
import pillow_heif
import pyexiv2
import pytest
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

from rtq import photos
from rtq.photos import exif as exif_block
from rtq.photos import iptc, tiff

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
    assert tiff.metadata(block) == (None, None, None, ("its EXIF is damaged and was left out",))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    with pytest.raises(exif_block.ExifError):
        exif_block.collect(block)


IPTC = b"".join(b"\x1c\x02" + struct.pack(">BH", number, len(text)) + text for number, text in (
    (80, b"A. N."), (120, "Hafen bei Nacht, Öl".encode()), (25, b"harbour")))  # fmt: skip


def _quiet(*arguments, **options):
    """Writes without a notice."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photos.write(*arguments, **options)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_iptc_is_kept(tmp_path, suffix):
    _quiet(tmp_path / f"a.{suffix}", files.photo(files.scene(), exif=files.exif(), xmp=files.XMP, iptc=IPTC))
    photo = photos.read(tmp_path / f"a.{suffix}")
    assert photo.iptc == IPTC
    for name in ("b.jpg", "b.tif"):
        _quiet(tmp_path / name, photo)
        assert photos.read(tmp_path / name).iptc == IPTC
        with pyexiv2.Image(str(tmp_path / name)) as image:  # another program reads it
            known = image.read_iptc()
        assert known["Iptc.Application2.Byline"] == ["A. N."]
        assert known["Iptc.Application2.Caption"] == "Hafen bei Nacht, Öl"


def test_iptc_among_other_image_resources(tmp_path):
    image = Image.fromarray(files.scene())
    other = b"8BIM\x03\xe8\x03abc" + struct.pack(">I", 3) + b"xyz\0"  # a name and data of odd length
    own = iptc.segment(IPTC)[18:]
    for order in (other + own, own + other):
        image.save(tmp_path / "a.tif", tiffinfo={34377: order})
        assert photos.read(tmp_path / "a.tif").iptc == IPTC
        halves = (order[:30], order[30:])  # Photoshop goes on in another segment after 64 kB
        extra = b"".join(b"\xff\xed" + struct.pack(">H", 16 + len(part)) + b"Photoshop 3.0\0" + part for part in halves)
        (tmp_path / "a.jpg").write_bytes(files.saved(image, "JPEG", extra=extra))
        assert photos.read(tmp_path / "a.jpg").iptc == IPTC
    for cut in range(len(other) + 12 + len(IPTC)):
        assert iptc.from_resources((other + own)[:cut]) is None


@pytest.mark.parametrize("suffix", ["png", "webp", "heic", "avif"])
def test_iptc_that_has_no_place_is_said(tmp_path, suffix):
    with pytest.warns(photos.PhotoWarning, match="no place for IPTC"):
        photos.write(tmp_path / f"a.{suffix}", files.photo(files.scene(), iptc=IPTC))
    with pytest.warns(photos.PhotoWarning, match="IPTC did not fit"):
        photos.write(tmp_path / "a.jpg", files.photo(files.scene(), iptc=IPTC * 2000))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_resolution_is_kept(tmp_path, suffix):
    block = Image.Exif()
    block[0x011A], block[0x011B], block[0x0128] = 72.0, 72.0, 2
    other = block.tobytes().removeprefix(b"Exif\0\0")  # which says something else
    for exif in (None, other):
        _quiet(tmp_path / f"a.{suffix}", files.photo(files.scene(), density=(300.0, 150.0), exif=exif), overwrite=True)
        assert Image.open(tmp_path / f"a.{suffix}").info["dpi"] == pytest.approx((300, 150), rel=1e-4)
        for name in ("b.jpg", "b.png", "b.tif"):
            photos.write(tmp_path / name, photos.read(tmp_path / f"a.{suffix}"), overwrite=True)
            assert photos.read(tmp_path / name).density == pytest.approx((300, 150), rel=1e-4)


def test_resolution_of_exif_and_in_centimetres(tmp_path):
    block = Image.Exif()
    block[0x011A], block[0x011B], block[0x0128] = 100.0, 100.0, 3
    data = files.saved(Image.fromarray(files.scene()), "WEBP", exif=block.tobytes())
    (tmp_path / "a.webp").write_bytes(data)
    photo = photos.read(tmp_path / "a.webp")
    assert photo.density == pytest.approx((254, 254))
    _quiet(tmp_path / "b.webp", photo)
    _quiet(tmp_path / "b.jpg", photo)
    assert Image.open(tmp_path / "b.jpg").info["dpi"] == (254, 254)
    data = bytearray(files.saved(Image.fromarray(files.scene()), "JPEG", dpi=(100, 100)))
    data[13] = 2  # JFIF's unit
    (tmp_path / "a.jpg").write_bytes(data)
    photo = photos.read(tmp_path / "a.jpg")
    assert photo.density == pytest.approx((254, 254))
    with pytest.warns(photos.PhotoWarning, match="WEBP has no place for the resolution: 254 dpi"):
        photos.write(tmp_path / "c.webp", photo)
    data[13] = 0  # only the shape of pixels
    (tmp_path / "a.jpg").write_bytes(data)
    assert photos.read(tmp_path / "a.jpg").density is None


def test_what_no_format_is_written_with_is_said(tmp_path):
    image = Image.fromarray(files.scene())
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "by hand")
    (tmp_path / "a.png").write_bytes(files.saved(image, "PNG", pnginfo=text))
    (tmp_path / "a.jpg").write_bytes(files.saved(image, "JPEG", comment=b"by hand"))
    extension = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40)
    extra = b"\xff\xe1" + struct.pack(">H", 2 + len(extension)) + extension
    (tmp_path / "b.jpg").write_bytes(files.saved(image, "JPEG", extra=extra))
    for name, what in (("a.png", "PNG text"), ("a.jpg", "JPEG comment"), ("b.jpg", "extended XMP")):
        with pytest.warns(photos.PhotoWarning, match=f"its {what} was left out"):
            photos.write(tmp_path / f"out-{name}", photos.read(tmp_path / name))
        _quiet(tmp_path / f"again-{name}", photos.read(tmp_path / f"out-{name}"))


COMPANIONS = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:BurstID="b" xmp:Rating="4"
 xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"><Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="99"/>
</rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_xmp_does_not_claim_what_is_no_longer_in_the_file(tmp_path):
    with pytest.warns(photos.PhotoWarning) as said:
        photos.write(tmp_path / "a.jpg", files.photo(files.scene(), xmp=COMPANIONS))
    assert [str(x.message).partition(": ")[2] for x in said] == [
        "its gain map (HDR) was left out", "its video (motion photo) was left out"]  # fmt: skip
    packet = photos.read(tmp_path / "a.jpg").xmp
    assert b'Rating="4"' in packet
    assert b'BurstID="b"' in packet
    for gone in (b"hdrgm", b"MotionPhoto", b"Container", b"HasExtendedXMP"):
        assert gone not in packet
    _quiet(tmp_path / "b.jpg", files.photo(files.scene()), xmp=COMPANIONS)
    assert photos.read(tmp_path / "b.jpg").xmp == COMPANIONS


def test_exif_that_is_damaged_below_does_not_stop_a_tiff(tmp_path):
    block = bytearray(files.exif())
    tags, _ = exif_block.directory(block, struct.unpack_from(">I", block, 4)[0])
    struct.pack_into(">I", block, tags[exif_block.GPS_IFD].start, 1 << 30)
    with pytest.warns(photos.PhotoWarning, match="EXIF was left out"):
        photos.write(tmp_path / "a.tif", files.photo(files.scene(), exif=bytes(block)))
    assert np.array_equal(photos.read(tmp_path / "a.tif").pixels, files.scene())
