"""Plans as arrays and back, without loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from test_plan_json import FULL, plan_data

from rtq.editor.plan import CURVES, MASK_KINDS, MASK_NUMBERS, OPERATIONS, Crop, Local, Mask, Plan
from rtq.editor.plan_arrays import snap, stack, to_arrays
from rtq.editor.sliders import BY_NAME, INDEX, LOCAL_SLIDERS, SLIDERS, table_markdown


def from_arrays(arrays, mask_names) -> Plan:
    """Arrays of one plan → Plan, to show that they hold all of it."""
    sliders = {row.name: snap(row.name, arrays.sliders[i]) for i, row in enumerate(SLIDERS)}
    curves = {name: tuple(dict.fromkeys((int(x), int(y)) for x, y in points))
              for name, points in zip(CURVES, arrays.curve_points, strict=True)}
    *sides, angle, rotate = (round(float(x), 2) for x in arrays.crop)
    locals_ = tuple(local_from(arrays, i, mask_names) for i in range(arrays.local_count))
    return Plan(sliders, locals_, curves, Crop(*map(int, sides), angle, int(rotate)), int(arrays.amount))


def local_from(arrays, i, mask_names) -> Local:
    sliders = {row.name: snap(row.name, value, local=True)
               for row, value in zip(LOCAL_SLIDERS, arrays.local_sliders[i], strict=True)}
    mask = []
    for j in np.flatnonzero(arrays.mask_kind[i] >= 0):
        kind, name = MASK_KINDS[arrays.mask_kind[i, j]], arrays.mask_name[i, j]
        numbers = arrays.mask_numbers[i, j, :len(MASK_NUMBERS.get(kind, ()))].astype(int).tolist()
        mask.append(Mask(kind, tuple(numbers), mask_names[name] if name >= 0 else "", OPERATIONS[arrays.mask_op[i, j]],
                         bool(arrays.mask_invert[i, j])))
    return Local(tuple(mask), sliders, int(arrays.local_amount[i]))


@settings(max_examples=200, deadline=None)
@given(plan_data())
def test_there_and_back(data):
    plan = Plan.from_json(data)
    arrays = to_arrays(plan, plan.mask_names)
    assert from_arrays(arrays, plan.mask_names) == plan
    assert from_arrays(type(arrays)(*(x[0] for x in stack([plan, Plan()], plan.mask_names))), plan.mask_names) == plan


def test_shapes_do_not_depend_on_the_plan():
    plan = Plan.from_json(FULL)
    for small, large in zip(to_arrays(Plan()), to_arrays(plan, ("sky",)), strict=True):
        assert np.shape(small) == np.shape(large)
        assert np.asarray(small).dtype == np.asarray(large).dtype
    assert to_arrays(plan, ("sky",)).sliders[INDEX["Exposure"]] == np.float32(0.35)


def test_a_name_that_was_not_given():
    with pytest.raises(ValueError, match=r"local\[0\].mask\[2\].region: no mask named 'sky' was given; given: sea"):
        to_arrays(Plan.from_json(FULL), ("sea",))


def test_values_are_moved_to_the_grid():
    assert snap("Exposure", 0.33) == 0.35
    assert snap("Exposure", 99.0) == 5
    assert snap("Contrast", -3.4) == -3
    assert isinstance(snap("Contrast", -3.4), int)
    assert snap("Exposure", -9, local=True) == -4


def test_plans_compare_and_hash():
    one, two = Plan({"Contrast": 5, "Exposure": 1}), Plan({"Exposure": 1.0, "Contrast": 5})
    assert one == two
    assert hash(one) == hash(two)
    assert list(one.sliders) == ["Exposure", "Contrast"]
    assert Plan({"Contrast": 5}) != Plan({"Contrast": 6})
    assert Plan(crop=Crop()).crop is None


def test_plans_are_checked_when_made():
    for make in (lambda: Plan({"Contrast": 101}), lambda: Plan({}, (Local((), {}),)), lambda: Plan(amount=201),
                 lambda: Plan({}, (Local((Mask("blob"),), {}),)), lambda: Plan({}, (), {"rgb": ((0, 0),)})):
        with pytest.raises(ValueError, match=r"^\S.*allowed"):
            make()


def test_the_table():
    """At least 80 sliders; names, keys and grids are sound; the Markdown has a line for each."""
    assert len(SLIDERS) >= 80
    assert len(BY_NAME) == len(SLIDERS)
    keys = [row.key for row in SLIDERS if row.key]
    assert len(set(keys)) == len(keys)
    for row in SLIDERS:
        assert row.lo <= row.neutral <= row.hi
        assert row.lo < row.hi
        for value in (row.neutral, row.hi):
            ticks = (value - row.lo) / row.step
            assert abs(ticks - round(ticks)) < 1e-9
        assert row.integer or row.unit == "EV"
        assert row.scale in ("point", "frame", "pixel")
        assert row.driver or row.companions
        assert row.local is None or (row.local[0] < 0 < row.local[1] and row.local_key)
        assert row.local is None or row.driver
        assert all(name in BY_NAME for name, _ in row.companions)
        assert row.doc.endswith(".")
    assert len(table_markdown().splitlines()) == len(SLIDERS) + 2
