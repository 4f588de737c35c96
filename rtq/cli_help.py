"""Help texts of the `rtq` command."""

from rtq.cli_base import EXISTS, FAILED, INPUT, PARTIAL, PLAN, USAGE

DESCRIPTION = """\
Photo retouching by plans: named sliders with Lightroom's names and ranges, local
adjustments, curves, crop. A plan is a small JSON text that can be rendered, fitted from a
pair of photos, and carried to other programs:

  {"v":1,"Exposure":0.35,"Highlights":-40,"Shadows":30,"HueOrange":-5}
"""
EXIT_CODES = f"""\
exit codes: 0 done, {FAILED} failed (e.g. disk full), {USAGE} wrong command line, {INPUT} a photo is missing or
  broken, {PLAN} a plan is missing or wrong, {EXISTS} a file would be overwritten, {PARTIAL} some photos failed
  and others did not

`rtq VERB --help` explains each verb, with examples.
"""
KEPT = """\
EXIF (without its thumbnail), XMP (without camera-raw settings), IPTC, resolution, colour
profile, transparency and 16 bits are kept where the format written has a place for them,
and nothing else. What it has no place for, JPEG comments, PNG text, gain maps and motion
videos are left out with a notice."""
RENDER = f"""\
Render photos with a plan. Originals are never touched: the result goes to NAME-rtq.SUFFIX
beside the photo, or where -o says, and nothing is overwritten without --overwrite.
{KEPT}
A raw photo that is rendered together with a JPEG of its name goes to NAME.NEF-rtq.jpg.

examples:
  rtq render photo.jpg --set Exposure=0.5 --set Shadows=30
      writes photo-rtq.jpg
  rtq render photo.jpg --plan look.json --amount 60 -o out.tif
      the look at 60 percent, as TIFF
  rtq render *.jpg --plan preset.xmp -o done/
      a Lightroom preset on many photos
  rtq render new.jpg --plan edited.jpg
      the settings that Lightroom embedded in another photo
  rtq render photo.nef --plan photo.xmp --bits 16
      a raw photo with its sidecar, to photo-rtq.tif
  rtq render photo.jpg --plan sky.json --mask sky=sky.png
      a plan with a region or bitmap mask
  rtq fit a.jpg b.jpg | rtq render c.jpg --plan -
      do to c what was done from a to b
"""
EDIT = f"""\
Edit a photo as asked for in words. A policy looks at the photo, reads the request and
answers with a plan, which is rendered at full resolution. Originals are never touched: the
result goes to NAME-rtq.SUFFIX beside the photo, or where -o says, and nothing is
overwritten without --overwrite.
{KEPT}
Whatever the weights, the answer is a plan; the same command gives the same result.

A folder given with --policy may hold rtq.json, {{"photo": 140, "new_tokens": 128}}: the side
in pixels at which its model sees photos, and how long its answers may be.

examples:
  rtq edit photo.jpg "a little warmer, and open the shadows"
      writes photo-rtq.jpg
  rtq edit photo.jpg "fix this" --why
      and says what it sees, thinks and does
  rtq edit photo.nef "black and white, deep blacks" -o bw.tif --plan-out bw.json
      keeps the plan, to look at, to change and to use again
  rtq edit photo.jpg "moody" --samples 4 -o moody.jpg
      four versions to choose from, moody-1.jpg to moody-4.jpg
  rtq edit photo.jpg "vivid" --amount 50
      half as strong
  rtq edit photo.jpg "brighter" --policy runs/mine/policy --json
      with other weights, for scripts
"""
REFINE = """\
Change an edit as asked for in words. IN is the photo before the edit. PLAN is the edit's
plan, or (slower) the edited photo, whose plan is then fitted as `rtq fit` does. The answer
is a new whole plan for IN; a crop is kept. Files are written as by `rtq edit`.

examples:
  rtq edit photo.jpg "warm evening light" --plan-out first.json
  rtq refine photo.jpg first.json "too warm" -o second.jpg --plan-out second.json
  rtq refine photo.jpg photo-rtq.jpg "a bit brighter" -o brighter.jpg --why
"""
SUMMARIZE = """\
Say in words what leads from BEFORE to AFTER: the request that a person would have made.

examples:
  rtq summarize photo.jpg photo-rtq.jpg
  rtq summarize before.tif after.jpg --json
"""
FIT = """\
Find the plan that turns BEFORE into AFTER: two photos of one size, AFTER edited in any
program but not cropped. Sliders that are not needed stay neutral. The plan goes to stdout
or to -o; how near its render comes to AFTER is said on stderr.

examples:
  rtq fit before.jpg after.jpg
  rtq fit before.tif after.jpg -o look.json
"""
EXPORT = """\
Carry a plan to another program. What goes over exactly, approximately or not at all is
listed on stderr.

  xmp      Lightroom and Camera Raw settings for one photo (--photo): a sidecar for a raw
           photo (-o photo.xmp), or a copy of a JPEG, TIFF, PNG or DNG that carries them
           (-o copy.jpg)
  preset   a Lightroom preset for any photo (.xmp)
  pp3      a RawTherapee profile (.pp3), with a colour table NAME-hald.tif that must stay
           beside it
  hald     a 16-bit HaldCLUT image (.tif) for RawTherapee, darktable, GIMP ...
  cube     a 3D colour table (.cube) for video editors, Photoshop, OBS ...

examples:
  rtq export look.json --to preset -o "Warm evening.xmp"
  rtq export look.json --to xmp --photo photo.nef -o photo.xmp
  rtq export look.json --to xmp --photo photo.jpg -o copy.jpg
  rtq export look.json --to cube -o look.cube
"""
IMPORT = """\
Read a plan out of a Lightroom preset or sidecar (.xmp, .lrtemplate), or out of a photo that
carries settings. What comes over exactly, approximately or not at all is listed on stderr.

examples:
  rtq import preset.xmp -o look.json
  rtq import photo.xmp --photo photo.nef
      a raw photo's white balance needs the photo
  rtq import edited.jpg
"""
CHECK = """\
Check a plan: names, types, ranges, masks. Anything wrong is one line that names the key and
says what is allowed.

examples:
  rtq check look.json
  echo '{"v":1,"Exposure":0.5}' | rtq check -
"""
CHAT = """\
Ask a vision-language model about a photo. FOLDER is a Hugging Face folder of Qwen2.5-VL
(config.json, safetensors, tokenizer). For an edit, use `rtq edit --policy FOLDER`.

examples:
  rtq chat Qwen2.5-VL-3B-Instruct photo.jpg "What is wrong with the light?"
"""
SLIDERS_HELP = """\
List the sliders: allowed values, neutral value, what each does. NAME may be part of a name,
or a group.

examples:
  rtq sliders
  rtq sliders orange
  rtq sliders grading --markdown
"""
