"""The slider table: the one source of truth about what can be adjusted.

Everything that knows sliders is derived from these rows: plan JSON and its parser, grammar and prompts, XMP keys, the
web controls, perturbation ranges, documentation and the contract tests. A new slider is one row here and one term in
its stage.

Values are numbers as Lightroom shows them. A slider's `scale` says how its effect depends on the size of the photo:
*point* (per pixel), *frame* (radius relative to the photo) or *pixel* (radius in output pixels).
"""

import dataclasses
import math
from collections.abc import Mapping

HUES = ("Red", "Orange", "Yellow", "Green", "Aqua", "Blue", "Purple", "Magenta")


@dataclasses.dataclass(frozen=True)
class Slider:
    """One row of the table.

    Attributes:
      name: Lightroom's word, as written in plan JSON.
      group: the unit that a renderer skips when all its drivers are neutral.
      scale: "point", "frame" or "pixel" (see the module docstring).
      lo, hi, neutral, step: allowed values: lo ≤ value ≤ hi on the grid lo + k·step.
      unit: what one step of the number means.
      doc: one line for people.
      key: Camera Raw's name in XMP (namespace crs), or None where it has none.
      factor: the stage receives `value * factor`.
      driver: False for modifiers, which change nothing alone; a plan's amount scales drivers only.
      circular: True for hues in degrees, where lo and hi are neighbours.
      probe, statistic, sign, min_effect, companions: how the contract tests see it (`probes.py`): rendered on `probe`
        together with `companions`, `statistic` moves in direction `sign` (0: no direction) by at least `min_effect`
        between neutral and an end.
      local: (lo, hi) of the same slider inside a local adjustment, or None.
      local_key: Camera Raw's name there.
    """

    name: str
    group: str
    scale: str
    lo: float
    hi: float
    neutral: float
    step: float
    unit: str
    doc: str
    key: str | None
    factor: float
    driver: bool
    circular: bool
    probe: str
    statistic: str
    sign: int
    min_effect: float
    companions: tuple[tuple[str, float], ...]
    local: tuple[float, float] | None
    local_key: str | None

    @property
    def integer(self) -> bool:
        """True when the step is a whole number."""
        return float(self.step).is_integer()

    @property
    def allowed(self) -> str:
        """The allowed values in words, for error messages and documentation."""
        return allowed_text(self.lo, self.hi, self.step)


def allowed_text(lo: float, hi: float, step: float) -> str:
    """Words for a range, e.g. "whole numbers from -100 to 100"."""
    if float(step).is_integer() and step == 1:
        return f"whole numbers from {lo:g} to {hi:g}"
    return f"{lo:g} to {hi:g} in steps of {step:g}"


def _row(name, group, doc, *, lo=-100, hi=100, neutral=0, step=1, scale="point", unit="percent", key=None, factor=0.01,
         driver=True, circular=False, probe="grey", statistic="mean", sign=1, min_effect=0.02, companions=(),
         local=None, local_key=None):
    return Slider(name, group, scale, lo, hi, neutral, step, unit, doc, key, factor, driver, circular, probe, statistic,
                  sign, min_effect, tuple(companions), local, local_key)


_PERCENT = (-100, 100)

_LIGHT = (
    _row("Temperature", "white_balance", "Cooler (negative) or warmer (positive) light.", key="IncrementalTemperature",
         statistic="warmth", min_effect=0.2, local=_PERCENT, local_key="LocalTemperature"),
    _row("Tint", "white_balance", "Greener (negative) or more magenta (positive).", key="IncrementalTint",
         statistic="greenness", sign=-1, min_effect=0.05, local=_PERCENT, local_key="LocalTint"),
    _row("Exposure", "exposure", "Brightness in stops: +1 doubles the light.", lo=-5, hi=5, step=0.05, unit="EV",
         factor=1.0, key="Exposure2012", min_effect=0.3, local=(-4, 4), local_key="LocalExposure2012"),
    _row("Contrast", "tone", "Darks darker and lights lighter around middle grey.", key="Contrast2012", probe="ramp",
         statistic="slope_mid", min_effect=0.3, local=_PERCENT, local_key="LocalContrast2012"),
    _row("Highlights", "light", "Bright areas: recover (negative) or lift (positive), hue kept.", scale="frame",
         key="Highlights2012", probe="flat80", min_effect=0.05, local=_PERCENT, local_key="LocalHighlights2012"),
    _row("Shadows", "light", "Dark areas: deepen (negative) or open (positive), hue kept.", scale="frame",
         key="Shadows2012", probe="flat15", min_effect=0.03, local=_PERCENT, local_key="LocalShadows2012"),
    _row("Whites", "tone", "Where white lies.", key="Whites2012", probe="ramp", statistic="ramp90", min_effect=0.05,
         local=_PERCENT, local_key="LocalWhites2012"),
    _row("Blacks", "tone", "Where black lies.", key="Blacks2012", probe="ramp", statistic="ramp10", min_effect=0.02,
         local=_PERCENT, local_key="LocalBlacks2012"),
)

_PRESENCE = (
    _row("Texture", "texture", "Fine detail, smoothed or brought out.", scale="frame", key="Texture", probe="fine",
         statistic="std", min_effect=0.01, local=_PERCENT, local_key="LocalTexture"),
    _row("Clarity", "clarity", "Local contrast of larger forms in the middle tones.", scale="frame",
         key="Clarity2012", probe="coarse", statistic="std", min_effect=0.01, local=_PERCENT,
         local_key="LocalClarity2012"),
    _row("Dehaze", "dehaze", "Remove (positive) or add (negative) haze.", scale="frame", key="Dehaze", probe="haze",
         statistic="range", min_effect=0.05, local=_PERCENT, local_key="LocalDehaze"),
    _row("Vibrance", "color", "Saturation of muted colours first, skin protected.", key="Vibrance", probe="muted",
         statistic="chroma", min_effect=0.02),
    _row("Saturation", "color", "Strength of all colours; -100 is grey.", key="Saturation", probe="muted",
         statistic="chroma", min_effect=0.02, local=_PERCENT, local_key="LocalSaturation"),
)

_PARAMETRIC = tuple(
    _row(f"Parametric{name}", "parametric", f"Tone curve: the {name.lower()} region.", key=f"Parametric{name}",
         probe="ramp", statistic=statistic, min_effect=0.03)
    for name, statistic in (("Shadows", "ramp12"), ("Darks", "ramp37"), ("Lights", "ramp62"), ("Highlights", "ramp87"))
) + (
    _row("ParametricShadowSplit", "parametric", "Where the tone curve's shadows end.", lo=10, hi=70, neutral=25,
         key="ParametricShadowSplit", driver=False, probe="ramp", statistic="ramp30", min_effect=0.05,
         companions=(("ParametricShadows", 100),)),
    _row("ParametricMidtoneSplit", "parametric", "Where the tone curve's darks end and lights begin.", lo=20, hi=80,
         neutral=50, key="ParametricMidtoneSplit", driver=False, probe="ramp", statistic="ramp50", min_effect=0.03,
         companions=(("ParametricDarks", 100), ("ParametricShadowSplit", 10))),
    _row("ParametricHighlightSplit", "parametric", "Where the tone curve's highlights begin.", lo=30, hi=90, neutral=75,
         key="ParametricHighlightSplit", driver=False, probe="ramp", statistic="ramp70", sign=-1, min_effect=0.03,
         companions=(("ParametricHighlights", 100), ("ParametricMidtoneSplit", 20))),
)

_HSL = tuple(
    _row(f"{kind}{hue}", "hsl", f"{word} of {hue.lower()} tones.", key=f"{kind}Adjustment{hue}", probe=f"patch{hue}",
         statistic=statistic, min_effect=least)
    for kind, word, statistic, least in (
        ("Hue", "Hue shift", "hue", 4.0), ("Saturation", "Saturation", "chroma", 0.05),
        ("Luminance", "Brightness", "luma", 0.03))
    for hue in HUES
)

_MONO = (
    _row("BlackAndWhite", "mono", "Black and white: 1 is on.", lo=0, hi=1, unit="switch", factor=1.0,
         key="ConvertToGrayscale", probe="muted", statistic="chroma", sign=-1, min_effect=0.05),
) + tuple(
    _row(f"Gray{hue}", "mono", f"Brightness of {hue.lower()} tones in black and white.", key=f"GrayMixer{hue}",
         driver=False, probe=f"patch{hue}", statistic="luma", min_effect=0.03, companions=(("BlackAndWhite", 1),))
    for hue in HUES
)

_GRADING_KEYS = {
    "ShadowHue": "SplitToningShadowHue", "ShadowSaturation": "SplitToningShadowSaturation",
    "HighlightHue": "SplitToningHighlightHue", "HighlightSaturation": "SplitToningHighlightSaturation",
    "MidtoneHue": "ColorGradeMidtoneHue", "MidtoneSaturation": "ColorGradeMidtoneSat",
    "GlobalHue": "ColorGradeGlobalHue", "GlobalSaturation": "ColorGradeGlobalSat",
}


def _grading_rows(zone, where, probe):
    saturation = f"{zone}Saturation"
    return (
        _row(f"{zone}Hue", "grading", f"Hue of the colour laid over {where}.", lo=0, hi=359, unit="degree",
             factor=math.pi / 180, key=_GRADING_KEYS[f"{zone}Hue"], driver=False, circular=True, probe=probe,
             statistic="warmth", sign=0, min_effect=0.02, companions=((saturation, 100),)),
        _row(saturation, "grading", f"Strength of the colour laid over {where}.", lo=0, key=_GRADING_KEYS[saturation],
             probe=probe, statistic="chroma", min_effect=0.02),
        _row(f"{zone}Luminance", "grading", f"Brightness of {where}.", key=f"ColorGrade{zone}Lum", probe=probe,
             min_effect=0.02),
    )


_GRADING = (
    *_grading_rows("Shadow", "the shadows", "flat15"),
    *_grading_rows("Midtone", "the midtones", "grey"),
    *_grading_rows("Highlight", "the highlights", "flat80"),
    *_grading_rows("Global", "the whole photo", "grey"),
    _row("GradingBlending", "grading", "How far shadows, midtones and highlights overlap.", lo=0, hi=100, neutral=50,
         key="ColorGradeBlending", driver=False, probe="flat30", statistic="chroma", sign=0, min_effect=0.02,
         companions=(("ShadowSaturation", 100), ("ShadowHue", 220))),
    _row("GradingBalance", "grading", "Where shadows end and highlights begin: positive favours the highlights.",
         key="SplitToningBalance", driver=False, probe="flat80", statistic="chroma", min_effect=0.03,
         companions=(("HighlightSaturation", 100), ("HighlightHue", 40), ("GradingBlending", 100))),
)

_CALIBRATION = (
    _row("CalibrationShadowTint", "calibration", "Tint of the darks: greener (negative) or more magenta.",
         key="ShadowTint", probe="flat15", statistic="greenness", sign=-1, min_effect=0.02),
    _row("CalibrationRedHue", "calibration", "Hue of the red primary.", key="RedHue", probe="patchRed",
         statistic="hue", min_effect=3.0),
    _row("CalibrationRedSaturation", "calibration", "Saturation of the red primary.", key="RedSaturation",
         probe="patchRed", statistic="chroma", min_effect=0.02),
    _row("CalibrationGreenHue", "calibration", "Hue of the green primary.", key="GreenHue", probe="patchGreen",
         statistic="hue", min_effect=3.0),
    _row("CalibrationGreenSaturation", "calibration", "Saturation of the green primary.", key="GreenSaturation",
         probe="patchGreen", statistic="chroma", min_effect=0.02),
    _row("CalibrationBlueHue", "calibration", "Hue of the blue primary.", key="BlueHue", probe="patchBlue",
         statistic="hue", min_effect=3.0),
    _row("CalibrationBlueSaturation", "calibration", "Saturation of the blue primary.", key="BlueSaturation",
         probe="patchBlue", statistic="chroma", min_effect=0.02),
)

_SHARP = (("Sharpness", 100),)
_DETAIL = (
    _row("Sharpness", "sharpen", "Sharpening of edges.", lo=0, hi=150, scale="pixel", key="Sharpness", probe="edge",
         statistic="edge_gain", min_effect=0.03, local=_PERCENT, local_key="LocalSharpness"),
    _row("SharpenRadius", "sharpen", "Width of the sharpened edges.", lo=5, hi=30, neutral=10, unit="tenth of a pixel",
         factor=0.1, scale="pixel", key="SharpenRadius", driver=False, probe="edge", statistic="edge_width",
         min_effect=0.5, companions=_SHARP),
    _row("SharpenDetail", "sharpen", "How much of the finest detail is sharpened too.", lo=0, neutral=25,
         scale="pixel", key="SharpenDetail", driver=False, probe="faint_edge", statistic="edge_gain",
         min_effect=0.01, companions=_SHARP),
    _row("SharpenMasking", "sharpen", "Restrict sharpening to strong edges.", lo=0, scale="pixel",
         key="SharpenEdgeMasking", driver=False, probe="faint_edge", statistic="edge_gain", sign=-1, min_effect=0.005,
         companions=_SHARP),
    _row("NoiseReduction", "noise", "Smooth luminance noise.", lo=0, scale="pixel", key="LuminanceSmoothing",
         probe="noise", statistic="std", sign=-1, min_effect=0.005, local=_PERCENT, local_key="LocalLuminanceNoise"),
    _row("NoiseReductionDetail", "noise", "Detail kept by luminance noise reduction.", lo=0, neutral=50, scale="pixel",
         key="LuminanceNoiseReductionDetail", driver=False, probe="noise", statistic="std", min_effect=0.005,
         companions=(("NoiseReduction", 100),)),
    _row("ColorNoiseReduction", "noise", "Smooth colour noise.", lo=0, scale="pixel", key="ColorNoiseReduction",
         probe="color_noise", statistic="chroma_std", sign=-1, min_effect=0.005),
    _row("ColorNoiseReductionDetail", "noise", "Colour edges kept by colour noise reduction.", lo=0, neutral=50,
         scale="pixel", key="ColorNoiseReductionDetail", driver=False, probe="color_stripes", statistic="chroma_std",
         min_effect=0.02, companions=(("ColorNoiseReduction", 100),)),
)

_DARK_CORNERS = (("VignetteAmount", -100),)
_EFFECTS = (
    _row("VignetteAmount", "vignette", "Darker (negative) or lighter corners.", scale="frame",
         key="PostCropVignetteAmount", probe="bright", statistic="corner", min_effect=0.1),
    _row("VignetteMidpoint", "vignette", "How far from the centre the vignette begins.", lo=0, neutral=50,
         scale="frame", key="PostCropVignetteMidpoint", driver=False, probe="bright", statistic="mean",
         min_effect=0.01, companions=_DARK_CORNERS),
    _row("VignetteRoundness", "vignette", "From the frame's shape (negative) to a circle (positive).", scale="frame",
         key="PostCropVignetteRoundness", driver=False, probe="bright", statistic="mean", sign=0, min_effect=0.02,
         companions=_DARK_CORNERS),
    _row("VignetteFeather", "vignette", "Softness of the vignette's edge.", lo=0, neutral=50, scale="frame",
         key="PostCropVignetteFeather", driver=False, probe="bright", statistic="middle_slope", sign=-1,
         min_effect=0.02, companions=_DARK_CORNERS),
    _row("VignetteHighlights", "vignette", "Highlights kept bright inside dark corners.", lo=0, scale="frame",
         key="PostCropVignetteHighlightContrast", driver=False, probe="bright", statistic="corner", min_effect=0.02,
         companions=_DARK_CORNERS),
    _row("Fade", "fade", "Lift black and soften white, like an old print.", lo=0, key=None, probe="ramp",
         statistic="ramp00", min_effect=0.05),
    _row("GrainAmount", "grain", "Film grain.", lo=0, scale="frame", key="GrainAmount", statistic="std",
         min_effect=0.01),
    _row("GrainSize", "grain", "Size of the grains.", lo=0, neutral=25, scale="frame", key="GrainSize", driver=False,
         probe="wide_grey", statistic="neighbour", min_effect=0.05, companions=(("GrainAmount", 100),)),
    _row("GrainRoughness", "grain", "Regular or irregular grain.", lo=0, neutral=50, scale="frame",
         key="GrainFrequency", driver=False, statistic="kurtosis", min_effect=0.05,
         companions=(("GrainAmount", 100),)),
)

SLIDERS: tuple[Slider, ...] = (
    *_LIGHT, *_PRESENCE, *_PARAMETRIC, *_HSL, *_MONO, *_GRADING, *_CALIBRATION, *_DETAIL, *_EFFECTS)
BY_NAME: Mapping[str, Slider] = {row.name: row for row in SLIDERS}
INDEX: Mapping[str, int] = {row.name: i for i, row in enumerate(SLIDERS)}
LOCAL_SLIDERS: tuple[Slider, ...] = tuple(row for row in SLIDERS if row.local is not None)
LOCAL_INDEX: Mapping[str, int] = {row.name: i for i, row in enumerate(LOCAL_SLIDERS)}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(row.group for row in SLIDERS))


def table_markdown() -> str:
    """The table as Markdown, one line a slider, for the documentation and `rtq sliders --markdown`."""
    lines = ["| slider | group | allowed | neutral | unit | scale | local | Lightroom key | does |",
             "|---|---|---|---|---|---|---|---|---|"]
    for row in SLIDERS:
        local = "" if row.local is None else f"{row.local[0]:g} to {row.local[1]:g}"
        lines.append(f"| {row.name} | {row.group} | {row.allowed} | {row.neutral:g} | {row.unit} | {row.scale} | "
                     f"{local} | {row.key or '–'} | {row.doc} |")
    return "\n".join(lines)
