"""Settings of Camera Raw's processes before 2012 as those of 2012.

Adobe's own conversion is not published; this is a judgement that keeps direction and rough strength, and every line of
it is reported as approximated. Neutral values of raw photos were Brightness 50, Contrast 25, Shadows (blacks) 5 and
the "Medium Contrast" curve; of rendered ones 0 and linear.
"""

from rtq.interop import curves
from rtq.interop.camera_raw_keys import LEGACY, number_of, process_version
from rtq.interop.report import Notes

FIRST_2012 = 6.6
_RAW_NEUTRAL = {"Brightness": 50.0, "Contrast": 25.0, "Shadows": 5.0}


def is_legacy(values: dict) -> bool:
    """True when the old keys count: by process version, or, without one, when no key of 2012 is there."""
    if not any(key in values for key in LEGACY):
        return False
    version = process_version(values)
    if version is not None:
        return version < FIRST_2012
    return not any("2012" in key for key in values)


def converted(values: dict, raw: bool, notes: Notes) -> tuple[dict, set[str]]:
    """The settings with 2012 names instead of the old ones (values unrounded floats), and which keys are new."""
    neutral = _RAW_NEUTRAL if raw else {}
    given = {key: number_of(values[key]) for key in LEGACY if key in values and not key.startswith("ToneCurve")}
    offset = {key: v - neutral.get(key, 0.0) for key, v in given.items() if v is not None}
    out = {key: value for key, value in values.items()
           if key not in LEGACY and "2012" not in key and not key.startswith(tuple(curves.KEYS.values()))}
    parts = {
        "Exposure2012": offset.get("Exposure", 0.0) + 0.01 * offset.get("Brightness", 0.0),
        "Contrast2012": offset.get("Contrast", 0.0), "Highlights2012": -offset.get("HighlightRecovery", 0.0),
        "Shadows2012": offset.get("FillLight", 0.0), "Blacks2012": -offset.get("Shadows", 0.0),
        "Clarity2012": offset.get("Clarity", 0.0),
    }
    new = {key: value for key, value in parts.items() if value}
    out |= new
    for key, value in offset.items():
        if value:
            notes.approximated(key, f"{given[key]:+g}; from before 2012, converted by judgement")
    for name, key in curves.LEGACY_KEYS.items():
        if key not in values:
            continue
        points = curves.from_crs(key, values[key], notes)
        base = curves.MEDIUM_CONTRAST if raw and name == "rgb" else curves.IDENTITY
        if points is not None and points not in (base, curves.IDENTITY):
            new[curves.KEYS[name]] = out[curves.KEYS[name]] = curves.to_crs(points)
            notes.approximated(key, "point curve from before 2012")
    return out, set(new)
