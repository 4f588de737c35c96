"""Orientation and crop: between the upright photo of a plan and the sensor's frame, in which Camera Raw's XMP counts.

Unit coordinates: x to the right and y down, 0–1 along each side of the uncropped photo.
"""

import math

# EXIF orientation → rows (a, b, c) of x = a·u + b·v + c: from the stored (sensor) frame (u, v) to the upright (x, y).
_TO_UPRIGHT = {
    1: ((1, 0, 0), (0, 1, 0)), 2: ((-1, 0, 1), (0, 1, 0)), 3: ((-1, 0, 1), (0, -1, 1)), 4: ((1, 0, 0), (0, -1, 1)),
    5: ((0, 1, 0), (1, 0, 0)), 6: ((0, -1, 1), (1, 0, 0)), 7: ((0, -1, 1), (-1, 0, 1)), 8: ((0, 1, 0), (-1, 0, 1)),
}
_CLOCKWISE = {1: 6, 6: 3, 3: 8, 8: 1, 2: 7, 7: 4, 4: 5, 5: 2}  # a further quarter turn clockwise
ORIENTATIONS = tuple(_TO_UPRIGHT)


def swaps_sides(orientation: int) -> bool:
    """True when the upright photo's width is the sensor's height."""
    return orientation >= 5


def mirrors(orientation: int) -> bool:
    """True when the orientation includes a reflection, so that angles change sign."""
    return orientation in (2, 4, 5, 7)


def to_upright(u: float, v: float, orientation: int) -> tuple[float, float]:
    """A point of the sensor's frame on the upright photo."""
    (a, b, c), (d, e, f) = _TO_UPRIGHT[orientation]
    return a * u + b * v + c, d * u + e * v + f


def to_sensor(x: float, y: float, orientation: int) -> tuple[float, float]:
    """A point of the upright photo in the sensor's frame (the inverse of `to_upright`)."""
    (a, b, c), (d, e, f) = _TO_UPRIGHT[orientation]
    return a * (x - c) + d * (y - f), b * (x - c) + e * (y - f)


def turned(orientation: int, degrees: int) -> int:
    """The orientation after the upright photo is turned clockwise by 0, 90, 180 or 270 degrees."""
    for _ in range(degrees // 90 % 4):
        orientation = _CLOCKWISE[orientation]
    return orientation


def turn_between(before: int, after: int) -> int | None:
    """Degrees clockwise from one orientation to another; None if only a reflection leads there."""
    return next((d for d in (0, 90, 180, 270) if turned(before, d) == after), None)


def convert_frame(box, angle: float, orientation: int, size, *, upright: bool):
    """A crop frame from the sensor's frame to the upright photo (`upright=True`) or back.

    Args:
      box: (left, top, right, bottom): opposite corners of the turned rectangle, unit coordinates.
      angle: degrees; positive turns the frame clockwise.
      orientation: EXIF orientation, 1–8.
      size: (width, height) in pixels of the frame that `box` is given in, or None.

    Returns:
      (box, angle) in the other frame, or None where a turned frame needs the size and it is unknown.
    """
    move = to_upright if upright else to_sensor
    if angle == 0 or orientation == 1:
        (x0, y0), (x1, y1) = move(*box[:2], orientation), move(*box[2:], orientation)
        if orientation == 1:
            return (x0, y0, x1, y1), angle
        return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), 0.0
    if size is None:
        return None
    width, height = size
    across, down = (box[2] - box[0]) * width, (box[3] - box[1]) * height
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    w, h = across * cos + down * sin, down * cos - across * sin  # the rectangle's own sides
    cx, cy = move((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, orientation)
    if swaps_sides(orientation):
        width, height, w, h = height, width, h, w
    if mirrors(orientation):
        angle, sin = -angle, -sin
    dx, dy = (w * cos - h * sin) / 2 / width, (w * sin + h * cos) / 2 / height
    return (cx - dx, cy - dy, cx + dx, cy + dy), angle
