"""The words people use about tonal edits, in our own arrangement: attribute → direction → words.

Which words matter was looked up in the training parts of public collections of requests; no sentence comes from there.
"""

import dataclasses
from collections.abc import Mapping


def split(text: str) -> tuple[str, ...]:
    """"brighter / lighter" → ("brighter", "lighter")."""
    return tuple(part.strip() for part in text.split("/") if part.strip())


@dataclasses.dataclass(frozen=True)
class Words:
    """How one direction of one attribute is said.

    Attributes:
      verbs: take the photo as object: "brighten".
      adjectives: what it should be more of: "brighter". results: what it should be: "bright".
      nouns: there should be more of: "light".
      states: what it is too much of now: "dark".
      phrases: whole imperatives without an object, "{p}" where a place can stand: "open the shadows{p}".
    """

    verbs: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


def _words(verbs="", adjectives="", results="", nouns="", states="", phrases="") -> Words:
    return Words(*map(split, (verbs, adjectives, results, nouns, states, phrases)))


# (attribute, +1 or −1) → words. Nouns of one direction are what there should be less of in the other.
WORDS: Mapping[tuple[str, int], Words] = {
    ("brightness", 1): _words(
        "brighten / lighten / brighten up / lighten up / light up / illuminate / expose",
        "brighter / lighter / better lit / more visible / more lit / more luminous / more exposed / more illuminated",
        "bright / light / well lit / visible / sunny / lit / shining / visable",
        "brightness / exposure / light / lightness / lighting / luminosity / luminance / illumination / daylight / "
        "natural light / sunlight / white light / ambient light / visibility / light level / "
        "light intensity / lighting exposure / overall brightness / brightness level",
        "dark / underexposed / dim / under exposed / gloomy / shadowy / murky / darkened / dull and dark",
        "turn up the lights / raise the light level / lift the exposure / push the exposure / let in more light / "
        "bask it in light / put more light on it / "
        "bring up the brightness / turn the brightness up / make everything more visible / shine more light on it / "
        "correct the underexposure / remove the darkness / take away the darkness / fix the dark exposure"),
    ("brightness", -1): _words(
        "darken / dim / darken down / dim down / underexpose / shade",
        "darker / dimmer / less exposed / shadier", "dark / dim / darkened / shady",
        "darkness / shade / dimness / dark tone",
        "bright / overexposed / over exposed / light / brightly lit / glaring / lit up / over lit",
        "turn down the lights / pull down the exposure / turn the brightness down / bring down the brightness / "
        "dial down the brightness / correct the overexposure / fix the overexposed light / take the light down / "
        "tone down the light / dial back the exposure / correct the over exposure / fix the over exposure / "
        "reduce the over exposure"),
    ("contrast", 1): _words(
        "", "contrastier / more contrasted / punchier / more defined / more contrasty / bolder",
        "contrasty / defined / high contrast / bold",
        "contrast / depth / definition / tonal contrast / dynamic range / punch / overall contrast / contrast level",
        "flat / washed out / low contrast / whitewashed / uniform",
        "make the darks darker and the lights lighter / deepen the contrast / push the contrast / bump the contrast / "
        "strengthen the contrast / intensify the contrast / enhance the contrast / sharpen the contrast / "
        "boost the contrast / bump up the contrast / give it more punch / improve the contrast"),
    ("contrast", -1): _words(
        "flatten", "flatter / less contrasted / less contrasty", "flat / low contrast", "flatness",
        "contrasty / contrasted / harsh / hard / high contrast",
        "soften the contrast / even out the tones / even out the light / tone down the contrast / even the lighting"),
    ("warmth", 1): _words(
        "warm / warm up / yellow", "warmer / more yellow / yellower / more golden / more orange / more sunny",
        "warm / golden / yellowish / orange",
        "warmth / temperature / yellow / warm tones / yellow tones / golden tones / orange / colour temperature / "
        "gold / warm light / yellow tint / yellow hue / color temperature / warm color / warm colors / orange tint / "
        "yellow light / orange tone / orange hue / golden light / amber / sunshine / gold tint / warm filter / "
        "tan / beige / warm hue",
        "cold / cool / blue / bluish / chilly / icy / blueish",
        "take out the blue / remove the blue cast / remove the blue tint / get rid of the blue tone / "
        "warm the colors / "
        "remove the blue hue / warm up the tones / make the tones warmer / add a warm filter / add a yellow filter / "
        "warm the white balance / add a warm tone / give it a warm glow / add a golden glow"),
    ("warmth", -1): _words(
        "cool / cool down / blue", "cooler / colder / bluer / more blue / chillier", "cool / cold / bluish",
        "blue / coolness / blue tones / cool tones / blue tint / blue hue / cyan / aqua / cold light / cool light / "
        "blue light / cool colors / blue filter / teal / blue shade / turquoise / coldness / cyan tint / blueness",
        "warm / yellow / yellowish / orange / hot / golden / tan / brown / brownish / yellowed",
        "take out the yellow / remove the yellow cast / remove the yellow tint / get rid of the yellow tone / "
        "get rid of the orange / remove the orange tint / remove the yellowness / cool the colors / "
        "remove the warmth / "
        "make the tones cooler / add a cool filter / add a blue filter / cool the white balance / "
        "remove the yellow hue / "
        "remove the brown tint / correct the yellow color / give it a cool tone / make the whites less yellow"),
    ("tint", 1): _words(
        "", "pinker / more pink / more purple / more magenta / rosier / more violet", "pink / purple / pinkish / rosy",
        "pink / magenta / purple / pink tint / purple tint / rose / violet / purple hue / pink hue / pink tones / "
        "purple tones / magenta tint / lavender / purple light / rose tint / pink light / pinkish tone",
        "green / greenish / greenish yellow",
        "remove the green cast / get rid of the green tint / take out the green / remove the green tone / "
        "fix the green cast / remove the green hue / add a pink filter / add a purple filter / "
        "correct the green color"),
    ("tint", -1): _words(
        "", "greener / more green / more greenish", "green / greenish",
        "green / green tint / green tones / green hue / lime / green light / green tone / greenish tone",
        "pink / magenta / purple / pinkish / purplish / violet / rosy",
        "remove the pink cast / get rid of the magenta tint / take out the purple / remove the purple tint / "
        "remove the pink hue / remove the pink tone / add a green filter / fix the magenta cast / reduce the pinkness"),
    ("redness", 1): _words(
        "redden", "redder / more red / more reddish", "red / reddish",
        "red / redness / red tint / red tones / red hue / red light / red color / reddish tone / maroon", "cyan / teal",
        "add a red filter / give it a red tone / add a reddish tint"),
    ("redness", -1): _words(
        "", "less red / less reddish", "", "", "red / reddish / ruddy",
        "remove the red cast / get rid of the red tint / take out the red / remove the redness / "
        "get rid of the redness / "
        "remove the red hue / correct the red tone / tone down the red"),
    ("saturation", 1): _words(
        "saturate / colorize / intensify / enrich / saturnate / recolor",
        "more colorful / more saturated / more vivid / richer / more intense / more vibrant / more colourful / "
        "livelier / "
        "deeper in color / more lively / brighter in color",
        "colorful / vivid / saturated / vibrant / colourful / lively / rich / deep / brilliant",
        "saturation / color / colour / color saturation / colors / color intensity / colours / intensity / "
        "richness / saturnation / chroma / vividness / hues / coloring / colorization / color tone / brilliance / "
        "color strength / saturation level / coloration",
        "dull / faded / washed out / colorless / pale / grey / gray / muted / desaturated / drab / lifeless / bland",
        "make the colors richer / make the colors stronger / bring out the colors / enhance the colors / "
        "intensify the colors / boost the colors / deepen the colors / make the colors more vivid / "
        "saturate the colors / "
        "strengthen the colors / make the colors deeper / enhance the color / bring out the color / "
        "enrich the colors / "
        "make the colors bolder / brighten the colors / make the colors brighter / make the colors more intense / "
        "make the colors stand out / improve the colors / punch up the colors / liven up the colors / "
        "make the colors more vibrant / restore the faded colors / bring the colors to life / "
        "enhance all the colors / make all the colors stronger / bring out all the colors / "
        "make the colors pronounced / make the colors more pronounced / "
        "enhance the color of everything / make all of the colors more vivid"),
    ("saturation", -1): _words(
        "desaturate / mute / dull / wash out", "duller / less colorful / more muted / paler / less saturated / "
        "more subdued / greyer / more neutral / less vivid / less intense / less vibrant / grayer",
        "muted / desaturated / dull / pale / neutral / subdued",
        "grey / gray / dullness / grey tones",
        "colorful / saturated / vivid / garish / gaudy / oversaturated / intense / vibrant / over saturated / loud",
        "mute the colors / tone down the colors / wash out the colors / fade the colors / take color out / "
        "dull the colors / "
        "soften the colors / desaturate the colors / make the colors less intense / make the colors more natural / "
        "drain the colors / make the colors softer / dim the colors / subdue the colors"),
    ("vibrance", 1): _words(
        "", "more vibrant / more alive", "vibrant / alive",
        "vibrance / vibrancy / vibrance level / vibrancy of the colors / life", "",
        "make the muted colors stronger / bring the dull colors to life / boost the vibrance / lift the vibrance"),
    ("vibrance", -1): _words("", "", "", "", "", "lower the vibrance / tone down the vibrance / cut the vibrancy"),
    ("highlights", 1): _words("", "", "", "highlights / highlight / bright tones / shine", "",
                              "lift the highlights{p} / brighten the highlights{p} / make the bright areas brighter / "
                              "push the highlights{p} / enhance the highlights{p} / raise the highlights{p}"),
    ("highlights", -1): _words(
        "", "", "", "", "blown out / bleached / clipped / burnt out / shiny",
        "recover the highlights{p} / bring down the highlights{p} / reduce the glare / remove the glare / "
        "darken the highlights{p} / save the blown highlights{p} / get rid of the glare / tame the highlights{p} / "
        "make the bright areas darker / bring back the bright areas / recover the blown out areas / "
        "reduce the flash / remove the shine / fix the blown out parts / soften the highlights{p} / cut the glare"),
    ("shadows", 1): _words(
        "", "", "", "shadow detail / fill light", "",
        "open the shadows{p} / lift the shadows{p} / brighten the shadows{p} / lighten the shadows{p} / "
        "remove the shadows{p} / bring out detail in the shadows / show more in the dark areas / fill the shadows{p} / "
        "reduce the shadows{p} / soften the shadows{p} / fix the shadows{p} / raise the shadows{p} / "
        "lighten the dark areas / get rid of the shadows{p} / bring up the shadows{p} / recover the shadows{p} / "
        "eliminate the shadows{p} / increase the shadow detail / lessen the shadows{p}"),
    ("shadows", -1): _words(
        "", "", "", "shadow / shadows / shading", "",
        "deepen the shadows{p} / darken the shadows{p} / crush the shadows{p} / make the dark areas darker / "
        "strengthen the shadows{p} / lower the shadows{p} / make the shadows darker{p} / intensify the shadows{p}"),
    ("whites", 1): _words("whiten", "whiter", "white", "whites / white / whiteness / white tones / white level",
                          "off white",
                          "make the whites whiter / make the white cleaner / make the whites pop / raise the whites / "
                          "lift the white point / brighten the whites / purify the whites / enhance the whites"),
    ("whites", -1): _words("", "less white", "", "", "white / whitish",
                           "lower the white point / tone down the whites / darken the whites / bring down the whites / "
                           "dim the whites"),
    ("blacks", -1): _words("", "blacker", "", "black / blackness / black tones", "",
                           "deepen the blacks / make the blacks blacker / make the black deeper / crush the blacks / "
                           "darken the blacks / lower the blacks / lower the black point / make the black darker / "
                           "enrich the blacks"),
    ("blacks", 1): _words("", "", "", "", "", "lift the blacks / raise the blacks / raise the black point / "
                          "brighten the blacks / lighten the blacks / soften the blacks"),
    ("sharpness", 1): _words(
        "sharpen / sharpen up / unblur / focus / deblur / crispen",
        "sharper / crisper / more focused / more in focus / more detailed / less fuzzy",
        "sharp / crisp / focused / detailed / in focus",
        "sharpness / focus / resolution / crispness / sharpening / detail / details / sharpness level / definition",
        "blurry / soft / blurred / out of focus / fuzzy / unsharp / unfocused / pixelated",
        "remove the blur / sharpen the edges / sharpen the details / fix the focus / reduce the blur / "
        "get rid of the blur / define the edges / bring it into focus / remove the blurriness / "
        "make the edges sharper / "
        "reduce the blurriness / enhance the sharpness / sharpen the lines / improve the focus / fix the blur / "
        "fix the blurriness / correct the blur / remove some blur"),
    ("sharpness", -1): _words(
        "soften / blur / smooth / smoothen", "softer / blurrier / smoother / more blurred / more blurry",
        "soft / blurry / smooth / blurred",
        "blur / softness / smoothness / blurriness", "sharp / crisp / edgy",
        "soften the edges / soften the details / smooth out the details / smooth the edges / blur the details"),
    ("texture", 1): _words("", "more textured", "textured", "texture / fine detail / surface detail / grit", "",
                           "bring out the texture{p} / bring out the fine details{p} / show the texture{p} / "
                           "enhance the texture{p}"),
    ("texture", -1): _words("", "", "", "", "rough / textured / wrinkled",
                            "smooth the texture{p} / smooth the skin / smooth the surface / reduce the wrinkles / "
                            "soften the skin / smooth out the skin / soften the wrinkles"),
    ("clarity", 1): _words(
        "clear up / clear / clarify / clean up", "clearer / cleaner / more clear / more distinct",
        "clear / clean / distinct",
        "clarity / structure / clearness / local contrast / midtone contrast / quality / picture quality / "
        "image quality",
        "unclear / undefined / muddy",
        "bring out the details{p} / make the details clearer / make the features stand out / show more detail{p} / "
        "increase the detail{p} / define the features / bring out the features / enhance the details{p} / "
        "make the details more visible / make the objects stand out / enhance the clarity{p} / "
        "bring out more detail{p}"),
    ("clarity", -1): _words("", "less clear", "", "", "gritty / crunchy", "soften the midtones / lower the clarity"),
    ("haze", -1): _words("dehaze / defog", "less hazy / less foggy / less misty / less cloudy", "",
                         "", "hazy / foggy / misty / smoky / cloudy / milky",
                         "remove the haze{p} / remove the fog{p} / get rid of the haze / cut through the haze / "
                         "clear the fog / clear the mist / cut the haze / take away the mist / remove the mist{p} / "
                         "remove the haziness / lift the fog / reduce the fog / clear the haze / get rid of the fog / "
                         "clean up the haze / remove the smoke"),
    ("haze", 1): _words("", "hazier / mistier / foggier", "hazy / misty", "haze / fog / mist / haziness", "", ""),
    ("vignette", 1): _words("", "", "", "vignette / vignetting", "",
                            "darken the corners / darken the edges / add a dark vignette / make the corners darker / "
                            "darken the borders / make the edges darker / darken around the edges"),
    ("vignette", -1): _words("", "", "", "", "",
                             "lighten the corners / remove the vignette / brighten the corners / brighten the edges / "
                             "lighten the edges / get rid of the dark corners"),
    ("fade", 1): _words("fade", "more faded / more matte", "faded / matte", "fade / fading", "",
                        "fade it like an old print / lift the blacks for a matte finish / give it a faded look"),
    ("grain", 1): _words("", "grainier / grittier", "grainy", "grain / film grain / graininess", "", "make it grainy"),
    ("noise", -1): _words("denoise", "less noisy / less grainy / less speckled", "", "", "noisy / grainy / speckled",
                          "remove the noise{p} / reduce the grain / clean up the noise / get rid of the grain / "
                          "remove the graininess / smooth out the noise / fix the noise / reduce the noise{p} / "
                          "remove the grain{p} / lower the noise / clear the noise / reduce the graininess"),
    ("reds", 1): _words("", "", "", "", "", "make the reds more vivid / boost the reds / make the red stand out / "
                        "saturate the reds / make the reds stronger / intensify the red color / bring out the reds / "
                        "make the red brighter / make the reds pop"),
    ("reds", -1): _words("", "", "", "", "", "mute the reds / desaturate the reds / make the reds weaker / "
                         "tone down the reds / reduce the reds / make the reds less intense"),
    ("skin", 1): _words("", "", "", "", "", "give the skin more color / make the skin less pale / "
                                            "add color to the face / "
                        "boost the oranges / make the skin tone richer / tan the skin / saturate the oranges / "
                        "make the faces less pale / bring out the oranges"),
    ("skin", -1): _words("", "", "", "", "", "mute the oranges / make the skin paler / make the skin less orange / "
                         "reduce the redness of the skin / tone down the oranges / reduce the redness in the face / "
                         "fix the orange skin / make the face less red / make the skin tone more natural"),
    ("yellows", 1): _words("", "", "", "", "", "make the yellows stronger / boost the yellows / saturate the yellows / "
                           "bring out the yellows / make the yellow stand out / make the yellows pop"),
    ("yellows", -1): _words("", "", "", "", "", "mute the yellows / desaturate the yellows / tone down the yellows / "
                            "reduce the yellows / make the yellows weaker / dull the yellows"),
    ("greens", 1): _words("", "", "", "", "",
                          "make the grass greener / make the trees greener / make the leaves greener / "
                          "boost the greens / "
                          "make the greens richer / bring out the green of the plants / make the green more vivid / "
                          "saturate the greens / make the greenery lush / make the greens pop / "
                          "make the foliage greener / "
                          "make the plants more green / enhance the greens / bring out the greens / "
                          "make the grass more green"),
    ("greens", -1): _words("", "", "", "", "", "mute the greens / desaturate the greens / make the grass less green / "
                           "tone down the greens / reduce the greens / dull the green of the grass"),
    ("blues", 1): _words("", "", "", "", "",
                         "make the sky bluer / make the sky more blue / make the water bluer / boost the blues / "
                         "make the blues deeper / bring out the blue of the sky / make the ocean bluer / "
                         "saturate the blues / "
                         "make the sea more blue / enhance the blues / make the blues pop / "
                         "deepen the blue of the water / "
                         "make the blue more vivid / enhance the blue sky / bring out the blues / "
                         "make the water more blue"),
    ("blues", -1): _words("", "", "", "", "", "mute the blues / desaturate the blues / make the sky less blue / "
                          "tone down the blues / reduce the blues / make the water less blue"),
    ("mono", 1): _words("", "", "black and white / monochrome / grayscale / greyscale / colorless / "
                                "black & white", "", "",
                        "turn it black and white / convert to black and white / remove all color / make it grey / "
                        "take out all the colors / apply a black and white filter / convert it to grayscale / "
                        "remove all the colors / turn the photo gray / use a black and white filter"),
    ("brown", 1): _words("", "browner / more brown", "brown / brownish",
                         "brown / brown tint / brown tones / brown hue / coffee tones / brown color / copper", "",
                         "add a brown filter / turn it brown / add a brown overlay / give it a brown tone"),
    ("pop", 1): _words("", "more striking / more eye catching / more dynamic", "striking / eye catching",
                       "pop / impact / wow / life and pop", "",
                       "make it pop / make the colors pop / make it stand out / bring it to life / "
                       "make everything pop / liven it up / spice it up / give it some life / jazz it up"),
}  # fmt: skip

# What a number can be said of.
NUMERIC: Mapping[str, tuple[str, ...]] = {
    "brightness": ("brightness", "exposure", "lightness", "luminosity"),
    "contrast": ("contrast",), "saturation": ("saturation", "color saturation"),
    "warmth": ("temperature", "warmth"), "tint": ("tint",), "vibrance": ("vibrance",),
    "highlights": ("highlights",), "shadows": ("shadows",), "whites": ("whites",), "blacks": ("blacks",),
    "clarity": ("clarity",), "texture": ("texture",), "sharpness": ("sharpness",),
}  # fmt: skip

PLACE_WORDS: Mapping[str, tuple[str, ...]] = {
    "sky": split("the sky / the clouds / the upper part / the top / the top half / the sunset / the sky area / "
                  "the ceiling / "
                  "the upper half / the top of the image / the stars / the moon / the top part / the sun"),
    "ground": split("the foreground / the ground / the bottom / the lower part / the beach / the water / the sand / "
                     "the road / the floor / the bottom half / the grass / the snow / the sea / the river / "
                     "the street / "
                     "the ocean / the field / the lake / the lower half / the rocks / the lawn / the bottom part / "
                     "the waves"),
    "left": split("the left side / the left / the left half / the left part / the left edge"),
    "right": split("the right side / the right / the right half / the right part / the right edge"),
    "subject": split(
        "the subject / the face / the person / the man / the woman / the middle / the center / the people / her face / "
        "his face / the faces / the girl / the boy / the dog / the child / the centre / the main subject / the baby / "
        "the flower / the bird / the car / the building / the cat / the couple / the house / the skin / the eyes / "
        "the hair / "
        "the object / the kids / the food / the statue / the subjects / the lady / the guy / the man's face / "
        "the woman's face / the girl's face / the person's face / the front / the bride / the family / "
        "the flowers / the animal / the horse / the boat / the tower / the church / the dress / the shirt / the guys / "
        "the tree / the plant / the kid / the men / the children / their faces / the figure / the objects / the body / "
        "the train / the plane / the bike / the butterfly / the insect / the fruit / the cake / the table / "
        "the chair / "
        "the lamp / the sign / the window / the door / the mountain / the castle / the bridge / the ship / "
        "the toddler / "
        "the women / the teeth / the lips / the head / the hands / the shoes / the clothes / the jacket / the suit / "
        "the players / the singer / the musicians / the group / the deer / the lion / the monkey / the fish / "
        "the guitar / "
        "the facial features / the main object / my face / my eyes / the glass / the plate / the room"),
    "background": split("the background / the surroundings / everything around the subject / the backdrop / "
                         "the area around the subject / the rest / the trees in the background / "
                         "the surrounding area / the wall / the walls / the background behind him / the outer parts / "
                         "the background behind her / the mountains / the buildings / the trees / the forest / "
                         "the crowd"),
    "darks": split("the dark areas / the dark parts / the darkest parts / the dark tones / the dark spots / "
                    "the darker areas / the dark colors"),
    "lights": split("the bright areas / the bright parts / the light areas / the brightest parts / the light parts / "
                     "the brighter areas / the lights / the white areas"),
    "blue parts": split("the blue parts / the blue areas / the blue tones / everything blue"),
    "green parts": split("the green parts / the green areas / the green tones / everything green"),
    "red parts": split("the red parts / the red areas / the red tones / everything red"),
    "yellow parts": split("the yellow parts / the yellow areas / the yellow tones / everything yellow"),
}  # fmt: skip

STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "vintage": split("vintage / retro / nostalgic / old fashioned / 70s / antique / vintage filter"),
    "sepia": split("sepia / sepia tone / old sepia / sepia toned / brown sepia"),
    "old photo": split("old photo / aged / polaroid / old faded / old timey / faded old photograph"),
    "film": split("film / analog film / film camera / kodak film / analog"),
    "matte": split("matte / matte finish / flat matte"),
    "cinematic": split("cinematic / teal and orange / movie / like a movie / hollywood / film noir color / "
                        "movie still"),
    "moody": split("moody / dark and moody / gloomy / sad / melancholic / somber / spooky / mysterious / gothic / "
                    "scary"),
    "dramatic": split("dramatic / epic / intense and dramatic / powerful / theatrical"),
    "noir": split("noir / film noir / dark black and white / dramatic black and white"),
    "dreamy": split("dreamy / soft and dreamy / romantic / ethereal / fairy tale / soft glow / magical / glowing"),
    "airy": split("airy / bright and airy / light and airy / fresh and airy / bright white"),
    "pastel": split("pastel / soft pastel / pastel colors / candy"),
    "golden hour": split("golden hour / golden / late afternoon / golden light / sunny golden / morning sun"),
    "sunset": split("sunset / evening / dusk / sunrise / sunset colors / dawn"),
    "summer": split("summer / sunny / tropical / sunny day / summery / cheerful / happy / bright sunny day"),
    "autumn": split("autumn / fall / autumnal / fall colors"),
    "winter": split("winter / wintry / cold winter / frosty / icy / snowy"),
    "night": split("night / night time / moonlight / midnight / nighttime / like it was taken at night"),
    "foggy": split("foggy / misty / foggy morning / overcast / cloudy / rainy"),
    "punchy": split("punchy / vivid / bold / crisp and vivid / striking and bold / instagram / poster"),
    "hdr": split("hdr / high dynamic range / hdr effect / national geographic"),
    "bleached": split("bleached / bleach bypass / gritty / bleached out / gritty street"),
    "clean": split("clean / modern / clean and modern / product photo / fresh / crisp clean / studio / catalog / "
                    "real estate"),
}  # fmt: skip
STYLE_NOUNS = split("look / feel / style / mood / effect / vibe / atmosphere / tone / filter / feeling / theme / "
                     "aesthetic")

# Requests that say that something is wrong but not what: scope → phrases. "{o}" is the photo.
VAGUE: Mapping[str, tuple[str, ...]] = {
    "all": split(
        "fix {o} / make {o} better / improve {o} / enhance {o} / make {o} look good / make {o} look better / "
        "make {o} look nice / edit {o} / retouch {o} / auto enhance / do your magic / correct {o} / touch up {o} / "
        "make {o} look professional / help me with {o} / clean {o} up a bit / make {o} beautiful / restore {o} / "
        "adjust {o} / make {o} look natural / make {o} nicer / fix this photo for me / whatever you think is best / "
        "make {o} perfect / do something with {o} / make {o} look great / save {o} / make {o} presentable / "
        "make {o} more appealing / improve the quality / give {o} a professional touch / make {o} look amazing / "
        "it does not look right / something is off with {o} / fix the lighting and colors / balance {o} / "
        "make {o} look realistic / make {o} attractive / auto correct {o} / make {o} look its best / repair {o} / "
        "make {o} more natural / tweak {o} / make {o} more realistic / correct the light and the colors / "
        "adjust the lighting and color / make {o} awesome / do a general edit / make {o} more pleasing / "
        "make {o} look normal / enhance the overall quality / photoshop {o} / make {o} prettier / "
        "edit {o} as you like / "
        "improve the overall look / make {o} ready to print / make {o} good enough to frame / make {o} less ugly"),
    "light": split(
        "fix the lighting / correct the exposure / fix the exposure / balance the light / improve the lighting / "
        "adjust the exposure / adjust the brightness and contrast / adjust the lighting / fix the light in {o} / "
        "balance the exposure / auto exposure / adjust the brightness / adjust the levels / correct the lighting / "
        "fix the brightness / the lighting is bad / the light is wrong / the exposure is off / auto levels / "
        "make the lighting better / make the light look natural / adjust the curves / set the exposure right / "
        "enhance the lighting / adjust the contrast and brightness / normalize the exposure / even out the exposure"),
    "color": split(
        "fix the colors / correct the colors / fix the white balance / correct the white balance / "
        "balance the colors / "
        "adjust the colors / color correct {o} / make the colors look natural / fix the color cast / "
        "remove the color cast / adjust the white balance / the colors are off / the colors look wrong / "
        "make the colors accurate / auto white balance / make the skin tones natural / adjust the hue / "
        "adjust the color balance / color correction / restore the natural colors / correct the tint / "
        "make the colors realistic / neutralize the colors / adjust the tone / fix the hue / "
        "improve the color balance / "
        "adjust the color tone / restore the original colors / make the whites look white"),
}  # fmt: skip
