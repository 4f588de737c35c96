"""Writes the request: wishes → words, three times: terse, plain, detailed."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rtq.data.attributes import STYLES, Wish
from rtq.data.vocabulary import (
    DEGREES,
    KEEP,
    LOWER,
    NUMERIC,
    ON,
    PLACE_WORDS,
    POLITE,
    RAISE,
    SET,
    SPARE,
    STYLE_NOUNS,
    STYLE_WORDS,
    VAGUE,
    WHOLE,
    WORDS,
    Words,
)

MAX_WORDS = 40
_NO_WORDS = Words()
_KEEPABLE = {"brightness": ("brightness", "exposure", "light"), "contrast": ("contrast",),
             "saturation": ("colors", "saturation", "color"), "warmth": ("temperature", "white balance", "warmth"),
             "sharpness": ("sharpness",), "shadows": ("shadows",), "highlights": ("highlights",)}  # fmt: skip
# Place → what else the photo consists of: a wish in one of them may be said as sparing the other.
SPARED = {"ground": "sky", "sky": "ground", "right": "left", "left": "right", "background": "subject",
           "subject": "background", "lights": "darks", "darks": "lights"}  # fmt: skip
SPARING = 0.5


def write(wishes: Sequence[Wish], rng: np.random.Generator) -> tuple[str, str, str]:
    """Terse, plain and detailed requests for the same wishes. Every sign in the words is the wish's sign."""
    return tuple(_finish(_body(wishes, detail, rng), detail, rng) for detail in range(3))


def write_vague(scope: str, rng: np.random.Generator) -> tuple[str, str, str]:
    """Three requests that say that something is wrong but not what; scope: "all", "light" or "color"."""
    def one(detail: int) -> str:
        text = pick(rng, VAGUE[scope]).replace("{o}", pick(rng, WHOLE))
        imperative = text.split()[0] not in ("it", "something", "the", "whatever", "auto")
        if detail == 2 and rng.random() < 0.3:
            text = f"{pick(rng, _REMARKS)}. {text}" if rng.random() < 0.5 else f"{text}, {pick(rng, _WISHES)}"
            imperative = False
        return _finish((text, imperative), detail, rng)

    return tuple(one(detail) for detail in range(3))


_REMARKS = ("i took this on my phone", "this is a favourite of mine", "it did not come out well", "i want to print it",
            "this photo means a lot to me", "it is a gift", "my camera was set wrong", "i am not good at this")
_WISHES = ("it should look natural", "make it pleasing to the eye", "so that i can frame it", "for my website",
           "as you see fit", "it looks bad now", "so it looks like real life", "any help is appreciated",
           "for a friend")


def pick(rng: np.random.Generator, options: Sequence):
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def _degree(level: int, slot: str, rng: np.random.Generator) -> str:
    return pick(rng, DEGREES[slot][abs(level)])


def join(*parts: str) -> str:
    """The parts that are not empty, with spaces between."""
    return " ".join(part for part in parts if part)


def _body(wishes: Sequence[Wish], detail: int, rng: np.random.Generator) -> tuple[str, bool]:
    """(text, whether it begins with an imperative)."""
    spared = _spared(wishes, rng)
    if spared:
        wishes = [dataclasses.replace(wish, place="") for wish in wishes]
    shared = _shared(wishes, detail, rng) if len(wishes) > 1 and rng.random() < 0.4 else None
    if shared is not None:
        clauses = [shared]
    else:
        clauses = [_clause(wish, detail, rng) for wish in wishes]
    text = clauses[0][0]
    for i, (clause, _) in enumerate(clauses[1:], 1):
        last = i == len(clauses) - 1
        text += pick(rng, (" and ", ", ", ", and ", " but " if wishes[i].level * wishes[i - 1].level < 0 else " and ",
                            ". ", "; ") if last else (", ", ". ", ", ", "; ", " and "))
        text += clause
    if spared:
        text += _sparing(spared, rng)
    elif _keepable(wishes) and rng.random() < (0.04, 0.08, 0.15)[detail]:
        text += _keep(wishes, rng)
    return text, clauses[0][1]


def _spared(wishes: Sequence[Wish], rng: np.random.Generator) -> str:
    """The place that is said to stay, of wishes that are all for the rest; "" for none."""
    place, *others = {wish.place for wish in wishes}
    return SPARED[place] if not others and place in SPARED and rng.random() < SPARING else ""


def _sparing(place: str, rng: np.random.Generator) -> str:
    """", but keep the sky"."""
    said = pick(rng, SPARE).replace("{p}", pick(rng, PLACE_WORDS[place]))
    return (", " if said.split()[0] in _NEW or rng.random() < 0.5 else " ") + said


_NEW = ("keep", "leave", "do", "don't")  # what begins a clause of its own


def _keepable(wishes: Sequence[Wish]) -> list[str]:
    if any(w.attribute in STYLES or w.attribute == "mono" for w in wishes):
        return []
    asked = {w.attribute for w in wishes} | ({"saturation"} if any(w.attribute == "pop" for w in wishes) else set())
    return [name for name in _KEEPABLE if name not in asked]


def _keep(wishes: Sequence[Wish], rng: np.random.Generator) -> str:
    said = pick(rng, KEEP).replace("{n}", pick(rng, _KEEPABLE[pick(rng, _keepable(wishes))]))
    dependent = said.split()[0] in ("but", "without", "no", "not")
    return pick(rng, (", ", " ") if dependent else (", ", ". ", " and ")) + said


def _words(wish: Wish) -> tuple[Words, Words]:
    """(words of the wished direction, words of the other)."""
    sign = 1 if wish.level > 0 else -1
    return WORDS.get((wish.attribute, sign), _NO_WORDS), WORDS.get((wish.attribute, -sign), _NO_WORDS)


def _shared(wishes: Sequence[Wish], detail: int, rng: np.random.Generator) -> tuple[str, bool] | None:
    """One verb for all wishes: "make it brighter and slightly warmer", "increase brightness and contrast"."""
    if any(w.attribute in STYLES or w.value is not None or w.place != wishes[0].place for w in wishes):
        return None
    where = pick(rng, PLACE_WORDS[wishes[0].place]) if wishes[0].place else ""
    words = [_words(w)[0] for w in wishes]
    if all(w.adjectives for w in words):
        parts = [join(_degree(w.level, "before", rng), pick(rng, ws.adjectives))
                 for w, ws in zip(wishes, words, strict=True)]  # fmt: skip
        head = where if detail == 0 else join(pick(rng, SET), where or pick(rng, WHOLE))
        return join(head, _listed(parts, rng)), detail > 0
    same = {(w.level > 0, abs(w.level)) for w in wishes}
    own = [_axis_nouns(w) for w in wishes]
    if len(same) == 1 and all(own):
        nouns = [pick(rng, ns) for ns in own]
        sign = 1 if wishes[0].level > 0 else -1
        verb = pick(rng, RAISE if sign > 0 else LOWER)
        the = pick(rng, ("", "the "))
        place = join(pick(rng, ON), where) if where else ""
        return join(verb, the + _listed(nouns, rng), place, _degree(wishes[0].level, "after", rng)), True
    return None


def _listed(parts: Sequence[str], rng: np.random.Generator) -> str:
    end = pick(rng, (" and ", ", ", " and ", " & " if rng.random() < 0.2 else " and "))
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + end + parts[-1]


def _axis_nouns(wish: Wish) -> tuple[str, ...]:
    return WORDS.get((wish.attribute, 1), _NO_WORDS).nouns if wish.attribute not in ("shadows", "noise") else ()


def _clause(wish: Wish, detail: int, rng: np.random.Generator) -> tuple[str, bool]:
    """One wish → (text, whether it is an imperative)."""
    if wish.attribute in STYLES:
        return _style(wish, detail, rng)
    if wish.value is not None:
        return _numeric(wish, rng)
    forms = _forms(wish, rng)
    allowed = [f for f in forms if (f[2] == 0) == (detail == 0)] or forms
    text, imperative, _ = pick(rng, allowed)
    own = _words(wish)[0]
    if detail and imperative and rng.random() < 0.15:
        text += _purpose(wish, own, rng)
    reasons = [f for f in forms if f[2] == 3]
    if detail == 2 and imperative and reasons and rng.random() < 0.5:
        text, imperative = f"{pick(rng, reasons)[0]}{pick(rng, (', ', '. ', ', so ', ', please '))}{text}", False
    return text, imperative


def _purpose(wish: Wish, own: Words, rng: np.random.Generator) -> str:
    """" so that it looks brighter": why, in words of the same sign."""
    ends = []
    if own.adjectives:
        adjective = pick(rng, own.adjectives)
        ends += [f" so that it looks {adjective}", f" to make it look {adjective}", f" until it looks {adjective}",
                 f" so it appears {adjective}", f", it would look better {adjective}"]  # fmt: skip
    if own.nouns:
        noun = pick(rng, own.nouns)
        ends += [f" to {verb} more {noun}" for verb in ("simulate", "show", "get", "create")]
    if (wish.attribute, wish.level > 0) in _REVEALING:
        ends += _SEEN
    return pick(rng, ends) if ends else ""


_REVEALING = {("brightness", True), ("shadows", True), ("clarity", True), ("sharpness", True), ("haze", False),
              ("noise", False)}  # fmt: skip
_SEEN = (" so that we can see the details", " so everything can be seen", " so the details stand out",
         " so you can see more", " so it is easier to see", " so the faces can be seen clearly",
         " so that the people can be seen", " so the image stands out", " to show the details")  # fmt: skip
_CHANNELS = ("on rgb", "overall", "in the whole image", "throughout the image", "in general", "everywhere",
             "on the rgb channel", "of all channels", "in all layers", "on the layer", "across the image")


def _forms(wish: Wish, rng: np.random.Generator) -> list[tuple[str, bool, int]]:
    """Ways to say it: (text, imperative, register: 0 terse, 1 and 2 plain, 3 a statement of what is wrong).

    Each kind of form appears once, with words drawn for it, so that rich vocabularies do not crowd out poor ones.
    """
    own, other = _words(wish)
    level = wish.level
    where = pick(rng, PLACE_WORDS[wish.place]) if wish.place else ""
    thing = where or pick(rng, WHOLE)
    place = join(pick(rng, ON), where) if where else ""
    bare = where.removeprefix("the ") if rng.random() < 0.5 else where
    before, after = _degree(level, "before", rng), _degree(level, "after", rng)
    adverb, amount, too = (_degree(level, slot, rng) for slot in ("adverb", "amount", "too"))
    some = amount.removesuffix("more").strip()
    forms = []
    if own.verbs:
        verb = pick(rng, own.verbs)
        forms += [(join(verb, bare, after), True, 0), (join(after, verb, bare), False, 0),
                  (join(verb, thing, after), True, 1), (join(adverb, verb, thing), True, 2)]  # fmt: skip
        if " " not in verb:
            forms += [(join(thing, pick(rng, _DONE), _participle(verb), after), False, 2),
                      (join(thing, "needs", some, _gerund(verb)), False, 2)]  # fmt: skip
    if own.adjectives:
        adjective = pick(rng, own.adjectives)
        forms += [(join(before, adjective, bare), False, 0),
                  (join(pick(rng, SET), thing, before, adjective), True, 1),
                  (join("make", thing, pick(rng, ("look", "appear")), before, adjective), True, 2),
                  (join("try making", thing, before, adjective), True, 2),
                  (join(thing, pick(rng, _SHOULD), before, adjective), False, 2)]  # fmt: skip
    if own.results and abs(level) > 1:
        strong = pick(rng, ("very ", "really ", "super ", "extremely ")) if abs(level) == 3 else ""
        result = pick(rng, own.results)
        forms += [(join(pick(rng, SET), thing, strong + result), True, 1)]
    forms += _noun_forms(wish, thing, where, place, rng)
    if own.states:
        state = pick(rng, own.states)
        verb = pick(rng, ("is", "looks", "is", "seems", "appears"))
        if _is_one(thing):
            forms += [(join(thing, verb, too, state), False, 3)]
        clear = too if "too" in too else f"{too} too" if abs(level) == 1 else "too" if abs(level) == 2 else "much too"
        forms += [(join(clear, state), False, 0), (join("make", thing, before, "less", state), True, 1),
                  (join(before, "less", state, bare), False, 0)][0 if not where else 1:]  # fmt: skip
    if own.phrases:
        phrase = join(pick(rng, own.phrases).replace("{p}", ""), place)
        forms += [(join(phrase, after), True, 0), (join(phrase, after), True, 1), (join(adverb, phrase), True, 2)]
    if abs(level) == 1 and own.adjectives and own.results:
        adjective, result = pick(rng, own.adjectives), pick(rng, own.results)
        limit = pick(rng, (f"but not too {result}", "but not by much", "but not too much", f"but not so {result}"))
        forms += [(join(pick(rng, SET), thing, adjective, limit), True, 2)]
    if other.adjectives and own.adjectives and abs(level) == 2:
        wrong, right = pick(rng, other.adjectives), pick(rng, own.adjectives)
        forms += [(f"don't make {thing} {wrong}, make it {right}", True, 2)]
    return forms


def _is_one(thing: str) -> bool:
    """Whether "is" and "has" go with it."""
    return thing.startswith("everything") or not thing.endswith("s") or thing in ("this", "the grass")


def _noun_forms(wish: Wish, thing: str, where: str, place: str,
                rng: np.random.Generator) -> list[tuple[str, bool, int]]:  # fmt: skip
    """More of what there should be, less of its opposite."""
    own, other = _words(wish)
    before, after, amount = (_degree(wish.level, slot, rng) for slot in ("before", "after", "amount"))
    some = amount.removesuffix("more").strip()
    forms = []
    if own.nouns:
        noun = pick(rng, own.nouns)
        forms += [(join(before, "more", noun, place), False, 0), (join("add", amount, noun, place), True, 1),
                  (join(_gerunded(RAISE, rng), "the", noun, place, after), True, 2),
                  (join(pick(rng, ("make", "put", "give")), amount, noun, place), True, 1),
                  (join("higher", noun, place), False, 0),
                  (join(thing, "needs", before, "more", noun), False, 2),
                  (join("give", thing, before, "more", noun), True, 2)]  # fmt: skip
        forms += _turned(RAISE, "up", noun, where, place, after, rng)
        little = _degree(wish.level, "little", rng)
        forms += [(join(little, noun, place), False, 0), (join("there is", little, noun, place), False, 3)]
        forms += [(join(thing, _degree(wish.level, "lack", rng), noun), False, 3)] if _is_one(thing) else []
    if other.nouns:
        noun = pick(rng, other.nouns)
        forms += [(join(before, "less", noun, place), False, 0), (join("take away", some, noun, place), True, 2),
                  (join(_gerunded(LOWER, rng), "the", noun, place, after), True, 2),
                  (join("lower", noun, place), False, 0),
                  (join(pick(rng, ("reduce", "remove", "cut")), "the excessive", noun, place), True, 2)]  # fmt: skip
        forms += _turned(LOWER, "down", noun, where, place, after, rng)
        excess = _degree(wish.level, "excess", rng)
        forms += [(join(excess, noun, place), False, 0), (join("there is", excess, noun, place), False, 3)]
        forms += [(join(thing, "has", excess, noun), False, 3)] if _is_one(thing) else []
    return forms


def _turned(verbs: Sequence[str], way: str, noun: str, where: str, place: str, after: str,
            rng: np.random.Generator) -> list[tuple[str, bool, int]]:  # fmt: skip
    """"increase the contrast", "contrast up": a noun turned up or down."""
    forms = [(join(pick(rng, verbs), noun, place, after), True, 0),
             (join(pick(rng, verbs), "the", noun, place, after), True, 1)]  # fmt: skip
    if where:
        return forms
    of = pick(rng, ("of it", "of the photo", "of the image", "of this picture", *_CHANNELS))
    whose, change = pick(rng, ("image's", "photo's", "picture's")), "higher" if way == "up" else "lower"
    return forms + [
        (join(noun, way, after), False, 0), (join(pick(rng, verbs), "the", noun, of, after), True, 1),
        (join(pick(rng, verbs), "the", whose, noun, after), True, 1),
        (join("the", noun, pick(rng, _DONE), _participle(pick(rng, verbs[:2])), after), False, 2),
        (join("change the", noun, "to a", change, "value"), True, 2)]  # fmt: skip


def _gerunded(verbs: Sequence[str], rng: np.random.Generator) -> str:
    """"try increasing", "i suggest lowering"."""
    return join(pick(rng, ("try", "start by", "i suggest", "consider", "by")), _gerund(pick(rng, verbs[:2])))


def _gerund(verb: str) -> str:
    return (verb.removesuffix("e") if verb.endswith("e") else verb + _doubled(verb)) + "ing"


def _participle(verb: str) -> str:
    return verb + ("d" if verb.endswith("e") else _doubled(verb) + "ed")


def _doubled(verb: str) -> str:
    return verb[-1] if verb in ("dim", "blur", "tan", "fog", "defog", "unblur", "deblur") and verb[-1] != "r" else (
        "r" if verb.endswith("blur") else "")


_DONE = ("should be", "needs to be", "must be", "has to be", "could be", "can be")
_SHOULD = ("should be", "needs to be", "could be", "has to be", "should look", "must be")


def _numeric(wish: Wish, rng: np.random.Generator) -> tuple[str, bool]:
    """A number said by the user, in the slider's own unit; percent of a stop for brightness in percent."""
    noun = pick(rng, NUMERIC[wish.attribute])
    value, sign = abs(wish.value), 1 if wish.value > 0 else -1
    verb = pick(rng, RAISE if sign > 0 else LOWER)
    number = f"{value:g}"
    if wish.attribute == "brightness":
        stops = rng.random() < 0.6
        number = f"{value:g}" if stops else f"{round(value * 100)}"
        unit = pick(rng, ("", " stops", " ev")) if stops else pick(rng, ("%", " percent", "%"))
    else:
        unit = pick(rng, ("", "", "%", " percent", " points"))
    plus = "+" if sign > 0 else "-"
    way = "up" if sign > 0 else "down"
    forms = ((f"{noun} {plus}{number}{unit}", False), (f"{verb} {noun} by {number}{unit}", True),
             (f"{verb} the {noun} by {number}{unit}", True), (f"{noun} {way} {number}{unit}", False),
             (f"{verb} the {noun} about {number}{unit}", True))  # fmt: skip
    if wish.attribute == "brightness" and unit.strip() in ("", "%") and rng.random() < 0.4:
        verb = pick(rng, ("brighten", "lighten") if sign > 0 else ("darken", "dim"))
        return f"{verb} {pick(rng, WHOLE)} by {round(value * 100)}%", True
    if unit in (" stops", " ev", " percent"):
        forms = forms[1:]
    return pick(rng, forms)


def _style(wish: Wish, detail: int, rng: np.random.Generator) -> tuple[str, bool]:
    style, noun, thing = pick(rng, STYLE_WORDS[wish.attribute]), pick(rng, STYLE_NOUNS), pick(rng, WHOLE)
    if style.startswith("like"):
        return f"make {thing} look {style}", True
    degree = _degree(wish.level, "before", rng) if wish.level != 2 else ""
    if detail == 0:
        return pick(rng, ((join(degree, style), False), (join(degree, style, noun), False)))
    strong = {1: "subtle", 2: "", 3: "strong"}[wish.level]
    article = "an" if (strong or style)[0] in "aeiou" else "a"
    return pick(rng, (
        (join("make", thing, "look", degree, style), True), (join("give", thing, article, strong, style, noun), True),
        (join("i want", article, strong, style, noun), False), (join("add", article, strong, style, noun), True),
        (join("make", thing, degree, style), True), (join("edit", thing, "with", article, strong, style, noun), True),
        (join("it should have", article, strong, style, noun), False),
        (join("turn", thing, "into", article, strong, style, "photo"), True),
    ))  # fmt: skip


def _finish(body: tuple[str, bool], detail: int, rng: np.random.Generator) -> str:
    """Manners, spelling and punctuation."""
    text, imperative = body
    question = False
    if imperative and rng.random() < (0.05, 0.3, 0.45)[detail]:
        manner = pick(rng, POLITE)
        text = f"{manner} {text}"
        question = manner.split()[-1] == "you" or manner.startswith(("can", "could", "would", "hey"))
        question = question and "to" not in manner.split()[-2:]
    elif rng.random() < 0.08:
        text += pick(rng, (" please", ", please", ", thanks", ", thank you", " if possible", ", if you can"))
    if rng.random() < 0.15:
        text = text.replace("color", "colour")
    ends = ("", "?", "?") if question else ("", ".", "", "!" if rng.random() < 0.1 else ".")
    end = pick(rng, ends)
    if rng.random() < 0.5:
        text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    return " ".join(text.split()) + end
