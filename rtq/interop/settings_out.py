"""A plan as Camera Raw settings.

Process version 11.0 ("version 5") is the oldest that has every key written here, so every Lightroom since 2018 takes
it, and newer ones keep rendering it the same way; an unknown newer version would make an older program refuse.
Every slider with a key is written, neutral or not: what is absent would be the program's default (Sharpness 40 for a
raw photo) or, in a preset, whatever the photo had.
"""

from rtq.editor.plan import Crop, Plan
from rtq.editor.sliders import SLIDERS, Slider
from rtq.interop import curves, geometry, mask_groups, white_balance
from rtq.interop.baking import baked, rgb_points
from rtq.interop.photo_info import PhotoInfo
from rtq.interop.report import Notes, Report

PROCESS_VERSION = "11.0"
WRITER_VERSION = "14.0"  # Camera Raw's build that brought mask groups
WHITE_BALANCE = ("Temperature", "Tint")
SPLITS = ("ParametricShadowSplit", "ParametricMidtoneSplit", "ParametricHighlightSplit")
UNITS_PER_STEP = {"tenth of a pixel": 0.1}  # where Camera Raw counts in another unit


def value_text(row: Slider, value: float) -> str:
    """A slider's value as Camera Raw writes it: "+0.35", "-10", "+1.0", "25", "True"."""
    if row.unit == "switch":
        return "True" if value else "False"
    factor = UNITS_PER_STEP.get(row.unit, 1)
    decimals = 2 if not row.integer else 1 if factor != 1 else 0
    value = min(max(value, row.lo), row.hi) * factor
    signed = (row.lo < 0 or factor != 1) and value > 0
    return f"{value:{'+' if signed else ''}.{decimals}f}"


def to_settings(plan: Plan, photo: PhotoInfo | None, *, preset: bool = False) -> tuple[dict, Report]:
    """Camera Raw settings (see `packet`) for a plan.

    Args:
      plan: what to write; its amount is multiplied in.
      photo: facts about the photo, or None: taken for a rendered, upright one.
      preset: leave out what belongs to one photo (crop, orientation).
    """
    notes = Notes()
    plan = baked(plan, notes)
    photo = photo or PhotoInfo()
    values: dict = {"Version": WRITER_VERSION, "ProcessVersion": PROCESS_VERSION}
    values |= _white_balance(plan, photo, preset, notes)
    values |= _sliders(plan, notes)
    values |= _curves(plan, notes)
    if not preset:
        values |= _frame(plan.crop, photo, notes)
    elif plan.crop is not None:
        notes.dropped("crop", "a preset carries no crop")
    if not preset and photo.kind == "rendered":
        values["CameraProfile"] = "Embedded"
    values |= {"HasSettings": "True"} if preset else {"HasSettings": "True", "AlreadyApplied": "False"}
    corrections = mask_groups.to_crs(plan.locals, photo.orientation, notes)
    if corrections:
        values["MaskGroupBasedCorrections"] = corrections
        if preset:
            notes.approximated("local", "in a preset, coordinates are those of upright photos")
    return values, notes.report()


def _sliders(plan: Plan, notes: Notes) -> dict[str, str]:
    values = {}
    for row in SLIDERS:
        if row.name in WHITE_BALANCE or row.key is None:
            continue
        value = plan.sliders.get(row.name, row.neutral)
        values[row.key] = value_text(row, value)
        if row.name not in plan.sliders:
            continue
        if row.name == "Exposure":
            notes.approximated("Exposure", f"{value:+.2f} EV; Lightroom rolls off highlights, we do not")
        else:
            notes.exact(row.name, value)
    splits = [plan.sliders.get(name, next(r.neutral for r in SLIDERS if r.name == name)) for name in SPLITS]
    if splits != sorted(set(splits)):
        notes.approximated("Parametric splits", "not in rising order, which Lightroom wants; it will move them")
    return values


def _curves(plan: Plan, notes: Notes) -> dict:
    fade = plan.sliders.get("Fade", 0) / 100
    points = {name: plan.curves.get(name, curves.IDENTITY) for name in curves.KEYS}
    if fade:
        points["rgb"] = curves.faded(rgb_points(plan), fade)
        notes.approximated("Fade", f"{plan.sliders['Fade']:+d}; has no key: written into the point curve, before "
                           "colour and effects instead of after them")
    points = {name: curves.continued(given) for name, given in points.items()}
    for name in plan.curves:
        if fade and name == "rgb":
            continue
        if points[name] == plan.curves[name]:
            notes.exact(f"curves.{name}", points[name])
        else:
            notes.approximated(f"curves.{name}", "points added at its ends: ours goes on there, Lightroom's is level")
    custom = any(p != curves.IDENTITY for p in points.values())
    return {"ToneCurveName2012": "Custom" if custom else "Linear"} | {
        key: curves.to_crs(points[name]) for name, key in curves.KEYS.items()}


def _white_balance(plan: Plan, photo: PhotoInfo, preset: bool, notes: Notes) -> dict[str, str]:
    given = [row for row in SLIDERS if row.name in WHITE_BALANCE and row.name in plan.sliders]
    if not given:
        return {} if preset else {"WhiteBalance": "As Shot"}
    temperature, tint = (plan.sliders.get(name, 0) for name in WHITE_BALANCE)
    if photo.kind == "rendered":
        for row in given:
            if preset:
                notes.approximated(row.name, f"{plan.sliders[row.name]:+d}; acts on JPEG, TIFF and the like; raw "
                                   "photos need Kelvin, which depend on the photo")
            else:
                notes.exact(row.name, plan.sliders[row.name])
        return {"WhiteBalance": "Custom"} | {
            row.key: value_text(row, plan.sliders.get(row.name, 0)) for row in SLIDERS if row.name in WHITE_BALANCE}
    if preset or photo.as_shot is None:
        for row in given:
            notes.dropped(row.name, "raw photos need Kelvin, which depend on the photo" if preset else
                          "the raw photo's as-shot white balance is unknown (to read it: pip install rawpy)")
        return {} if preset else {"WhiteBalance": "As Shot"}
    kelvin, raw_tint = white_balance.to_absolute(temperature, tint, photo.as_shot)
    kelvin_written = round(min(max(kelvin, white_balance.KELVIN[0]), white_balance.KELVIN[1]))
    tint_written = round(min(max(raw_tint, white_balance.TINT[0]), white_balance.TINT[1]))
    for row in given:
        number = f"{kelvin_written} K" if row.name == "Temperature" else f"{tint_written:+d}"
        clamped = kelvin != min(max(kelvin, 2000), 50000) if row.name == "Temperature" else abs(raw_tint) > 150
        notes.approximated(row.name, f"{plan.sliders[row.name]:+d} from as shot is {number} by our mired scale"
                           + (", the end of Lightroom's range" if clamped else ""))
    return {"WhiteBalance": "Custom", "Temperature": str(kelvin_written), "Tint": f"{tint_written:+d}"
            if tint_written > 0 else str(tint_written)}


def _frame(crop: Crop | None, photo: PhotoInfo, notes: Notes) -> dict[str, str]:
    """HasCrop, the crop in the sensor's frame, and the orientation after the plan's turn."""
    turn = 0 if crop is None else crop.rotate
    values = {"tiff:Orientation": str(geometry.turned(photo.orientation, turn)), "HasCrop": "False"}
    if turn:
        notes.exact("crop.rotate", turn)
    if crop is None or crop == Crop(rotate=turn):
        return values
    size = photo.size
    if size is not None and geometry.swaps_sides(photo.orientation):
        size = size[::-1]
    box = tuple(v / 1000 for v in (crop.left, crop.top, crop.right, crop.bottom))
    converted = geometry.convert_frame(box, crop.angle, photo.orientation, size, upright=False)
    if converted is None:
        notes.dropped("crop", "a straightened crop of a turned photo needs the photo's size")
        return values
    (left, top, right, bottom), angle = converted
    notes.exact("crop", f"{crop.left} {crop.top} {crop.right} {crop.bottom}, angle {crop.angle:g}")
    return values | {"HasCrop": "True", "CropTop": f"{top:.6f}", "CropLeft": f"{left:.6f}",
                     "CropBottom": f"{bottom:.6f}", "CropRight": f"{right:.6f}", "CropAngle": f"{angle:.2f}"}
