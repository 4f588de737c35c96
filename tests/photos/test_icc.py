"""Colour profiles against LittleCMS in gamut, against numbers worked out by hand outside it, and inverted."""

import dataclasses
import importlib
import io
import struct

import numpy as np
import photo_files as files
import pytest
from PIL import Image, ImageCms

from rtq import photos
from rtq.photos import icc


def _grid():
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), -1).reshape(18, -1, 3)


def _littlecms(samples, profile):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    image = ImageCms.profileToProfile(
        Image.fromarray(samples), source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    return np.asarray(image)


@pytest.mark.parametrize("name", files.PROFILES)
def test_in_gamut_colours_agree_with_littlecms(name):
    samples = _grid()
    ours = icc.to_srgb(samples, icc.parse(files.PROFILES[name]))
    inside = ((ours >= 0) & (ours <= 1)).all(-1)
    assert inside.mean() > 0.2
    difference = np.abs(ours * 255 - _littlecms(samples, files.PROFILES[name]))[inside]
    assert difference.max() <= 1.0


@pytest.mark.parametrize(
    ("name", "sample", "expected"),
    [
        ("p3", (0, 255, 0), (-0.5116, 1.0183, -0.3107)),  # XYZ of the primaries by hand, sRGB curve on |x|
        ("p3", (255, 0, 0), (1.0931, -0.2267, -0.1501)),
        ("adobe", (0, 255, 0), (-0.6639, 1.0, -0.2291)),
        ("p3", (255, 255, 255), (1.0, 1.0, 1.0)),
        ("prophoto", (128, 128, 128), (0.5741, 0.5741, 0.5741)),  # (128/255)^1.8 in the sRGB curve
    ],
)
def test_colours_by_hand(name, sample, expected):
    pixel = icc.to_srgb(np.uint8([[sample]]), icc.parse(files.PROFILES[name]))[0, 0]
    assert np.abs(pixel - expected).max() < 6e-4


def test_curves_of_every_kind_invert():
    kinds = [
        icc.Curve(2.2),
        icc.SRGB_CURVE,
        icc.Curve(2.4, 0.9, 0.1, 0.0, -0.1 / 0.9, 0.0, 0.0),
        icc.Curve(2.0, 0.9, 0.1, 0.0, -0.1 / 0.9, 0.02, 0.02),
        icc.Curve(2.2, 0.95, 0.05, 0.1, 0.05, 0.01, 0.005),
        icc.Curve(table=np.linspace(0, 1, 1000) ** 2.2),
    ]
    x = np.linspace(0, 1, 65536)
    for curve in kinds:
        y = curve.linear(x)
        assert (np.diff(y) >= 0).all()
        assert np.abs(curve.encoded(y) - x).max() < 1e-9


def test_parametric_types_are_read_as_the_standard_has_them():
    def para(shape, *values):
        return icc._curve(b"para" + struct.pack(f">4xHxx{len(values)}i", shape, *(round(v * 65536) for v in values)))

    x = np.linspace(0, 1, 101)
    g, a, b, c, d, e, f = 2.0, 0.875, 0.125, 0.25, 0.25, 0.0625, 0.03125
    assert np.allclose(para(0, g).linear(x), x**g)
    assert np.allclose(para(1, g, a, -b).linear(x), np.where(x >= b / a, (a * x - b) ** g, 0))
    assert np.allclose(para(2, g, a, -b, e).linear(x), np.where(x >= b / a, (a * x - b) ** g + e, e))
    assert np.allclose(para(3, g, a, b, c, d).linear(x), np.where(x >= d, (a * x + b) ** g, c * x))
    assert np.allclose(para(4, g, a, b, c, d, e, f).linear(x), np.where(x >= d, (a * x + b) ** g + e, c * x + f))
    gamma = icc._curve(b"curv" + struct.pack(">4xIH", 1, 0x0233))
    assert gamma.g == pytest.approx(2.19921875)
    assert np.allclose(icc._curve(b"curv" + bytes(8)).linear(x), x)


def test_extended_srgb_is_odd_and_inverts():
    x = np.linspace(-4, 4, 100001)
    assert np.allclose(icc.srgb_encode(-x), -icc.srgb_encode(x))
    assert np.abs(icc.srgb_decode(icc.srgb_encode(x)) - x).max() < 1e-7
    assert icc.srgb_encode(np.array([0.18])) == pytest.approx(0.46135, abs=1e-5)


def test_srgb_profiles_leave_integers_alone(tmp_path):
    for number, profile in enumerate([ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
                                      importlib.import_module("rtq.photos.write").SRGB]):  # fmt: skip
        data = files.saved(Image.fromarray(files.noise()), "PNG", icc_profile=profile)
        (tmp_path / f"{number}.png").write_bytes(data)
        photo = photos.read(tmp_path / f"{number}.png")
        assert np.array_equal(photo.pixels, files.noise())
        assert photo.icc == profile
    leaking = np.eye(3) + [[-4e-4, 4e-4, 0], [0, 0, 0], [0, 8e-5, -8e-5]]  # as measured in a common profile
    assert icc.is_srgb(icc.Profile("RGB ", leaking, (icc.SRGB_CURVE,) * 3))
    assert not icc.is_srgb(icc.parse(files.PROFILES["adobe"]))
    assert not icc.is_srgb(icc.parse(icc.matrix_profile(icc.SRGB_XY, icc.D65_XY, icc.Curve(2.2), "gamma")))


def test_built_profiles_satisfy_littlecms():
    for profile in files.PROFILES.values():
        assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()


def test_profile_srgb_converts_and_clips(tmp_path):
    samples = np.uint8([[[0, 255, 0], [128, 128, 128], [200, 100, 50]]])
    data = files.saved(Image.fromarray(samples), "PNG", icc_profile=files.PROFILES["p3"])
    (tmp_path / "a.png").write_bytes(data)
    photo = photos.read(tmp_path / "a.png")
    photos.write(tmp_path / "b.png", photo, profile="srgb")
    again = photos.read(tmp_path / "b.png")
    assert again.pixels[0, 0].tolist() == [0, 255, 0]
    assert again.pixels[0, 1].tolist() == [128, 128, 128]
    assert np.abs(again.pixels[0, 2].astype(int) - _littlecms(samples, files.PROFILES["p3"])[0, 2]).max() <= 1
    assert icc.is_srgb(icc.parse(again.icc))


def test_uint8_pixels_are_converted_into_the_files_profile(tmp_path):
    pixels = files.scene()
    photos.write(tmp_path / "a.png", files.photo(pixels, icc=files.PROFILES["prophoto"]), bits=16)
    again = photos.read(tmp_path / "a.png").pixels
    assert np.abs(again * 255 - pixels).max() < 0.1  # half a 16-bit step of a gamma 1.8 toe


def _grey_profile(gamma):
    tone = b"curv" + struct.pack(">4xIH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ " + struct.pack(">4x3i", *(round(v * 65536) for v in icc.D50))
    body, table, start = b"", b"", 128 + 4 + 24
    for name, tag in ((b"kTRC", tone), (b"wtpt", white)):
        table += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag
    head = struct.pack(">I4xI4s4s4s12x4s", start + len(body), 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return head.ljust(128, b"\0") + struct.pack(">I", 2) + table + body


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_profile(tmp_path, dtype):
    top = np.iinfo(dtype).max
    samples = files.noise(channels=1, dtype=dtype)
    profile = _grey_profile(1.8)
    from rtq.photos import png

    (tmp_path / "a.png").write_bytes(png.encode(samples, profile, None, None))
    photo = photos.read(tmp_path / "a.png")
    assert photo.grey
    assert np.abs(icc.srgb_decode(photo.pixels) - (samples / top) ** 1.80078125).max() < 1e-5
    photos.write(tmp_path / "b.png", photo)
    again = photos.read(tmp_path / "b.png")
    assert np.array_equal(again.samples, samples)
    assert again.icc == profile
    toned = dataclasses.replace(photo, pixels=photo.pixels * np.float32([1, 0.9, 0.8]))
    photos.write(tmp_path / "c.png", toned)
    again = photos.read(tmp_path / "c.png")
    assert not again.grey
    assert icc.is_srgb(icc.parse(again.icc))


def test_grey_file_with_an_rgb_profile(tmp_path):
    grey = np.linspace(0, 255, 64).astype(np.uint8)[None]
    (tmp_path / "a.jpg").write_bytes(files.saved(Image.fromarray(grey), "JPEG", icc_profile=files.PROFILES["adobe"]))
    photo = photos.read(tmp_path / "a.jpg")
    assert photo.grey
    assert np.ptp(photo.pixels, -1).max() == 0


def _table_profile(space):
    """A lut8 profile with a 2-point grid over RGB or CMYK into Lab, its corners at sRGB's primaries and mixtures."""
    inks = len(space.strip())
    ends = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.buildTransform(*ends, "RGB", "LAB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    corners = np.array(list(np.ndindex(*(2,) * inks)))  # the first channel varies slowest
    rgb = corners if inks == 3 else (1 - corners[:, :3]) * (1 - corners[:, 3:])
    image = ImageCms.applyTransform(Image.fromarray(np.uint8(rgb * 255)[None]), lab)
    grid = (np.asarray(image)[0].astype(int) + [0, 128, 128]).astype(np.uint8)  # Pillow keeps a and b signed
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(np.eye(3, dtype=int) * 65536).ravel())
    tag = b"mft1" + bytes(4) + bytes([inks, 3, 2, 0]) + matrix + ramp * inks + grid.tobytes() + ramp * 3
    white = b"XYZ " + struct.pack(">4x3i", *(round(v * 65536) for v in icc.D50))
    start = 128 + 4 + 24
    table = struct.pack(">4sII4sII", b"A2B0", start, len(tag), b"wtpt", start + len(tag), len(white))
    size = start + len(tag) + len(white)
    kind = b"prtr" if inks == 4 else b"mntr"
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x02100000, kind, space.encode(), b"Lab ", b"acsp").ljust(68, b"\0")
    head += struct.pack(">3i", *(round(v * 65536) for v in icc.D50))
    return head.ljust(128, b"\0") + struct.pack(">I", 2) + table + tag + white


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_table_based_profile_is_converted_and_said(tmp_path, dtype):
    from rtq.photos import png

    samples = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]], dtype)
    samples = samples * dtype(257 if dtype == np.uint16 else 1)
    (tmp_path / "a.png").write_bytes(png.encode(samples, _table_profile("RGB "), None, None))
    with pytest.warns(photos.PhotoWarning, match="table-based profile was converted to sRGB") as said:
        photo = photos.read(tmp_path / "a.png")
    assert ("8 bits" in str(said[0].message)) == (dtype == np.uint16)
    assert np.abs(photo.pixels.astype(int) - [[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]]).max() <= 6
    assert photo.icc is None


def test_cmyk_profile_is_applied(tmp_path):
    inks = Image.new("CMYK", (32, 16), (0, 255, 255, 0))
    inks.paste((0, 0, 0, 0), (16, 0, 32, 16))
    (tmp_path / "a.tif").write_bytes(files.saved(inks, "TIFF", icc_profile=_table_profile("CMYK")))
    with pytest.warns(photos.PhotoWarning, match="CMYK profile was converted"):
        photo = photos.read(tmp_path / "a.tif")
    assert np.abs(photo.pixels[8, 8].astype(int) - [255, 0, 0]).max() <= 6
    assert np.abs(photo.pixels[8, 24].astype(int) - 255).max() <= 2


def test_profiles_that_do_not_apply(tmp_path):
    profile = bytearray(files.PROFILES["adobe"])
    place = profile.index(b"rTRC", 128)
    profile[place : place + 4] = b"xTRC"  # no longer of the matrix kind
    data = files.saved(Image.fromarray(files.noise()), "PNG", icc_profile=bytes(profile))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(photos.PhotoError, match="profile that cannot be applied"):
        photos.read(tmp_path / "a.png")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    (tmp_path / "b.png").write_bytes(files.saved(Image.fromarray(files.noise()), "PNG", icc_profile=lab))
    with pytest.warns(photos.PhotoWarning, match="does not fit"):
        photo = photos.read(tmp_path / "b.png")
    assert photo.icc is None


def test_damaged_profiles_are_ignored_with_a_warning(tmp_path):
    whole = files.PROFILES["p3"]
    damaged = [whole[:100], whole[:150], whole[:400], b"\0" * 200, whole.replace(b"para", b"nope")]
    for number, profile in enumerate(damaged):
        data = files.saved(Image.fromarray(files.scene()), "JPEG", icc_profile=profile)
        (tmp_path / f"{number}.jpg").write_bytes(data)
        with pytest.warns(photos.PhotoWarning, match="profile"):
            photo = photos.read(tmp_path / f"{number}.jpg")
        assert photo.pixels.dtype == np.uint8
        assert photo.icc is None


def _with_code_points(path, primaries, transfer, **more):
    """Writes a HEIC or AVIF file that states its colours by code points of H.273; returns its samples."""
    photos.write(path, files.photo(files.scene(), **more), quality=100)
    samples = photos.read(path).samples if more else photos.read(path).pixels
    data, own = path.read_bytes(), b"colrnclx" + struct.pack(">HH", *((2, 2) if more else (1, 13)))
    assert data.count(own) == 1
    path.write_bytes(data.replace(own, b"colrnclx" + struct.pack(">HH", primaries, transfer)))
    return samples


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_colours_by_code_points(tmp_path, suffix):
    samples = _with_code_points(tmp_path / f"p3.{suffix}", 12, 13)
    photo = photos.read(tmp_path / f"p3.{suffix}")
    np.testing.assert_allclose(photo.pixels, icc.to_srgb(samples, icc.parse(files.PROFILES["p3"])), atol=1e-4)
    photos.write(tmp_path / "p3.png", photo)
    assert np.array_equal(photos.read(tmp_path / "p3.png").samples, samples)
    assert photos.read(tmp_path / "p3.png").icc == photo.icc
    samples = _with_code_points(tmp_path / f"709.{suffix}", 1, 1) / 255
    linear = np.where(samples < 0.081, samples / 4.5, ((samples + 0.099) / 1.099) ** (1 / 0.45))
    np.testing.assert_allclose(photos.read(tmp_path / f"709.{suffix}").pixels, icc.srgb_encode(linear), atol=1e-3)
    _with_code_points(tmp_path / f"2020.{suffix}", 9, 14)
    green = photos.read(tmp_path / f"2020.{suffix}").pixels[40, 1]  # dark red and blue beside much green: out of gamut
    assert green[0] < 0


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_code_points_that_are_not_read(tmp_path, suffix):
    for number, name in ((16, "PQ"), (18, "HLG")):
        _with_code_points(tmp_path / f"{name}.{suffix}", 9, number)
        with pytest.raises(photos.PhotoError, match=rf"{name}\.{suffix}: is an HDR photo \({name}\)"):
            photos.read(tmp_path / f"{name}.{suffix}")
    samples = _with_code_points(tmp_path / f"odd.{suffix}", 5, 4)
    with pytest.warns(photos.PhotoWarning, match="primaries 5, transfer 4"):
        assert np.array_equal(photos.read(tmp_path / f"odd.{suffix}").pixels, samples)


def test_a_profile_counts_more_than_code_points(tmp_path):
    samples = _with_code_points(tmp_path / "a.avif", 9, 16, icc=files.PROFILES["p3"])
    photo = photos.read(tmp_path / "a.avif")
    assert photo.icc == files.PROFILES["p3"]
    assert np.array_equal(photo.samples, samples)


@pytest.mark.parametrize("stated", [{"dcf": "R03"}, {"space": 2}])
def test_adobe_rgb_of_a_camera_without_a_profile(tmp_path, stated):
    block = files.exif(**stated)
    data = files.saved(Image.fromarray(files.scene()), "JPEG", quality=100, exif=b"Exif\0\0" + block)
    (tmp_path / "a.jpg").write_bytes(data)
    photo = photos.read(tmp_path / "a.jpg")
    samples = np.asarray(Image.open(tmp_path / "a.jpg"))
    np.testing.assert_allclose(photo.pixels, icc.to_srgb(samples, icc.parse(files.PROFILES["adobe"])), atol=1e-4)
    photos.write(tmp_path / "b.jpg", photo)
    again = photos.read(tmp_path / "b.jpg")
    assert again.icc == photo.icc
    assert _color_space(again) == (65535, stated.get("dcf"))
    photos.write(tmp_path / "c.jpg", photo, profile="srgb", quality=100)
    again = photos.read(tmp_path / "c.jpg")
    assert _color_space(again) == (1, "R98" if "dcf" in stated else None)
    assert again.pixels.dtype == np.uint8
    assert np.abs(again.pixels / 255 - np.clip(photo.pixels, 0, 1)).mean() < 0.005


@pytest.mark.parametrize("stated", [{}, {"dcf": "R98"}, {"space": 1, "dcf": "R03"}, {"space": 1}])
def test_other_colour_spaces_of_exif_are_read_as_srgb_and_stay(tmp_path, stated):
    photos.write(tmp_path / "a.jpg", files.photo(files.scene(), exif=files.exif(**stated)))
    photo = photos.read(tmp_path / "a.jpg")
    assert photo.icc is None
    assert _color_space(photo) == (stated.get("space", 65535), stated.get("dcf"))


def test_what_is_converted_for_good_is_called_srgb(tmp_path):
    inks = Image.fromarray(files.scene()).convert("CMYK")
    (tmp_path / "a.jpg").write_bytes(files.saved(inks, "JPEG", exif=b"Exif\0\0" + files.exif(dcf="R03")))
    with pytest.warns(photos.PhotoWarning, match="CMYK"):
        assert _color_space(photos.read(tmp_path / "a.jpg")) == (1, "R98")


def _color_space(photo):
    block = Image.Exif()
    block.load(photo.exif)
    return block.get_ifd(0x8769)[0xA001], block.get_ifd(0xA005).get(1)
