"""English that people and models use about photos, for training the pocket tokenizer's merges.

Sentences come from templates by counting, not by chance, so that they are the same everywhere. Never two digits
in a row: numbers are tokens of their own.
"""

from collections.abc import Iterator

WORDS = {
    "verb": "make give get let keep add bring push pull lift raise lower reduce increase boost decrease cut drop "
    "remove fix correct adjust change enhance improve edit retouch tweak tune turn brighten darken lighten soften "
    "sharpen smooth warm cool tint saturate desaturate tone recover restore open deepen crush fade wash clean clear "
    "crop straighten rotate balance even strengthen weaken intensify mute blur dim strip put use apply set leave take "
    "want need like love please can could would should try do see look show hide stop avoid prefer wish think",
    "degree": "slightly much very more less too bit little lot way far just only barely really quite rather somewhat "
    "strongly heavily gently subtly subtle strong mild moderate moderately extreme dramatic dramatically touch tad "
    "hint enough almost nearly completely fully totally extremely super clearly noticeably stronger half twice again "
    "still even not no never without except also then but and or so",
    "quality": "bright brighter dark darker light lighter warm warmer cool cooler cold colder vivid muted dull flat "
    "soft softer sharp sharper crisp clear clean hazy foggy misty blurry grainy noisy smooth rough harsh natural real "
    "realistic rich deep pale faded vibrant saturated colorful colourful neutral grey black white red orange yellow "
    "green aqua teal cyan blue purple magenta pink brown golden blueish bluish reddish yellowish greenish pinkish "
    "moody cinematic dreamy vintage retro classic modern matte glossy dramatic punchy bold airy cozy sunny stormy "
    "overcast dusky underexposed overexposed blown washed balanced even uneven low high good better best nice nicer "
    "beautiful pretty great bad worse wrong right perfect professional pleasant old new fresh fun romantic lively "
    "monochrome heavy less darkest brightest warmest overall whole",
    "thing": "photo picture image shot pic portrait landscape scene frame subject background foreground sky clouds "
    "sun sunset sunrise sea ocean water lake river beach sand snow ice mountain mountains hill rock rocks tree trees "
    "forest leaves grass field flower flowers plant plants garden building buildings house street road city wall "
    "window room floor table food person people man woman child kid baby girl boy face faces skin eyes hair hand "
    "dress shirt clothes dog cat bird animal horse car boat night day morning evening light lights lighting shadow "
    "shadows highlight highlights midtones midtone darks blacks whites corners edges edge center centre middle top "
    "bottom left right side sides part parts area areas object everything rest it this that them",
    "property": "exposure brightness contrast saturation vibrance temperature tint hue color colors colour colours "
    "luminance clarity texture dehaze haze fog mist sharpness sharpening noise grain vignette fade detail details "
    "tone tones curve blending shade warmth coolness cast white balance level levels range tonality mood atmosphere "
    "look feel feeling style effect film depth dimension pop punch glow drama intensity richness softness smoothness "
    "roughness radius feather mask gradient split primary hsl channel stops percent amount value values black point "
    "histogram clipping dynamic local",
    "filler": "up by her his my your our she he they on in of at from into over under as if when where there these "
    "those who what which some any all both same other another like around behind front near little have has had was "
    "were be been are is am will does did so because while only more most to for with about out off down back than "
    "very its the a an me you we us them their one two three how why here now really actually maybe kind sort",
    "style": "film vintage cinematic autumn summer winter spring golden hour noir sepia monochrome pastel matte "
    "travel wedding food street nature product dreamy teal orange moonlight nostalgic old faded magazine minimal",
    "judge": "colour fidelity natural skin tone exposure accuracy shadow detail highlight recovery clean whites "
    "overall balance mood match request compliance subject emphasis background separation tonal depth contrast "
    "control consistency realism aesthetic appeal artifact free noise restraint preserved correct visible faithful "
    "strength harmony pleasing well balanced sky rendering plausible direction",
}

TEMPLATES = (
    "{verb} the {thing} {quality}",
    "{verb} the {property}",
    "{verb} the {thing} {degree} {quality}.",
    "{verb} the {property} of the {thing} {degree}",
    "{verb} it {degree} {quality} and {quality}",
    "please {verb} the {property} and {verb} the {thing}.",
    "can you {verb} this {thing} so it looks {degree} {quality}?",
    "I want the {thing} to look {quality}, with {degree} {property}",
    "I'd like a {quality} {style} look, {degree} {quality}",
    "the {thing} is too {quality}, {verb} it a bit",
    "the {thing} looks {degree} {quality}; {verb} the {property}",
    "don't {verb} the {thing}, just {verb} the {property}",
    "{quality} {thing}, {quality} {property}, {style} mood",
    "more {property} in the {thing}, less {property} in the {thing}",
    "give it a {style} feel with {quality} {thing}",
    "it's a little {quality}: {verb} the {property} but keep the {thing} {quality}",
    "The {thing} is {quality} and the {property} is {degree} {quality}, so I {verb} the {property}.",
    "The photo is {quality} with {quality} {property}. The request asks for {degree} {quality} {property}.",
    "I will {verb} {property} {degree} and {verb} the {thing} because it is {quality}.",
    "Compared with the original, the edit is {degree} {quality}, and its {property} changed as asked.",
    "{judge} {judge} (5%);{judge} {judge} (5%);{judge} {judge} (5%)",
    "{judge} of the {thing} (5%);{property} {judge} (5%)",
    "still too {quality}, {verb} it {degree}",
    "{filler} {filler} {filler} {thing} {filler}",
    "{filler} {filler} {property} {filler} {filler}",
    "{verb} up the {thing} {filler} {filler}",
    "undo the {property}, that's {degree} {quality}",
)
ROUNDS = 2000


def sentences() -> Iterator[str]:
    """The sentences: every template `ROUNDS` times, words in turn, alternately in lower case and capitalised."""
    lists = {kind: words.split() for kind, words in WORDS.items()}
    used = dict.fromkeys(lists, 0)
    for turn in range(ROUNDS):
        for number, template in enumerate(TEMPLATES):
            words = []
            for part in template.replace("{", "\0{").replace("}", "}\0").split("\0"):
                kind = part[1:-1]
                if part.startswith("{") and kind in lists:
                    words.append(lists[kind][used[kind] % len(lists[kind])])
                    used[kind] += 1
                else:
                    words.append(part)
            sentence = "".join(words)
            yield sentence if (turn + number) % 2 else sentence[:1].upper() + sentence[1:]
