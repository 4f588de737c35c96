"""Every slider does visibly, steadily and alone what its row says."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from editor_cases import ROW_IDS, render_on_probes, values

from rtq.editor import probes
from rtq.editor.sliders import BY_NAME, HUES, SLIDERS

ON_BOTH_SIDES = 0.4  # the weaker end's share of min_effect, at least


@functools.cache
def sweep() -> dict[str, tuple[list[float], list[float]]]:
    """name → values from end to end, and the statistic of the row's probe at each."""
    cases = [(row, value) for row in SLIDERS for value in values(row, 7)]
    seen: dict = {row.name: ([], []) for row in SLIDERS}
    for (row, value), picture in zip(cases, render_on_probes(cases), strict=True):
        seen[row.name][0].append(value)
        seen[row.name][1].append(probes.STATISTICS[row.statistic](picture))
    return seen


@pytest.mark.parametrize("row", SLIDERS, ids=ROW_IDS)
def test_visible_and_monotone(row):
    given, seen = sweep()[row.name]
    effect = [probes.change(row.statistic, seen[given.index(row.neutral)], x) for x in seen]
    assert max(abs(x) for x in effect) >= row.min_effect, effect
    if row.sign:
        steps = [row.sign * probes.change(row.statistic, a, b) for a, b in itertools.pairwise(seen)]
        assert min(steps) > 1e-4 * row.min_effect, dict(zip(given, seen, strict=True))


@pytest.mark.parametrize("row", [r for r in SLIDERS if r.sign and r.lo < r.neutral < r.hi and r.driver],
                         ids=lambda r: r.name)
def test_both_directions_are_visible(row):
    given, seen = sweep()[row.name]
    neutral = seen[given.index(row.neutral)]
    for end in (0, -1):
        assert abs(probes.change(row.statistic, neutral, seen[end])) >= ON_BOTH_SIDES * row.min_effect


def test_min_effects_can_be_seen():
    """At least one level of eight bits where the statistic is a level; the others have units of their own."""
    own_units = {"hue": 1.0, "neighbour": 0.02, "kurtosis": 0.02, "edge_width": 0.1}
    for row in SLIDERS:
        assert row.min_effect >= own_units.get(row.statistic, 1 / 255), row.name


@pytest.mark.parametrize("kind", ["Hue", "Saturation", "Luminance", "Gray"])
def test_hue_sliders_leave_other_hues_alone(kind):
    own = [BY_NAME[f"{kind}{hue}"] for hue in HUES]
    cases, pairs = [], []
    for row in own:
        for other in own:
            if other is not row:
                cases += [(dataclasses.replace(row, probe=other.probe), row.hi),
                          (dataclasses.replace(row, probe=other.probe), row.neutral)]
                pairs.append((row.name, other.probe))
    pictures = render_on_probes(cases)
    for (name, probe), moved, still in zip(pairs, pictures[::2], pictures[1::2], strict=True):
        np.testing.assert_allclose(moved, still, atol=2e-6, err_msg=f"{name} on {probe}")


def test_statistics_of_known_pictures():
    picture = {name: make() for name, make in probes.PROBES.items()}
    at = probes.STATISTICS
    assert all(p.dtype == np.float32 and p.ndim == 3 and np.isfinite(p).all() for p in picture.values())
    assert at["mean"](picture["grey"]) == pytest.approx(0.5)
    assert at["ramp30"](picture["ramp"]) == pytest.approx(0.30, abs=1e-5)
    assert at["slope_mid"](picture["ramp"]) == pytest.approx(1, abs=1e-5)
    assert at["edge_gain"](picture["edge"]) == pytest.approx(0.3, abs=1e-5)
    assert at["chroma"](picture["muted"]) == pytest.approx(0.15, abs=1e-5)
    assert at["luma"](picture["patchBlue"]) == pytest.approx(0.5, abs=1e-5)
    assert at["hue"](picture["patchPurple"]) == pytest.approx(270, abs=1e-3)
    assert at["std"](picture["noise"]) == pytest.approx(0.03, rel=0.1)
    assert at["edge_width"](picture["edge"]) == pytest.approx(0, abs=1e-5)
    assert probes.change("hue", 350, 10) == 20
    assert probes.change("mean", 0.2, 0.5) == pytest.approx(0.3)
