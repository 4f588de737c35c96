"""Local adjustments ↔ Camera Raw's correction groups.

Adobe publishes no specification of them. What is here rests on packets that Lightroom wrote: MaskBlendMode 0 adds;
MaskBlendMode 1 always comes with MaskValue 0 and subtracts, or, with MaskInverted true, intersects (subtracts the
inverse). Coordinates are unit coordinates of the uncropped photo in the sensor's frame.
"""

import hashlib

from rtq.editor.plan import MASK_NUMBERS, MAX_COMPONENTS, MAX_LOCALS, Local, Mask
from rtq.editor.sliders import LOCAL_SLIDERS
from rtq.interop import geometry
from rtq.interop.camera_raw_keys import flag_of, number_of
from rtq.interop.report import Notes, show

GROUPS = ("MaskGroupBasedCorrections", "GradientBasedCorrections", "CircularGradientBasedCorrections",
          "PaintBasedCorrections")
# A region's name → (MaskSubType, MaskSubCategoryID): masks that Lightroom computes by itself.
REGIONS = {
    "subject": ("1", None), "sky": ("2", None), "background": ("0", "22"), "face skin": ("3", "2"),
    "eyes": ("3", "3"), "body skin": ("3", "4"), "hair": ("3", "5"), "lips": ("3", "6"), "eyebrows": ("3", "9"),
    "clothes": ("3", "11"), "teeth": ("3", "12"),
}
_LEGACY_LOCAL = {"LocalExposure": "Exposure", "LocalContrast": "Contrast", "LocalClarity": "Clarity"}


def _decimal(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _id(*parts) -> str:
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest().upper()


def to_crs(locals_: tuple[Local, ...], orientation: int, notes: Notes) -> list[dict]:
    """The entries of MaskGroupBasedCorrections. A local adjustment that cannot be written whole is dropped whole."""
    out = []
    for i, local in enumerate(locals_):
        where = f"local[{i}]"
        reason = next((r for r in map(_unwritable, local.mask) if r), None)
        if reason or not local.sliders:
            notes.dropped(where, reason or "changes nothing")
            continue
        names = {row.name: row for row in LOCAL_SLIDERS}
        values = {names[name].local_key: _decimal(value / names[name].local[1])
                  for name, value in local.sliders.items()}
        out.append({
            "What": "Correction", "CorrectionAmount": _decimal(local.amount / 100), "CorrectionActive": "true",
            "CorrectionName": f"rtq {i + 1}", "CorrectionSyncID": _id(i, local), **values,
            "CorrectionMasks": [_mask_out(m, orientation, _id(i, j, m)) for j, m in enumerate(local.mask)],
        })
        for j, mask in enumerate(local.mask):
            for reason in _doubts(mask):
                notes.approximated(f"{where}.mask[{j}]", reason)
        for name, value in local.sliders.items():
            notes.exact(f"{where}.{name}", value)
    if out:
        notes.approximated("local", "Adobe publishes no specification of masks: check them in Lightroom")
    return out


def _unwritable(mask: Mask) -> str | None:
    if mask.kind == "bitmap":
        return f"bitmap mask {show(mask.name)}: XMP holds no bitmaps"
    if mask.kind == "region" and mask.name not in REGIONS:
        return f"region {show(mask.name)}: Lightroom finds only {', '.join(REGIONS)}"
    return None


def _doubts(mask: Mask) -> list[str]:
    doubts = []
    if mask.kind == "region":
        doubts.append(f"region {mask.name}: Lightroom computes its own outline when asked to update the mask")
    if mask.kind == "luminance":
        doubts.append("luminance range: measured by Lightroom on its own rendition")
        lo, hi, feather = mask.numbers
        if 0 < lo < feather or 0 < 100 - hi < feather:
            doubts.append("luminance range: feather cut off at black or white")
    if mask.kind == "color":
        doubts.append("colour range: the meaning of Lightroom's colour numbers is not published; check it there")
    if mask.op != "add":
        doubts.append(f"{mask.op}: from observation; only added components are certain")
    return doubts


def _mask_out(mask: Mask, orientation: int, sync_id: str) -> dict:
    inverted = mask.invert if mask.op != "intersect" else not mask.invert
    head = {"MaskActive": "true", "MaskName": mask.name or mask.kind, "MaskBlendMode": "0" if mask.op == "add" else "1",
            "MaskInverted": str(inverted).lower(), "MaskSyncID": sync_id, "MaskValue": "1" if mask.op == "add" else "0"}
    unit = [n / 1000 for n in mask.numbers]
    if mask.kind == "linear":
        x0, y0 = geometry.to_sensor(unit[0], unit[1], orientation)
        x1, y1 = geometry.to_sensor(unit[2], unit[3], orientation)
        return {"What": "Mask/Gradient", **head, "ZeroX": _decimal(x0), "ZeroY": _decimal(y0), "FullX": _decimal(x1),
                "FullY": _decimal(y1)}
    if mask.kind == "radial":
        x, y = geometry.to_sensor(unit[0], unit[1], orientation)
        rx, ry = (unit[3], unit[2]) if geometry.swaps_sides(orientation) else (unit[2], unit[3])
        angle = -mask.numbers[4] if geometry.mirrors(orientation) else mask.numbers[4]
        return {"What": "Mask/CircularGradient", **head, "Top": _decimal(y - ry), "Left": _decimal(x - rx),
                "Bottom": _decimal(y + ry), "Right": _decimal(x + rx), "Angle": str(angle), "Midpoint": "50",
                "Roundness": "0", "Feather": str(mask.numbers[5]), "Flipped": str(not inverted).lower(), "Version": "2"}
    if mask.kind == "luminance":
        lo, hi, feather = mask.numbers
        span = (max(lo - feather, 0), lo, hi, min(hi + feather, 100))
        return {"What": "Mask/RangeMask", **head, "CorrectionRangeMask": {
            "Version": "3", "Type": "2", "Invert": "false", "SampleType": "0",
            "LumRange": " ".join(f"{v / 100:.6f}" for v in span)}}
    if mask.kind == "color":
        red, green, blue, width = mask.numbers
        return {"What": "Mask/RangeMask", **head, "CorrectionRangeMask": {
            "Version": "3", "Type": "1", "ColorAmount": f"{width / 100:.6f}", "Invert": "false", "SampleType": "0",
            "PointModels": [f"{red / 255:.6f} {green / 255:.6f} {blue / 255:.6f} 0 0 0"]}}
    kind, category = REGIONS[mask.name]
    extra = {} if category is None else {"MaskSubCategoryID": category}
    return {"What": "Mask/Image", **head, "MaskVersion": "1", "MaskSubType": kind, **extra}


def from_crs(values: dict, orientation: int, notes: Notes) -> tuple[Local, ...]:
    """Local adjustments from all correction groups; what does not fit is dropped whole, with the reason."""
    out: list[Local] = []
    for group in GROUPS:
        entries = values.get(group, [])
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            where = f"{group}[{i}]"
            if not isinstance(entry, dict):
                notes.dropped(where, "not a structure")
                continue
            inner = Notes()
            local = _local_in(entry, where, orientation, inner)
            if isinstance(local, str):
                notes.dropped(where, local)
            elif len(out) == MAX_LOCALS:
                notes.dropped(where, f"a plan has at most {MAX_LOCALS} local adjustments")
            else:
                out.append(local)
                notes.extend(inner)
    return tuple(out)


def _local_in(entry: dict, where: str, orientation: int, notes: Notes) -> Local | str:
    """The local adjustment, or the reason why it cannot be carried."""
    if "CorrectionActive" in entry and not flag_of(entry["CorrectionActive"]):
        return "switched off in the file"
    sliders = sliders_in(entry, where, notes)
    if not sliders:
        return "changes nothing that a plan knows"
    components = entry.get("CorrectionMasks")
    components = [c for c in components if isinstance(c, dict)] if isinstance(components, list) else []
    active = [c for c in components if "MaskActive" not in c or flag_of(c["MaskActive"])]
    if not 1 <= len(active) <= MAX_COMPONENTS:
        return f"{len(active)} mask components; a plan has 1 to {MAX_COMPONENTS}"
    masks = []
    for j, component in enumerate(active):
        mask = _mask_in(component, first=j == 0, orientation=orientation, where=f"{where}.mask[{j}]", notes=notes)
        if isinstance(mask, str):
            return mask
        masks.append(mask)
    share = number_of(entry.get("CorrectionAmount", "1"))
    wanted = 100.0 if share is None else share * 100
    amount = int(min(max(round(wanted), 0), 200))
    if abs(amount - wanted) > 1e-3:
        notes.approximated(f"{where}.CorrectionAmount", f"{wanted:g}% read as {amount}%")
    return Local(tuple(masks), sliders, amount)


def sliders_in(entry: dict, where: str, notes: Notes) -> dict[str, float]:
    """Local slider values from the Local… keys of a correction."""
    sliders, known = {}, set()
    for row in LOCAL_SLIDERS:
        key = row.local_key
        old = next((k for k, name in _LEGACY_LOCAL.items() if name == row.name and k in entry), None)
        known |= {key, *_LEGACY_LOCAL}
        source = key if key in entry else old
        value = number_of(entry[source]) if source is not None else None
        if value is None or value == 0:
            continue
        lo, hi = row.local
        wanted = value * hi
        near = round(min(max(wanted, lo), hi) / row.step) * row.step
        near = int(near) if row.integer else round(near, 6)
        if source != key:
            notes.approximated(f"{where}.{source}", f"process before 2012; read as {row.name} {near:+g}")
        elif abs(near - wanted) > 1e-4:
            notes.approximated(f"{where}.{key}", f"{wanted:+.3f} read as {row.name} {near:+g}")
        else:
            notes.exact(f"{where}.{row.name}", near)
        if near:
            sliders[row.name] = near
    for key, value in entry.items():
        neutral = key in ("LocalToningHue", "LocalCurveRefineSaturation") or number_of(value) in (0, None)
        if key.startswith("Local") and key not in known and not neutral:
            notes.dropped(f"{where}.{key}", f"{show(value)}; no such local slider")
    return sliders


def _mask_in(entry: dict, *, first: bool, orientation: int, where: str, notes: Notes) -> Mask | str:
    """The component, or the reason why it cannot be carried."""
    what = str(entry.get("What", ""))[:40]
    inverted = flag_of(entry.get("MaskInverted", "false"))
    if what == "Mask/CircularGradient" and "MaskInverted" not in entry:
        inverted = not flag_of(entry.get("Flipped", "true"))  # the older form: not flipped is outside the ellipse
    blend = number_of(entry.get("MaskBlendMode", "0"))
    value = number_of(entry.get("MaskValue", "1"))
    if blend not in (0, 1) or (blend == 1 and first):
        return f"{what}: MaskBlendMode {show(entry.get('MaskBlendMode'))} of component {where[-2]} is not understood"
    op = "add" if blend == 0 else "intersect" if inverted else "subtract"
    inverted = inverted and op == "add"
    if op == "add" and value != 1:
        if value is None or value <= 0:
            return f"{what}: a component that erases"
        notes.approximated(where, f"MaskValue {value:g} read as 1")
    numbers = _numbers_in(what, entry, orientation, where, notes)
    if isinstance(numbers, str):
        return numbers
    if what == "Mask/Image":
        wanted = (str(entry.get("MaskSubType", "")), entry.get("MaskSubCategoryID"))
        name = next((n for n, (a, b) in REGIONS.items() if a == wanted[0] and (b is None or b == wanted[1])), None)
        if name is None:
            return f"Mask/Image: subtype {show(wanted[0])}, category {show(wanted[1])} is unknown"
        notes.approximated(where, f"Lightroom's own mask; read as region {name}, which must be given when rendering")
        return Mask("region", (), name, op, inverted)
    kind, numbers = numbers
    wanted = tuple(round(n) for n in numbers)
    limits = MASK_NUMBERS[kind]
    kept = tuple(min(max(n, lo), hi) for n, (_, lo, hi) in zip(wanted, limits, strict=True))
    if any(abs(k - n) > 1e-3 for k, n in zip(kept, numbers, strict=True)):
        notes.approximated(where, f"{kind}: put on our grid and into its range")
    if kind == "linear" and kept[:2] == kept[2:]:
        return "Mask/Gradient: shorter than a thousandth of the photo"
    if kind == "luminance" and kept[0] > kept[1]:
        return "Mask/RangeMask: an empty luminance range"
    return Mask(kind, kept, "", op, inverted)


def _numbers_in(what: str, entry: dict, orientation: int, where: str, notes: Notes):
    """(kind, unrounded numbers), the reason of a failure, or () for Mask/Image."""
    if what == "Mask/Image":
        return ()
    if what == "Mask/Gradient":
        given = _floats(entry, ("ZeroX", "ZeroY", "FullX", "FullY"))
        if given is None:
            return "Mask/Gradient: its points are missing"
        points = (*geometry.to_upright(*given[:2], orientation), *geometry.to_upright(*given[2:], orientation))
        return "linear", [1000 * v for v in points]
    if what == "Mask/CircularGradient":
        return _radial_in(entry, orientation, where, notes)
    if what == "Mask/RangeMask":
        return _range_in(entry)
    return f"{what or 'a mask'}: brush strokes and such have no counterpart in a plan"


def _radial_in(entry: dict, orientation: int, where: str, notes: Notes):
    given = _floats(entry, ("Left", "Top", "Right", "Bottom"))
    if given is None:
        return "Mask/CircularGradient: its box is missing"
    left, top, right, bottom = given
    x, y = geometry.to_upright((left + right) / 2, (top + bottom) / 2, orientation)
    rx, ry = abs(right - left) / 2, abs(bottom - top) / 2
    if geometry.swaps_sides(orientation):
        rx, ry = ry, rx
    angle, feather, midpoint, roundness = (number_of(entry.get(k, d)) or 0.0 for k, d in (
        ("Angle", "0"), ("Feather", "50"), ("Midpoint", "50"), ("Roundness", "0")))
    if midpoint != 50 or roundness != 0:
        notes.approximated(where, "midpoint and roundness of the ellipse are not carried")
    angle = (-angle if geometry.mirrors(orientation) else angle) % 360
    return "radial", [1000 * x, 1000 * y, 1000 * rx, 1000 * ry, angle - 360 if angle > 180 else angle, feather]


def _range_in(entry: dict):
    model = entry.get("CorrectionRangeMask")
    if not isinstance(model, dict):
        return "Mask/RangeMask: its range is missing"
    if flag_of(model.get("Invert", "false")):
        return "Mask/RangeMask: inverted inside the range"
    kind = number_of(model.get("Type"))
    if kind == 2:
        span = _split(model.get("LumRange"))
        if span is None or len(span) < 4:
            return "Mask/RangeMask: LumRange is not four numbers"
        return "luminance", [100 * span[1], 100 * span[2], 100 * max(span[1] - span[0], span[3] - span[2])]
    if kind == 1:
        points = model.get("PointModels")
        color = _split(points[0]) if isinstance(points, list) and len(points) == 1 else None
        width = number_of(model.get("ColorAmount", "0.5"))
        if color is None or len(color) < 3 or width is None:
            return "Mask/RangeMask: not one colour"
        return "color", [*(255 * c for c in color[:3]), 100 * width]
    return f"Mask/RangeMask: type {show(model.get('Type'))} has no counterpart"


def _floats(entry: dict, keys) -> list[float] | None:
    values = [number_of(entry.get(k)) for k in keys]
    return None if any(v is None or abs(v) > 1e6 for v in values) else values


def _split(text) -> list[float] | None:
    if not isinstance(text, str):
        return None
    values = [number_of(v) for v in text.split()[:20]]
    return None if any(v is None or abs(v) > 1e6 for v in values) else values
