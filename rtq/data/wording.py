"""The words around a wish: how much of it, more or less, complaints, parts, casts, what is spared, courtesies."""

from collections.abc import Mapping

from rtq.data.vocabulary import split

DEGREES: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    # before a comparative or "more": "slightly brighter"
    "before": {
        1: split("slightly / a bit / a little / a touch / a tad / somewhat / a little bit / just a bit / "
                  "just a little / only slightly / a tiny bit / barely"),
        2: split("moderately / noticeably / clearly / rather") + ("",) * 10,
        3: split("much / a lot / way / far / significantly / considerably / very much / so much / a great deal / "
                  "dramatically / substantially / greatly / extremely / super / a whole lot / really / alot"),
    },
    # after a verb and its object: "brighten it slightly"
    "after": {
        1: split("slightly / a bit / a little / a touch / a tad / a little bit / gently / subtly / just a bit / "
                  "just a little / somewhat / by a little / ever so slightly / by a small amount / lightly / "
                  "a small bit"),
        2: split("moderately / to a normal level / a medium amount / accordingly / to the desired level / "
                  "a fair amount") + ("",) * 9,
        3: split("a lot / significantly / greatly / strongly / considerably / heavily / dramatically / by a lot / "
                  "alot / very much / a great deal / drastically / by a large amount / extremely / substantially / "
                  "a whole lot / quite a lot / intensely / completely"),
    },
    # before a verb: "slightly brighten"
    "adverb": {
        1: split("slightly / gently / subtly / just slightly / lightly / very slightly"),
        2: split("moderately") + ("",) * 8,
        3: split("greatly / significantly / strongly / dramatically / heavily / really / considerably / drastically"),
    },
    # "add … light"
    "amount": {
        1: split("a bit of / a little / a touch of / a hint of / a tad more / a little bit of / a bit more / slight / "
                  "a small amount of / a slight bit of / a tiny bit of / just a little"),
        2: split("some / more / / some more / a moderate amount of / a fair amount of"),
        3: split("a lot of / lots of / a lot more / much more / tons of / way more / plenty of / a great deal of / "
                  "far more / significantly more / strong / a large amount of / a good deal of"),
    },
    # "… too dark"
    "too": {
        1: split("a bit too / a little / slightly too / a bit / a little too / slightly / somewhat / a tad too"),
        2: ("too", "too", "so", "quite", "very", "", ""),
        3: split("way too / far too / much too / extremely / really too / terribly / super / incredibly"),
    },
    # "the photo … contrast", which there should be more of
    "lack": {
        1: split("is a bit short on / lacks a little / could use a little more / has slightly too little"),
        2: split("lacks / is missing / is lacking / has too little / is short on / doesn't have enough / is without"),
        3: split("has far too little / has hardly any / has almost no / badly lacks / is badly missing / "
                  "has way too little"),
    },
    # "… contrast", of which there should be more
    "little": {
        1: split("slightly too little / a bit too little / a little too little"),
        2: split("too little / too little / little / not much"),
        3: split("far too little / hardly any / almost no / way too little"),
    },
    # "… haze", of which there should be less
    "excess": {
        1: split("a bit too much / slightly too much / a little too much"),
        2: split("too much"),
        3: split("way too much / far too much / much too much"),
    },
}

RAISE = split("increase / raise / boost / enhance / turn up / bring up / push up / up / bump up / heighten / "
               "amplify / "
               "crank up / intensify / adjust up / improve / strengthen / pump up")
LOWER = split("decrease / reduce / lower / turn down / bring down / cut / tone down / drop / lessen / diminish / "
               "dial down / pull down / minimize / weaken / take down / ease / adjust down")
# What is wrong, said as a complaint: {t} is the photo, {s} what it is too much of.
COMPLAINTS = split("unfortunately {t} is {s} / i hate how {s} {t} is / the problem is that {t} is {s} / "
                    "{t} is {s}, which is a pity / {t} is {s} and that is wrong / how come {t} is {s} / "
                    "{t} is {s}, i do not want that / i am not happy that {t} is {s} / what a pity, {t} is {s} / "
                    "sadly {t} is {s} / {t} is {s}, that bothers me / i find {t} {s}, which is bad")
REMOVE = split("remove / get rid of / take out / eliminate / remove / take off / clear away")
# "remove … fog"
PARTS: Mapping[int, tuple[str, ...]] = {
    1: split("some of the / a little of the / a bit of the / a small amount of / some / a little"),
    2: ("the", "the", ""),
    3: split("a lot of the / a lot of / much of the / most of the / a large amount of"),
}
# Colours that can lie over the whole photo, and what they are called then: "a slight blue tint".
CASTS: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("warmth", 1): split("yellow / orange / golden / warm / yellowish / peach / sepia"),
    ("warmth", -1): split("blue / cool / cyan / bluish / cold / teal"),
    ("tint", 1): split("pink / purple / magenta / violet / pinkish"),
    ("tint", -1): split("green / greenish / green / lime"),
    ("redness", 1): split("red / reddish / red"),
    ("brown", 1): split("brown / brownish"),
}
CAST_NOUNS = split("tone / tint / hue / cast / tone / filter / shade / tones / overlay / glow")
CAST_STRENGTHS = {1: split("slight / subtle / light / faint / very slight"), 2: ("",),
                  3: split("strong / heavy / deep / very strong / intense")}  # fmt: skip
SET = split("make / make / make / turn / get")
WHOLE = split("it / it / it / it / this / the photo / the image / the picture / this photo / this image / "
               "this picture / "
               "the whole image / the entire image / the overall image / the whole photo / the entire photo / "
               "this pic / "
               "my photo / the shot / everything / this shot / the pic / the entire picture / the whole picture / "
               "the scene / the photograph / the whole scene / the input image / the overall picture / my picture / "
               "the image overall / this photograph / the portrait / the landscape / the snapshot / the selfie / "
               "the images / the photos / the outdoor shot")
ON = split("of / in / on / for")
POLITE = split("please / please, / can you / could you / can you please / could you please / please just / "
                "i want you to / i would like you to / hi, please / can someone / could someone please / "
                "i need you to / would you / just / try to / let's / hello, can you / can anyone / i'd like you to / "
                "hey, could you / kindly / i was wondering if you could / can somebody please / would you please / "
                "i would love it if you could")
# What spares a place, after a wish for the rest of the photo.
SPARE = split("but keep {p} / but leave {p} alone / but don't touch {p} / but not {p} / without changing {p} / "
               "except {p} / except for {p} / everywhere but {p} / apart from {p} / but leave {p} as is / "
               "keep {p} as it is / leave {p} alone / don't change {p} / but do not alter {p} / "
               "everywhere except {p} / without touching {p} / but keep {p} the same / but let {p} stay as it is / "
               "keep {p} / leave {p} out")
KEEP = split("but don't touch the {n} / don't change the {n} / without changing the {n} / keep the {n} as it is / "
              "leave the {n} alone / but keep the same {n} / the {n} should stay the same / do not alter the {n} / "
              "no change to the {n} / but leave the {n} as is / keep the {n} / without more {n} / not the {n} / "
              "the {n} is fine / keep the original {n} / without affecting the {n}")
