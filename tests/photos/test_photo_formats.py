"""Every format there and back: samples, alpha, grey, depth, and the odd kinds of each."""

import dataclasses
import io

import imagecodecs
import numpy as np
import photo_files as files
import pillow_heif
import pytest
import tifffile
from PIL import Image

from rtq import photos
from rtq.editor import Plan, develop, strips
from rtq.editor.plan_arrays import to_arrays

LOSSY = ("jpg", "webp", "heic", "avif")


@pytest.mark.parametrize("profile", [None, *files.PROFILES])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_lossless_round_trip_in_own_profile(tmp_path, suffix, dtype, profile):
    samples = files.noise(64, 257, dtype=dtype)
    samples[1:4] = samples[1:4] // (samples.itemsize**8 + 20)  # dark corners of the cube, where float32 is coarsest
    samples[2, :, 0] = np.iinfo(dtype).max
    stored = _store(tmp_path / f"in.{suffix}", samples, files.PROFILES.get(profile))
    photo = photos.read(stored)
    assert (photo.pixels.dtype == np.float32) == (profile is not None)
    assert photo.bits == 8 * samples.itemsize
    photos.write(tmp_path / f"out.{suffix}", dataclasses.replace(photo, pixels=photo.pixels.copy()))
    again = _load(tmp_path / f"out.{suffix}")
    assert again.dtype == dtype
    assert np.count_nonzero(again != samples) == 0
    assert photos.read(tmp_path / f"out.{suffix}").icc == files.PROFILES.get(profile)


@pytest.mark.parametrize("profile", [None, *files.PROFILES])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_neutral_plan_that_runs_changes_no_sample_of_a_file(tmp_path, dtype, profile):
    """Read, every group of sliders at neutral and none left out, written in the file's own profile: 0 mismatches."""
    samples = files.noise(64, 256, dtype=dtype)
    photo = photos.read(_store(tmp_path / "in.png", samples, files.PROFILES.get(profile)))
    every = develop.program(develop.ALL_GROUPS, (), (), 1.0, (), 1.0)
    edited = strips.render(photo.pixels, to_arrays(Plan()), every, np.zeros((0, 64, 256), np.float32))
    assert not np.shares_memory(edited, photo.pixels)
    photos.write(tmp_path / "out.png", dataclasses.replace(photo, pixels=np.asarray(edited)))
    assert np.count_nonzero(_load(tmp_path / "out.png") != samples) == 0


def _store(path, samples, profile):
    """Writes samples as they are, by other means than the ones under test where there are any."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, samples, photometric="rgb", compression="lzw", iccprofile=profile, metadata=None)
    elif samples.dtype == np.uint8:
        Image.fromarray(samples).save(path, icc_profile=profile or b"")
    else:
        from rtq.photos import png

        path.write_bytes(png.encode(samples, profile, None, None))
    return path


def _load(path):
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return imagecodecs.png_decode(path.read_bytes())


@pytest.mark.parametrize("profile", ["p3", "adobe", "prophoto"])
def test_unedited_8_bit_needs_no_stored_samples(tmp_path, profile):
    samples = files.noise(64, 257)
    photo = photos.read(_store(tmp_path / "in.png", samples, files.PROFILES[profile]))
    photos.write(tmp_path / "out.png", dataclasses.replace(photo, samples=None))
    assert np.array_equal(_load(tmp_path / "out.png"), samples)


def test_touched_pixels_are_not_restored(tmp_path):
    samples = files.noise(dtype=np.uint16)
    photo = photos.read(_store(tmp_path / "in.png", samples, files.PROFILES["p3"]))
    pixels = photo.pixels.copy()
    pixels[:, 20:] += np.float32(1e-4)
    photos.write(tmp_path / "out.png", dataclasses.replace(photo, pixels=pixels))
    again = _load(tmp_path / "out.png")
    assert np.array_equal(again[:, :20], samples[:, :20])
    inside = (samples[:, 20:] > 2000).all(-1) & (samples[:, 20:] < 65000).all(-1)
    assert (again[:, 20:] > samples[:, 20:])[inside].any(-1).all()


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_round_trip(tmp_path, suffix):
    scene = files.scene()
    photos.write(tmp_path / f"a.{suffix}", files.photo(scene), quality=95)
    photo = photos.read(tmp_path / f"a.{suffix}")
    assert photo.pixels.shape == scene.shape
    assert photo.pixels.dtype == np.uint8
    assert photo.format == {"jpg": "JPEG", "webp": "WEBP", "heic": "HEIF", "avif": "AVIF"}[suffix]
    assert np.abs(photo.pixels.astype(int) - scene).mean() < 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_and_alpha_stay(tmp_path, suffix, channels, dtype):
    samples = files.noise(channels=channels, dtype=dtype)
    colours = samples[..., : channels - (channels % 2 == 0)]
    alpha = samples[..., -1] if channels in (2, 4) else None
    grey = channels < 3
    photo = files.photo(np.repeat(colours, 3, -1) if grey else colours, alpha=alpha, grey=grey)
    photos.write(tmp_path / f"a.{suffix}", photo)
    stored = _load(tmp_path / f"a.{suffix}").reshape(samples.shape)
    assert np.array_equal(stored, samples)
    again = photos.read(tmp_path / f"a.{suffix}")
    assert again.grey == grey
    assert np.array_equal(again.pixels, photo.pixels)
    assert (again.alpha is None) == (alpha is None)
    assert alpha is None or np.array_equal(again.alpha, alpha)


@pytest.mark.parametrize("suffix", ["webp", "heic", "avif"])
def test_alpha_in_lossy_formats(tmp_path, suffix):
    alpha = files.scene()[..., 0]
    photos.write(tmp_path / f"a.{suffix}", files.photo(files.scene(), alpha=alpha))
    again = photos.read(tmp_path / f"a.{suffix}")
    assert np.abs(again.alpha.astype(int) - alpha).max() <= 8


def test_jpeg_lays_alpha_on_white(tmp_path):
    black = np.zeros((8, 16, 3), np.uint8)
    alpha = np.full((8, 16), 255, np.uint8)
    alpha[:, 8:] = 102
    with pytest.warns(photos.PhotoWarning, match="white"):
        photos.write(tmp_path / "a.jpg", files.photo(black, alpha=alpha))
    pixels = photos.read(tmp_path / "a.jpg").pixels.astype(int)
    assert np.abs(pixels[:, :8]).max() <= 1
    assert np.abs(pixels[:, 8:] - 153).max() <= 1


@pytest.mark.parametrize("suffix", ["jpg", "heic", "avif"])
def test_grey_stays_grey_in_lossy_formats_and_turns_colour_when_toned(tmp_path, suffix):
    grey = np.repeat(files.scene()[..., :1], 3, -1)
    photos.write(tmp_path / f"a.{suffix}", files.photo(grey, grey=True))
    photo = photos.read(tmp_path / f"a.{suffix}")
    assert photo.grey
    toned = photo.pixels.astype(np.float32) / 255 + np.float32([0.1, 0, -0.1])
    photos.write(tmp_path / f"b.{suffix}", dataclasses.replace(photo, pixels=toned))
    photo = photos.read(tmp_path / f"b.{suffix}")
    assert not photo.grey
    assert photo.pixels[20, 40, 0] > photo.pixels[20, 40, 2] + 30


def test_webp_lossless_stays_lossless(tmp_path):
    scene = files.noise()
    photos.write(tmp_path / "a.webp", files.photo(scene), quality=100)
    photo = photos.read(tmp_path / "a.webp")
    assert photo.lossless
    photos.write(tmp_path / "b.webp", photo)
    assert np.array_equal(photos.read(tmp_path / "b.webp").pixels, scene)


def test_palette_one_bit_and_transparent_colour_png(tmp_path):
    scene = Image.fromarray(files.scene())
    palette = scene.quantize(16)
    palette.save(tmp_path / "p.png")
    assert np.array_equal(photos.read(tmp_path / "p.png").pixels, np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "t.png", transparency=3)
    assert np.array_equal(photos.read(tmp_path / "t.png").alpha == 0, np.asarray(palette) == 3)
    scene.convert("1").save(tmp_path / "b.png")
    photo = photos.read(tmp_path / "b.png")
    assert photo.grey
    assert set(np.unique(photo.pixels)) == {0, 255}


def test_16_bit_png_with_transparent_colour(tmp_path):
    from rtq.photos import png

    samples = files.noise(dtype=np.uint16)
    data = imagecodecs.png_encode(samples)
    key = png._chunk(b"tRNS", samples[5, 6].astype(">u2").tobytes())
    (tmp_path / "a.png").write_bytes(data[:33] + key + data[33:])
    photo = photos.read(tmp_path / "a.png")
    assert np.array_equal(photo.pixels, samples)
    assert np.array_equal(photo.alpha == 0, (samples == samples[5, 6]).all(-1))


@pytest.mark.parametrize("options", [{"compression": c} for c in (None, "zlib", "lzw", "packbits", "zstd", "lzma")]
                         + [{"tile": (16, 16)}, {"planarconfig": "separate"}, {"byteorder": ">"}, {"bigtiff": True},
                            {"predictor": True, "compression": "zlib"}])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_layouts(tmp_path, options, dtype):
    samples = files.noise(dtype=dtype)
    planar = options.get("planarconfig") == "separate"
    stored = np.moveaxis(samples, -1, 0) if planar else samples
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    assert np.array_equal(photos.read(tmp_path / "a.tif").pixels, samples)


def test_tiff_kinds(tmp_path):
    grey = files.noise(channels=1, dtype=np.uint16)[..., 0]
    tifffile.imwrite(tmp_path / "w.tif", grey, photometric="miniswhite")
    assert np.array_equal(photos.read(tmp_path / "w.tif").pixels[..., 0], 65535 - grey)
    bits = grey > 30000
    Image.fromarray(bits).save(tmp_path / "b.tif", compression="group4")
    assert np.array_equal(photos.read(tmp_path / "b.tif").pixels[..., 2], bits * np.uint8(255))
    palette = Image.fromarray(files.scene()).quantize(16)
    palette.save(tmp_path / "p.tif")
    assert np.array_equal(photos.read(tmp_path / "p.tif").pixels, np.asarray(palette.convert("RGB")))
    Image.fromarray(files.scene()).save(tmp_path / "j.tif", compression="jpeg")
    assert np.abs(photos.read(tmp_path / "j.tif").pixels.astype(int) - files.scene()).mean() < 5
    rgba = np.dstack([np.full((4, 4, 3), 60, np.uint8), np.full((4, 4), 120, np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["assocalpha"])
    with pytest.warns(photos.PhotoWarning, match="premultiplied"):
        assert (photos.read(tmp_path / "a.tif").pixels == 128).all()
    tifffile.imwrite(tmp_path / "f.tif", np.zeros((4, 4, 3), np.float32), photometric="rgb")
    with pytest.raises(photos.PhotoError, match="float"):
        photos.read(tmp_path / "f.tif")


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(tmp_path, kind):
    colours = Image.new("CMYK", (16, 8), (0, 255, 255, 0))
    colours.paste((0, 0, 0, 0), (8, 0, 16, 8))
    colours.save(tmp_path / "a.x", kind)
    with pytest.warns(photos.PhotoWarning, match="CMYK"):
        photo = photos.read(tmp_path / "a.x")
    assert np.abs(photo.pixels[:, :8].astype(int) - [255, 0, 0]).max() <= 3
    assert np.abs(photo.pixels[:, 8:].astype(int) - 255).max() <= 3
    photos.write(tmp_path / "b.jpg", photo)
    assert Image.open(tmp_path / "b.jpg").mode == "RGB"


@pytest.mark.parametrize("depth", [10, 12])
def test_deep_heif_and_avif_are_not_cut_to_8_bits(tmp_path, depth):
    ramp = np.repeat(np.linspace(0, 2**depth - 1, 256).astype(np.uint16)[None, :, None], 16, 0).repeat(3, -1)
    codec = imagecodecs.avif_encode(ramp, level=100, bitspersample=depth)
    (tmp_path / "a.avif").write_bytes(codec)
    full = np.rint(ramp * (65535 / (2**depth - 1))).astype("<u2")
    image = pillow_heif.from_bytes("RGB;16", (256, 16), full.tobytes())
    buffer = io.BytesIO()
    pillow_heif.options.SAVE_HDR_TO_12_BIT = depth == 12
    image.save(buffer, quality=-1, chroma=444)
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    (tmp_path / "a.heic").write_bytes(buffer.getvalue())
    for name in ("a.avif", "a.heic"):
        photo = photos.read(tmp_path / name)
        assert photo.bits == 16
        assert photo.pixels.dtype == np.uint16
        assert np.abs(photo.pixels / 65535 - ramp / (2**depth - 1)).max() < 0.003
        assert len(np.unique(photo.pixels[0, :, 1])) > 250
        assert photo.pixels.max() > 65400


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "heic", "avif"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3000, 2), (64, 9000)])
def test_extreme_shapes(tmp_path, suffix, shape):
    flat = np.full((*shape, 3), (200, 100, 50), np.uint8)
    photos.write(tmp_path / f"a.{suffix}", files.photo(flat))
    again = photos.read(tmp_path / f"a.{suffix}").pixels
    assert again.shape == flat.shape
    assert np.abs(again.astype(int) - flat).max() <= 6


def test_first_frame_with_a_warning(tmp_path):
    first, second = Image.fromarray(files.scene()), Image.fromarray(255 - files.scene())
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    first.save(tmp_path / "a.avif", save_all=True, append_images=[second], quality=100)
    for name in ("a.webp", "a.png", "a.tif", "a.avif"):
        with pytest.warns(photos.PhotoWarning, match="first"):
            photo = photos.read(tmp_path / name)
        assert np.abs(photo.pixels.astype(int) - files.scene()).max() <= 6, name


def test_floats_are_clipped_and_rounded_half_to_even(tmp_path):
    values = np.float32([-0.5, 0.0, 0.5 / 255, 1.5 / 255, 0.5, 1.0, 3.0, np.nan])
    pixels = np.repeat(values[None, :, None], 3, -1)
    photo = photos.Photo(pixels)
    photos.write(tmp_path / "a.png", photo)
    assert photos.read(tmp_path / "a.png").pixels[0, :, 0].tolist() == [0, 0, 0, 2, 128, 255, 255, 0]
    photos.write(tmp_path / "b.png", photo, bits=16)
    assert photos.read(tmp_path / "b.png").pixels[0, :, 0].tolist() == [0, 0, 128, 386, 32768, 65535, 65535, 0]


def test_integers_change_depth_when_asked(tmp_path):
    photos.write(tmp_path / "a.png", files.photo(files.noise()), bits=16)
    assert np.array_equal(photos.read(tmp_path / "a.png").pixels, files.noise() * np.uint16(257))
    deep = files.noise(dtype=np.uint16)
    photos.write(tmp_path / "b.png", files.photo(deep), bits=8)
    assert np.array_equal(photos.read(tmp_path / "b.png").pixels, np.rint(deep / 257).astype(np.uint8))
    with pytest.warns(photos.PhotoWarning, match="8 bits"):
        photos.write(tmp_path / "c.jpg", files.photo(deep))
    photos.write(tmp_path / "c.png", files.photo(deep))
    assert photos.read(tmp_path / "c.png").pixels.dtype == np.uint16
