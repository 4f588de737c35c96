"""Sources and their split."""

import pytest
from data_photos import write_scenes

from rtq.data import photos, studio


def test_no_photo_is_on_two_sides_and_none_is_lost(tmp_path):
    found = photos.sources(write_scenes(tmp_path, 9))
    for seed in range(5):
        sides = photos.split(found, seed)
        keys = [s.key for name in photos.SPLITS for s in sides[name]]
        assert sorted(keys) == sorted(s.key for s in found)
        assert all(sides.values())


def test_no_kind_of_photo_that_a_training_reads_is_lost(tmp_path):
    names = [f"a.{suffix}" for suffix in ("jpg", "jpeg", "png", "tif", "tiff", "webp", "heic", "heif", "avif", "dng",
                                          "nef", "cr2", "cr3", "arw", "raf", "orf", "rw2", "nrw", "PEF")]  # fmt: skip
    for name in (*names, "a.txt", "a.gif"):
        (tmp_path / name).touch()
    assert [source.key for source in photos.sources(str(tmp_path))] == sorted(names)


def test_the_side_of_a_photo_does_not_depend_on_the_others():
    keys = [f"photo{i}.jpg" for i in range(2000)]
    sides = [photos.split_of(key, 3) for key in keys]
    assert 0.75 < sides.count("train") / 2000 < 0.85
    assert sides != [photos.split_of(key, 4) for key in keys]


def test_bundled_photos_load():
    found = photos.sources(None)
    assert len(found) >= 8
    assert all(s.load().ndim == 3 and max(s.load().shape) <= photos.LONG_SIDE for s in found)


def test_bad_folders_are_told_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="not a folder"):
        photos.sources(str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="no photo in"):
        photos.sources(str(tmp_path))
    with pytest.raises(ValueError, match="2 of them; at least 3"):
        studio.build(photos.sources(write_scenes(tmp_path, 2)), tmp_path / "o", count=1, seed=0, split="train", size=56)


def test_unreadable_photos_are_named_and_skipped(tmp_path):
    write_scenes(tmp_path, 4)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    good, bad = photos.readable(photos.sources(str(tmp_path)))
    assert len(good) == 4
    assert len(bad) == 1
    assert "broken.jpg" in bad[0]
    assert "\n" not in bad[0]
