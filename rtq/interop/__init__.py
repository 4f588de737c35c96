"""Plans to and from other programs: Lightroom and Camera Raw (XMP, .lrtemplate), RawTherapee, LUTs."""
