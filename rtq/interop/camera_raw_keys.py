"""Camera Raw's settings beyond the slider table: which carry no look, and which values are neutral."""

import math

# Describe the file, the preset or the program, not the look.
BOOKKEEPING = frozenset((
    "Version", "ProcessVersion", "HasSettings", "HasCrop", "AlreadyApplied", "RawFileName", "WhiteBalance",
    "Treatment", "CameraProfileDigest", "ToneCurveName", "ToneCurveName2012", "AutoWhiteVersion", "AutoToneDigest",
    "AutoToneDigestNoSat", "GrainSeed", "CropUnit", "CropUnits", "CropWidth", "CropHeight", "CropConstrainToWarp",
    "CropConstrainAspectRatio", "CropTop", "CropLeft", "CropBottom", "CropRight", "CropAngle", "PresetType",
    "Cluster", "UUID", "Name", "ShortName", "SortName", "Group", "Description", "Copyright", "ContactInfo",
    "CameraModelRestriction", "SupportsAmount", "SupportsAmount2", "SupportsColor", "SupportsMonochrome",
    "SupportsHighDynamicRange", "SupportsNormalDynamicRange", "SupportsSceneReferred", "SupportsOutputReferred",
    "RequiresRGBTables", "RequiresRenditionBehavior", "ShowInPresets", "ShowInQuickActions", "LensProfileSetup",
    "LensProfileName", "LensProfileFilename", "LensProfileDigest", "LensProfileIsEmbedded",
    "LensProfileDistortionScale", "LensProfileChromaticAberrationScale", "LensProfileVignettingScale", "LookName",
    "OverrideLookVignette", "UprightVersion", "UprightCenterMode", "UprightCenterNormX", "UprightCenterNormY",
    "UprightFocalMode", "UprightFocalLength35mm", "UprightPreview", "UprightTransformCount",
    "UprightFourSegmentsCount", "UprightGuidedDependentDigest", "UprightDependentDigest",
    "UprightGuidedTransformCount", "EnableCalibration", "EnableColorAdjustments", "EnableDetail", "EnableEffects",
    "EnableGradientBasedCorrections", "EnableCircularGradientBasedCorrections", "EnablePaintBasedCorrections",
    "EnableGrayscaleMix", "EnableLensCorrections", "EnableRedEye", "EnableRetouch", "EnableSplitToning",
    "EnableTransform", "EnableToneCurve", "EnableVignettes", "EnableMaskGroupBasedCorrections", "EnableBasicPanel",
    "ManualUprightVersion", "DefringePurpleHueLo", "DefringePurpleHueHi", "DefringeGreenHueLo",
    "DefringeGreenHueHi", "VignetteMidpoint", "ColorNoiseReductionSmoothness", "LuminanceNoiseReductionContrast",
    "DepthMapInfo", "HDRMaxValue", "orientation", "CompatibleVersion", "ToggleStyleDigest", "ToggleStyleAmount",
))

# Not zero, but without effect. Camera Raw fills these in.
NEUTRAL = {
    "PerspectiveScale": 100, "CurveRefineSaturation": 100, "PostCropVignetteStyle": 1,
    "Amount": 1,
}

# Camera profiles that stand for no look of their own.
PLAIN_PROFILES = ("", "Embedded", "Adobe Standard", "Adobe Color")

# Written by generators, but no such setting exists; Lightroom ignores them.
NOT_CAMERA_RAW = {
    "ColorGradeShadowHue": "SplitToningShadowHue", "ColorGradeShadowSat": "SplitToningShadowSaturation",
    "ColorGradeHighlightHue": "SplitToningHighlightHue", "ColorGradeHighlightSat": "SplitToningHighlightSaturation",
    "ColorGradeBalance": "SplitToningBalance", "GrainRoughness": "GrainFrequency", "SharpnessDetail": "SharpenDetail",
    "SharpnessRadius": "SharpenRadius", "SharpnessEdgeMasking": "SharpenEdgeMasking",
    "SharpnessMasking": "SharpenEdgeMasking", "ExposureContrast": "Contrast2012",
}

# Settings of process versions before 2012; read only when the packet says so.
LEGACY = ("Exposure", "Brightness", "Contrast", "FillLight", "HighlightRecovery", "Shadows", "Clarity", "ToneCurve",
          "ToneCurveRed", "ToneCurveGreen", "ToneCurveBlue")


def number_of(value) -> float | None:
    """The number, finite and below a thousand million, that a setting's value stands for, or None."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str) and (len(value) > 40 or "_" in value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e9 else None


def flag_of(value) -> bool:
    """True for True, "True", "true" and "1"."""
    return str(value).strip().lower() in ("true", "1")


def is_neutral(key: str, value) -> bool:
    """True when a setting we cannot carry has no effect at this value."""
    if key in BOOKKEEPING or key.endswith(("Digest", "Version")) or value in ("", [], {}):
        return True
    if key == "CameraProfile":
        return value in PLAIN_PROFILES or str(value).startswith("ACR ")
    if key in NEUTRAL and number_of(value) == NEUTRAL[key]:
        return True
    if isinstance(value, (bool, str)) and str(value).strip().lower() in ("false", "none"):
        return True
    if isinstance(value, (list, dict)):
        return value in ([0, 0, 255, 255], ["0, 0", "255, 255"])
    return number_of(value) == 0


def process_version(values) -> float | None:
    """The process version as a number (5.7, 6.7, 11.0, 15.4), or None. Never compare the texts: "11.0" < "6.7"."""
    return number_of(values.get("ProcessVersion"))
