"""Lookup tables hold what they claim to hold."""

import itertools

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from rtq.editor import render
from rtq.editor.guides import NOT_FLAT
from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.renderer import render_flat
from rtq.editor.sliders import SLIDERS
from rtq.interop import lut

LOOK = Plan({"Temperature": 20, "Exposure": 0.35, "Contrast": 30, "Vibrance": 20, "HueOrange": -10, "GlobalHue": 90,
             "GlobalSaturation": 20, "CalibrationRedHue": 10, "ParametricDarks": -20, "Fade": 20},
            curves={"rgb": ((0, 0), (64, 50), (255, 255))})


def _apply(table, colors):
    """Trilinear interpolation of a table [blue, green, red] at colours [N, 3]."""
    at = (colors[:, ::-1] * (len(table) - 1)).T
    return np.stack([ndimage.map_coordinates(table[..., c], at, order=1) for c in range(3)], -1)


def _parse_cube(text):
    lines = text.splitlines()
    size = int(next(line for line in lines if line.startswith("LUT_3D_SIZE")).split()[1])
    rows = [[float(v) for v in line.split()] for line in lines if line and line[0] in "-0123456789"]
    return np.array(rows, np.float32).reshape(size, size, size, 3)


def test_neutral_hald_is_the_identity():
    image = lut.hald(Plan({"GrainAmount": 50}), 4)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint16
    index = np.arange(16**3)
    expected = np.stack([index % 16, index // 16 % 16, index // 256], -1) * (65535 / 15)
    assert np.array_equal(image.reshape(-1, 3), np.rint(expected))


def test_table_is_the_renderer():
    table = lut.table(LOOK, 9)
    grid = lut.table(Plan(), 9)
    rendered = render(grid.reshape(27, 27, 3), LOOK)
    assert np.abs(table.reshape(27, 27, 3) - rendered).max() < 1e-5


def test_interpolated_tables_are_close(tmp_path):
    colors = np.random.Generator(np.random.PCG64(1)).random((40, 50, 3), np.float32)
    expected = np.clip(render(colors, LOOK), 0, 1).reshape(-1, 3)
    report = lut.write_cube(tmp_path / "look.cube", LOOK, size=33)
    cube = _parse_cube((tmp_path / "look.cube").read_text())
    lut.write_hald(tmp_path / "look.tif", LOOK, level=6)
    hald = tifffile.imread(tmp_path / "look.tif").reshape(36, 36, 36, 3) / 65535
    for table in (cube, hald):
        error = 255 * np.abs(np.clip(_apply(table, colors.reshape(-1, 3)), 0, 1) - expected)
        assert error.mean() < 0.2
        assert error.max() < 4
    assert len(report.exact) == len(LOOK.sliders) + 1
    assert report.approximated == report.dropped == ()

POINT = [row for row in SLIDERS if row.scale == "point" and row.group not in NOT_FLAT]


@pytest.mark.parametrize("row", POINT, ids=lambda row: row.name)
def test_what_is_called_exact_is_within_the_bound_between_the_nodes(row):
    """Trilinear interpolation between the nodes of level 12 against the renderer, at both ends of what is followed."""
    lo, hi = lut.FOLLOWED.get(row.name, (row.lo, row.hi))
    last = 12**2 - 1
    colors = np.random.default_rng(0).random((400, 3)).astype(np.float32)
    low = np.clip(np.floor(colors * last), 0, last - 1)
    corners = np.array(list(itertools.product((0, 1), repeat=3)), np.float32)
    weights = np.prod(np.where(corners[:, None] > 0, colors * last - low, 1 - (colors * last - low)), -1)
    points = np.concatenate([colors, ((low + corners[:, None]) / last).reshape(-1, 3).astype(np.float32)])
    for value in {max(lo, row.lo), min(hi, row.hi)} - {row.neutral}:
        out = np.clip(np.asarray(render_flat(points, Plan({**dict(row.companions), row.name: value}))), 0, 1)
        direct, nodes = out[:400], out[400:].reshape(8, 400, 3)
        error = 255 * np.abs((weights[..., None] * nodes).sum(0) - direct)
        assert error.max() <= 1.25, value


def test_what_bends_too_much_is_called_approximated():
    report = lut.carried(Plan({"Temperature": -60, "Exposure": 1.0, "Saturation": 100}))
    assert len(report.exact) == 1
    assert len(report.approximated) == 2


def test_what_the_amount_makes_of_a_slider_is_judged():
    report = lut.carried(Plan({"Exposure": 2, "Saturation": 60}, amount=200))
    assert report.exact == ()
    assert [line.split(";")[0] for line in report.approximated] == ["Exposure: +4", "Saturation: +100"]
    assert lut.carried(Plan({"Saturation": 100, "SharpenRadius": 20}, amount=50)).exact == ("Saturation: +50",)


def test_cube_text():
    lines = lut.cube(Plan({"Exposure": 5}), 2, "five stops").splitlines()
    assert lines[:5] == ['TITLE "five stops"', "LUT_3D_SIZE 2", "DOMAIN_MIN 0 0 0", "DOMAIN_MAX 1 1 1",
                         "0.000000 0.000000 0.000000"]
    assert len(lines) == 12
    red = [float(v) for v in lines[5].split()]  # red runs fastest; values above 1 are kept
    assert red[0] > 4
    assert red[1:] == [0, 0]


@pytest.mark.parametrize("group", sorted({row.group for row in SLIDERS}))
def test_each_group_is_carried_or_reported(group):
    rows = [row for row in SLIDERS if row.group == group and row.driver]
    plan = Plan({row.name: min(row.hi, lut.FOLLOWED.get(row.name, (0, row.hi))[1]) for row in rows})
    report = lut.carried(plan)
    moved = np.abs(lut.table(plan, 4) - lut.table(Plan(), 4)).max()
    lines = report.dropped if group in NOT_FLAT else report.approximated if group == "light" else report.exact
    assert {line.split(":")[0] for line in lines} == set(plan.sliders)
    assert (moved > 0.005) == (group not in NOT_FLAT)
    assert lut.is_neutral(plan) == (group in NOT_FLAT)


def test_highlights_and_shadows_act_as_on_flat_photos():
    plan = Plan({"Highlights": -80, "Shadows": 60})
    table = lut.table(plan, 5)
    for node in ((0, 1, 2), (3, 4, 2), (1, 1, 1)):
        color = np.array(node[::-1], np.float32) / 4
        flat = render(np.broadcast_to(color, (32, 32, 3)).copy(), plan)
        assert np.abs(flat[16, 16] - table[node]).max() < 2e-3


def test_places_cannot_go_in():
    plan = Plan({"Tint": 5}, (Local((Mask("linear", (0, 0, 0, 9)),), {"Tint": 50}),), crop=Crop(right=500))
    assert np.array_equal(lut.table(plan, 3), lut.table(Plan({"Tint": 5}), 3))
    assert [line.split(":")[0] for line in lut.carried(plan).dropped] == ["local[0]", "crop"]


def test_amount_acts_in_the_table():
    assert np.array_equal(lut.table(Plan({"Contrast": 40}, amount=50), 3), lut.table(Plan({"Contrast": 20}), 3))


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="2 to 256"):
        lut.cube(Plan(), 1)
    with pytest.raises(ValueError, match="2 to 16"):
        lut.hald(Plan(), 17)
    with pytest.raises(ValueError, match="title"):
        lut.cube(Plan(), 2, 'a"b')
    (tmp_path / "x.cube").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        lut.write_cube(tmp_path / "x.cube", Plan(), size=2)
    assert (tmp_path / "x.cube").read_text() == "mine"
