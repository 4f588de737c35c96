"""What people ask for, and what it means in sliders.

A *wish* is an attribute with a signed level (±1 slightly, ±2 plainly, ±3 a lot), perhaps in a place. Levels are far
enough apart that a user's taste (one step of the grid) never makes "slightly" reach the plain level.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from rtq.editor import Local, Mask, Plan
from rtq.editor.plan import slider_range
from rtq.editor.sliders import BY_NAME

Amounts = tuple[float, float, float]
_FINE, _MIDDLE, _WIDE = (10, 25, 50), (15, 35, 70), (25, 50, 90)
_BOLD = (30, 60, 100)


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One thing that can be more or less.

    Attributes:
      more: slider → its values at levels 1, 2, 3.
      less: likewise for levels −1, −2, −3; None: `more` with the sign turned; empty: cannot be less.
      metrics: names that a critic gives it.
      fact: the measurement that must move the same way, "" for none.
    """

    more: Mapping[str, Amounts]
    less: Mapping[str, Amounts] | None
    metrics: tuple[str, ...]
    fact: str = ""


def _one(slider: str, amounts: Amounts, *metrics: str, fact: str = "") -> Attribute:
    return Attribute({slider: amounts}, None, metrics, fact)


ATTRIBUTES: Mapping[str, Attribute] = {
    "brightness": _one("Exposure", (0.25, 0.5, 1.0), "exposure accuracy", "overall light", "right brightness",
                       fact="luma"),
    "contrast": _one("Contrast", _MIDDLE, "contrast control", "tonal depth", fact="spread"),
    "warmth": _one("Temperature", _FINE, "warm tones", "white balance", "colour temperature", fact="cast"),
    "tint": _one("Tint", _FINE, "tint", "white balance"),
    "redness": Attribute({"Temperature": _FINE, "Tint": _FINE}, None, ("red tones", "colour balance")),
    "saturation": _one("Saturation", _MIDDLE, "natural saturation", "colour strength", fact="chroma"),
    "vibrance": _one("Vibrance", _WIDE, "vibrant colours", fact="chroma"),
    "highlights": _one("Highlights", _WIDE, "highlight recovery", "preserved highlights"),
    "shadows": _one("Shadows", _WIDE, "shadow detail", "visible shadows"),
    "whites": _one("Whites", _MIDDLE, "clean whites", "white point"),
    "blacks": _one("Blacks", _MIDDLE, "deep blacks", "black point"),
    "sharpness": Attribute({"Sharpness": _BOLD}, {"Texture": (-25, -50, -90)}, ("sharpness", "crisp detail")),
    "texture": _one("Texture", _WIDE, "texture", "fine detail"),
    "clarity": _one("Clarity", _MIDDLE, "clarity", "local contrast"),
    "haze": Attribute({"Dehaze": (-15, -35, -70)}, {"Dehaze": (15, 35, 70)}, ("haze", "clear air")),
    "vignette": Attribute({"VignetteAmount": (-15, -35, -70)}, {"VignetteAmount": (15, 35, 70)}, ("vignette",)),
    "fade": Attribute({"Fade": _MIDDLE}, {}, ("faded look", "matte finish")),
    "grain": Attribute({"GrainAmount": _WIDE}, {}, ("film grain",)),
    "noise": Attribute({}, {"NoiseReduction": _WIDE}, ("noise", "smoothness")),
    "reds": _one("SaturationRed", _WIDE, "red tones"),
    "skin": _one("SaturationOrange", _WIDE, "natural skin tone", "orange tones"),
    "yellows": _one("SaturationYellow", _WIDE, "yellow tones"),
    "greens": _one("SaturationGreen", _WIDE, "green tones"),
    "blues": _one("SaturationBlue", _WIDE, "blue tones"),
    "mono": Attribute({"BlackAndWhite": (1, 1, 1)}, {}, ("black and white conversion", "monochrome tones")),
    "brown": Attribute({"GlobalHue": (35, 35, 35), "GlobalSaturation": (15, 30, 55)}, {}, ("brown tone",)),
    "pop": Attribute({"Contrast": (10, 25, 45), "Vibrance": (20, 40, 70)}, {}, ("punch", "lively colours")),
}

# style → (recipe, names that a critic gives it)
STYLES: Mapping[str, tuple[Mapping[str, float], tuple[str, ...]]] = {
    "vintage": ({"Temperature": 15, "Saturation": -25, "Fade": 35}, ("vintage mood", "faded look")),
    "sepia": ({"BlackAndWhite": 1, "GlobalHue": 40, "GlobalSaturation": 40}, ("sepia tone",)),
    "old photo": ({"Saturation": -45, "Fade": 45, "GrainAmount": 40}, ("old photo look", "film grain")),
    "film": ({"Contrast": 15, "Saturation": -15, "Fade": 20, "GrainAmount": 30}, ("film look", "film grain")),
    "matte": ({"Contrast": -15, "Saturation": -10, "Fade": 40}, ("matte finish",)),
    "cinematic": ({"Contrast": 25, "ShadowHue": 210, "ShadowSaturation": 30, "HighlightHue": 40,
                   "HighlightSaturation": 25}, ("cinematic mood", "teal and orange grading")),
    "moody": ({"Exposure": -0.5, "Contrast": 20, "Saturation": -30}, ("moody atmosphere", "dark tones")),
    "dramatic": ({"Contrast": 45, "Clarity": 35, "VignetteAmount": -25}, ("dramatic light", "tonal depth")),
    "noir": ({"Exposure": -0.25, "Contrast": 50, "BlackAndWhite": 1, "VignetteAmount": -30},
             ("noir mood", "monochrome tones")),
    "dreamy": ({"Exposure": 0.25, "Contrast": -20, "Clarity": -40}, ("dreamy softness",)),
    "airy": ({"Exposure": 0.6, "Contrast": -15, "Shadows": 40, "Saturation": -10}, ("airy light",)),
    "pastel": ({"Exposure": 0.4, "Contrast": -25, "Saturation": -25}, ("pastel colours",)),
    "golden hour": ({"Temperature": 40, "Exposure": 0.2, "Vibrance": 20}, ("golden light", "warm tones")),
    "sunset": ({"Temperature": 35, "Tint": 15, "Saturation": 20}, ("sunset colours", "warm tones")),
    "summer": ({"Temperature": 15, "Exposure": 0.25, "Vibrance": 35}, ("summer light", "vibrant colours")),
    "autumn": ({"Temperature": 25, "SaturationOrange": 40, "SaturationGreen": -40}, ("warm autumn tones",)),
    "winter": ({"Temperature": -30, "Saturation": -20}, ("cold winter light",)),
    "night": ({"Temperature": -30, "Exposure": -1.0, "Saturation": -20}, ("night mood", "dark tones")),
    "foggy": ({"Contrast": -25, "Dehaze": -40, "Saturation": -20}, ("foggy air",)),
    "punchy": ({"Contrast": 30, "Clarity": 20, "Vibrance": 40}, ("punch", "lively colours")),
    "hdr": ({"Highlights": -60, "Shadows": 60, "Clarity": 40, "Vibrance": 25}, ("hdr look", "tonal depth")),
    "bleached": ({"Contrast": 35, "Saturation": -55}, ("bleached look",)),
    "clean": ({"Exposure": 0.25, "Highlights": -25, "Shadows": 25, "Vibrance": 15}, ("clean look",)),
}

# place → its mask. Coordinates in thousandths; the sky is at the top, the subject in the middle.
PLACES: Mapping[str, Mask] = {
    "sky": Mask("linear", (500, 600, 500, 200)),
    "ground": Mask("linear", (500, 400, 500, 800)),
    "left": Mask("linear", (600, 500, 200, 500)),
    "right": Mask("linear", (400, 500, 800, 500)),
    "subject": Mask("radial", (500, 500, 350, 400, 0, 60)),
    "background": Mask("radial", (500, 500, 400, 450, 0, 60), invert=True),
    "darks": Mask("luminance", (0, 30, 20)),
    "lights": Mask("luminance", (70, 100, 20)),
    "blue parts": Mask("color", (60, 120, 210, 50)),
    "green parts": Mask("color", (75, 135, 60, 50)),
    "red parts": Mask("color", (195, 45, 45, 50)),
    "yellow parts": Mask("color", (225, 195, 60, 50)),
}
LOCAL_ATTRIBUTES = ("brightness", "contrast", "warmth", "saturation", "clarity", "sharpness")


@dataclasses.dataclass(frozen=True)
class Wish:
    """One thing asked for.

    Attributes:
      attribute: of `ATTRIBUTES`, or a style of `STYLES` (its level 1 to 3).
      level: −3 to 3, not 0.
      place: of `PLACES`, or "" for the whole photo.
      value: a number said by the user, else None.
    """

    attribute: str
    level: int
    place: str = ""
    value: float | None = None

    @property
    def name(self) -> str:
        """What `Example.attributes` and critics call it: "brightness", "sky brightness"."""
        return f"{self.place} {self.attribute}".strip()


def slider_values(wish: Wish) -> dict[str, float]:
    """Sliders of one wish, without taste. A number said by the user is taken as it is."""
    if wish.attribute in STYLES:
        share = (0.6, 1.0, 1.5)[wish.level - 1]
        recipe = STYLES[wish.attribute][0]
        return {n: v if n == "BlackAndWhite" or n.endswith("Hue") else v * share for n, v in recipe.items()}
    row = ATTRIBUTES[wish.attribute]
    turned = row.less is None and wish.level < 0
    amounts = row.more if wish.level > 0 or row.less is None else row.less
    if wish.place and wish.attribute == "sharpness":  # inside a mask Sharpness goes both ways
        amounts, turned = row.more, wish.level < 0
    if wish.value is not None:
        return {next(iter(amounts)): wish.value}
    sign = -1 if turned else 1
    return {name: sign * values[abs(wish.level) - 1] for name, values in amounts.items()}


def on_grid(name: str, value: float, local: bool = False) -> float:
    """The value as people set it: whole fives (Exposure: twentieths of a stop), inside the slider's range."""
    lo, hi, step = slider_range(BY_NAME[name], local)
    coarse = 0.05 if name == "Exposure" else 1 if name == "BlackAndWhite" else 5
    value = round(min(max(value, lo), hi) / coarse) * coarse
    return round(value, 2) if step < 1 else int(value)


def tasted(name: str, value: float, rng: np.random.Generator) -> float:
    """A user's own taste: every third value is one step off, never through neutral."""
    if name == "BlackAndWhite" or name.endswith("Hue") or rng.random() > 0.3:
        return value
    step = 0.05 if name == "Exposure" else 5
    step *= 1 if abs(value) <= 10 * step else 2
    moved = value + step * rng.choice((-1, 1))
    return moved if moved * value > 0 and abs(moved) > step else value


def plan_of(wishes, rng: np.random.Generator | None = None) -> Plan:
    """The plan of some wishes, at most one place among them; `rng`: with the user's taste.

    Raises:
      ValueError: two places.
    """
    places = {w.place for w in wishes if w.place}
    if len(places) > 1:
        raise ValueError(f"wishes: {len(places)} places; one local adjustment is allowed")
    whole: dict[str, float] = {}
    inside: dict[str, float] = {}
    for wish in wishes:
        into = inside if wish.place else whole
        for name, value in slider_values(wish).items():
            keep = rng is None or wish.value is not None
            into[name] = into.get(name, 0) + (value if keep else tasted(name, value, rng))
    sliders = {name: on_grid(name, value) for name, value in whole.items()}
    inside = {name: on_grid(name, value, local=True) for name, value in inside.items()}
    locals_ = (Local((PLACES[places.pop()],), inside),) if any(inside.values()) else ()
    return Plan(sliders, locals_)


@functools.cache
def metric_names(attribute: str) -> tuple[str, ...]:
    """Names that critics give a wish's attribute."""
    return STYLES[attribute][1] if attribute in STYLES else ATTRIBUTES[attribute].metrics
