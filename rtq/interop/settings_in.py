"""Camera Raw settings as a plan."""

from rtq.editor.plan import CROP_FIELDS, Crop, Plan
from rtq.editor.sliders import SLIDERS, Slider
from rtq.interop import camera_raw_keys, curves, geometry, legacy, mask_groups, white_balance
from rtq.interop.camera_raw_keys import flag_of, number_of
from rtq.interop.photo_info import PhotoInfo
from rtq.interop.report import Notes, Report, show
from rtq.interop.settings_out import UNITS_PER_STEP, WHITE_BALANCE


def from_settings(values: dict, photo: PhotoInfo | None) -> tuple[Plan, Report]:
    """The plan in Camera Raw settings (see `packet`), whatever their age.

    Args:
      values: names without prefix are Camera Raw's.
      photo: facts about the photo, or None: taken from the settings where they are there.

    Raises:
      ValueError: there is no Camera Raw setting at all.
    """
    crs = {key: value for key, value in values.items() if ":" not in key}
    if not crs:
        raise ValueError("no Camera Raw settings (namespace crs) in it")
    notes = Notes()
    known_photo = photo or _photo_of(values)
    if flag_of(crs.get("AlreadyApplied", "")):
        notes.approximated("AlreadyApplied", "the photo's pixels contain this edit; do not apply it again there")
    told: set[str] = set()
    if legacy.is_legacy(crs):
        crs, told = legacy.converted(crs, known_photo.kind == "raw", notes)
    sliders = _sliders(crs, told, notes) | _white_balance(crs, photo, notes)
    plan_curves = {}
    for name, key in curves.KEYS.items():
        points = curves.from_crs(key, crs[key], notes) if key in crs else None
        if points is not None and any(x != y for x, y in points):
            plan_curves[name] = points
            if key not in told:
                notes.exact(f"curves.{name}", points)
    locals_ = mask_groups.from_crs(crs, known_photo.orientation, notes)
    crop = _crop(values, known_photo, notes)
    _unknown(crs, notes)
    return Plan(sliders, locals_, plan_curves, crop), notes.report()


def _photo_of(values: dict) -> PhotoInfo:
    """What the packet itself says about its photo."""
    orientation = number_of(values.get("tiff:Orientation", "1"))
    sides = [number_of(values.get(a, values.get(b))) for a, b in (
        ("tiff:ImageWidth", "exif:PixelXDimension"), ("tiff:ImageLength", "exif:PixelYDimension"))]
    size = (int(sides[0]), int(sides[1])) if all(s is not None and s >= 1 for s in sides) else None
    rendered = (values.get("CameraProfile") == "Embedded" or "IncrementalTemperature" in values
                or "Temperature" not in values)
    return PhotoInfo("rendered" if rendered else "raw", int(orientation) if orientation in geometry.ORIENTATIONS else 1,
                     size)


def _on_grid(row: Slider, wanted: float) -> float:
    if row.circular:
        wanted %= 360
    value = row.lo + round((min(max(wanted, row.lo), row.hi) - row.lo) / row.step) * row.step
    if row.circular and round(wanted) == 360:
        value = 0
    return int(value) if row.integer else round(value, 6) + 0.0


def _read_one(row: Slider, text, notes: Notes) -> float | None:
    """A slider's value from its setting, or None where it is not a number."""
    if row.unit == "switch":
        value = int(flag_of(text))
        if value != row.neutral:
            notes.exact(row.name, value)
        return value
    number = number_of(text)
    if number is None:
        if text not in ("", [], {}):
            notes.dropped(row.key, f"{show(text)} is not a number")
        return None
    wanted = number / UNITS_PER_STEP.get(row.unit, 1)
    value = _on_grid(row, wanted)
    if abs(value - wanted) > 1e-6 and not (row.circular and (value - wanted) % 360 == 0):
        why = "clamped to our range" if not row.lo <= wanted <= row.hi else "rounded to our steps"
        notes.approximated(row.name, f"{number:+g} read as {value:+g}; {why}")
    elif value != row.neutral:
        notes.exact(row.name, value)
    return value


def _sliders(crs: dict, told: set[str], notes: Notes) -> dict[str, float]:
    """All sliders but white balance; settings in `told` have been reported already."""
    out = {}
    for row in SLIDERS:
        if row.key is None or row.key not in crs or row.name in WHITE_BALANCE:
            continue
        value = _read_one(row, crs[row.key], Notes() if row.key in told else notes)
        if value is not None:
            out[row.name] = value
    return out


def _white_balance(crs: dict, photo: PhotoInfo | None, notes: Notes) -> dict[str, float]:
    rows = [row for row in SLIDERS if row.name in WHITE_BALANCE]
    if any(row.key in crs for row in rows):
        read = {row.name: _read_one(row, crs[row.key], notes) for row in rows if row.key in crs}
        return {name: value for name, value in read.items() if value is not None}
    kelvin, tint = number_of(crs.get("Temperature")), number_of(crs.get("Tint"))
    mode = str(crs.get("WhiteBalance", "Custom"))[:40]
    if mode == "As Shot" or (kelvin is None and tint is None):
        if mode not in ("As Shot", "Custom"):
            notes.dropped("WhiteBalance", f"{show(mode)}: the light is chosen when the photo is opened")
        return {}
    if photo is None or photo.as_shot is None or not (kelvin is None or kelvin > 0):
        given = " and ".join(show(crs[key]) for key in WHITE_BALANCE if key in crs)
        notes.dropped("Temperature and Tint", f"{given}; absolute, for a raw photo whose as-shot light is unknown")
        return {}
    as_shot = photo.as_shot
    wanted = white_balance.to_relative(as_shot[0] if kelvin is None else kelvin, as_shot[1] if tint is None else tint,
                                       as_shot)
    out = {}
    for row, value in zip(rows, wanted, strict=True):
        out[row.name] = _on_grid(row, value)
        if out[row.name]:
            notes.approximated(row.name, f"read as {out[row.name]:+g} from as shot by our mired scale")
    return out


def _crop(values: dict, photo: PhotoInfo, notes: Notes) -> Crop | None:
    turn = None
    if "tiff:Orientation" in values:
        after = number_of(values["tiff:Orientation"])
        turn = geometry.turn_between(photo.orientation, int(after)) if after in geometry.ORIENTATIONS else None
    crop = Crop(rotate=turn or 0)
    keys = ("CropLeft", "CropTop", "CropRight", "CropBottom")
    if not flag_of(values.get("HasCrop", "True")) or not any(key in values for key in (*keys, "CropAngle")):
        return crop
    box = [number_of(values.get(key, "0" if i < 2 else "1")) for i, key in enumerate(keys)]
    angle = number_of(values.get("CropAngle", "0"))
    if angle is None or any(v is None or abs(v) > 100 for v in box):
        notes.dropped("crop", "its numbers cannot be read")
        return crop
    converted = geometry.convert_frame(box, angle, photo.orientation, photo.size, upright=True)
    if converted is None:
        notes.dropped("crop", "a straightened crop of a turned photo needs the photo's size")
        return crop
    box, angle = converted
    kept = [min(max(round(1000 * v), 0), 1000) for v in box]
    kept_angle = min(max(round(angle, 2), CROP_FIELDS["angle"][0]), CROP_FIELDS["angle"][1]) + 0.0
    if kept[2] - kept[0] < 10 or kept[3] - kept[1] < 10:
        notes.dropped("crop", "less than a hundredth of the photo")
        return crop
    if (*kept, kept_angle) == (0, 0, 1000, 1000, 0):
        return crop
    text = f"{' '.join(map(str, kept))}, angle {kept_angle:g}"
    if max(abs(k - 1000 * v) for k, v in zip(kept, box, strict=True)) > 0.01 or abs(kept_angle - angle) > 1e-4:
        notes.approximated("crop", f"put on our grid: {text}")
    else:
        notes.exact("crop", text)
    return Crop(*kept, kept_angle, turn or 0)


def _unknown(crs: dict, notes: Notes) -> None:
    """Says what is left over, but for settings that are neutral."""
    known = {row.key for row in SLIDERS} | {*curves.KEYS.values(), *mask_groups.GROUPS, *WHITE_BALANCE,
                                            *camera_raw_keys.LEGACY}
    for key, value in crs.items():
        if key in known or camera_raw_keys.is_neutral(key, value):
            continue
        if key in camera_raw_keys.NOT_CAMERA_RAW:
            real = camera_raw_keys.NOT_CAMERA_RAW[key]
            notes.dropped(key, f"{show(value)}; no such setting in Lightroom, which ignores it; the real one is {real}")
        elif key == "Look" and isinstance(value, dict):
            notes.dropped(key, f"{show(value.get('Name', 'unnamed'))}; Adobe's looks cannot be carried")
        elif key == "CameraProfile":
            notes.dropped(key, f"{show(value)}; camera profiles cannot be carried")
        else:
            notes.dropped(key, f"{show(value)}; no such slider")
