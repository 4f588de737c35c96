"""Writes the request: wishes → words, three times: terse, plain, detailed."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from rtq.data import nouns
from rtq.data.attributes import STYLES, Wish
from rtq.data.phrasing import DONE, degree, gerund, is_one, join, participle, pick, words_of
from rtq.data.vocabulary import NUMERIC, PLACE_WORDS, STYLE_NOUNS, STYLE_WORDS, VAGUE, Words
from rtq.data.wording import COMPLAINTS, KEEP, LOWER, ON, POLITE, RAISE, SET, SPARE, WHOLE

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


_JOINTS = (", ", ". ", ", ", "; ", " and ")
_LAST = (" and ", " and ", ", ", ", and ", ". ", "; ", ", then ", ". also, ", " and also ", " as well as ")


def _body(wishes: Sequence[Wish], detail: int, rng: np.random.Generator) -> tuple[str, bool]:
    """(text, whether it begins with an imperative)."""
    spared = _spared(wishes, rng)
    if spared:
        wishes = [dataclasses.replace(wish, place="") for wish in wishes]
    # Of three wishes sometimes the first two share words.
    together = len(wishes) - (len(wishes) > 2 and rng.random() < 0.5)
    shared = _shared(wishes[:together], detail, rng) if len(wishes) > 1 and rng.random() < 0.4 else None
    if shared is not None:
        said = [wishes[0], *wishes[together:]]
        clauses = [shared] + [_clause(wish, detail, rng) for wish in said[1:]]
    else:
        said = wishes
        clauses = [_clause(wish, detail, rng) for wish in wishes]
    text = clauses[0][0]
    for i, (clause, _) in enumerate(clauses[1:], 1):
        last = i == len(clauses) - 1
        joints = _LAST if last else _JOINTS
        text += pick(rng, joints + (" but ",) if last and said[i].level * said[i - 1].level < 0 else joints)
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


def _shared(wishes: Sequence[Wish], detail: int, rng: np.random.Generator) -> tuple[str, bool] | None:
    """One verb for all wishes: "make it brighter and slightly warmer", "increase brightness and contrast"."""
    if any(w.attribute in STYLES or w.value is not None or w.place != wishes[0].place for w in wishes):
        return None
    where = pick(rng, PLACE_WORDS[wishes[0].place]) if wishes[0].place else ""
    words = [words_of(w)[0] for w in wishes]
    if all(w.adjectives for w in words):
        parts = [join(degree(w.level, "before", rng), pick(rng, ws.adjectives))
                 for w, ws in zip(wishes, words, strict=True)]  # fmt: skip
        head = where if detail == 0 else join(pick(rng, SET), where or pick(rng, WHOLE))
        return join(head, _listed(parts, rng)), detail > 0
    same = {(w.level > 0, abs(w.level)) for w in wishes}
    after, adverb = (degree(wishes[0].level, slot, rng) for slot in ("after", "adverb"))
    first = rng.random() < 0.3  # "slightly increase …"
    if len({size for _, size in same}) == 1 and all(w.verbs for w in words) and rng.random() < 0.5:
        verbs = _listed([pick(rng, w.verbs) for w in words], rng)
        thing = where or pick(rng, WHOLE)
        return join(adverb, verbs, thing) if first else join(verbs, thing, after), True
    own = [_axis_nouns(w) for w in wishes]
    if len(same) == 1 and all(own):
        said = [pick(rng, ns) for ns in own]
        sign = 1 if wishes[0].level > 0 else -1
        verb = pick(rng, RAISE if sign > 0 else LOWER)
        the = pick(rng, ("", "the "))
        place = join(pick(rng, ON), where) if where else ""
        what = join(verb, the + _listed(said, rng), place)
        return join(adverb, what) if first else join(what, after), True
    return None


def _listed(parts: Sequence[str], rng: np.random.Generator) -> str:
    end = pick(rng, (" and ", ", ", " and ", " & " if rng.random() < 0.2 else " and "))
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + end + parts[-1]


def _axis_nouns(wish: Wish) -> tuple[str, ...]:
    return words_of(dataclasses.replace(wish, level=1))[0].nouns if wish.attribute not in ("shadows", "noise") else ()


def _clause(wish: Wish, detail: int, rng: np.random.Generator) -> tuple[str, bool]:
    """One wish → (text, whether it is an imperative)."""
    if wish.attribute in STYLES:
        return _style(wish, detail, rng)
    if wish.value is not None:
        return _numeric(wish, rng)
    forms = _forms(wish, rng)
    allowed = [f for f in forms if (f[2] == 0) == (detail == 0)] or forms
    text, imperative, _ = pick(rng, allowed)
    own = words_of(wish)[0]
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
    goal, opposite = pick(rng, _GOALS)
    if wish.level > 0 or wish.attribute != opposite:
        ends += [goal]
    return pick(rng, ends) if ends else ""


# What an edit is for may name anything: only what is asked for is done. Beside each: of what less would belie it.
_GOALS = ((" so that the colors pop", "saturation"), (" so the colors stand out", "saturation"),
          (" to bring out the colors", "saturation"), (" so it does not look so gray", "saturation"),
          (" so the sky looks blue", "blues"), (" so the grass looks green", "greens"),
          (" to show more contrast", "contrast"), (" to add some drama", "contrast"),
          (" for a dramatic effect", "contrast"), (" to make it look sharper", "sharpness"),
          (" to bring out the details", "sharpness"), (" giving it a romantic feel", ""), (" to set the mood", ""),
          (" so it looks more natural", ""), (" to bring out the subject", ""))  # fmt: skip
_REVEALING = {("brightness", True), ("shadows", True), ("clarity", True), ("sharpness", True), ("haze", False),
              ("noise", False)}  # fmt: skip
_SEEN = (" so that we can see the details", " so everything can be seen", " so the details stand out",
         " so you can see more", " so it is easier to see", " so the faces can be seen clearly",
         " so that the people can be seen", " so the image stands out", " to show the details")  # fmt: skip
def _forms(wish: Wish, rng: np.random.Generator) -> list[tuple[str, bool, int]]:
    """Ways to say it: (text, imperative, register: 0 terse, 1 and 2 plain, 3 a statement of what is wrong).

    Each kind of form appears once, with words drawn for it, so that rich vocabularies do not crowd out poor ones.
    """
    own, other = words_of(wish)
    level = wish.level
    where = pick(rng, PLACE_WORDS[wish.place]) if wish.place else ""
    thing = where or pick(rng, WHOLE)
    place = join(pick(rng, ON), where) if where else ""
    bare = where.removeprefix("the ") if rng.random() < 0.5 else where
    before, after = degree(level, "before", rng), degree(level, "after", rng)
    adverb, amount, too = (degree(level, slot, rng) for slot in ("adverb", "amount", "too"))
    some = amount.removesuffix("more").strip()
    forms = []
    if own.verbs:
        verb = pick(rng, own.verbs)
        forms += [(join(verb, bare, after), True, 0), (join(after, verb, bare), False, 0),
                  (join(verb, thing, after), True, 1), (join(adverb, verb, thing), True, 2)]  # fmt: skip
        if " " not in verb:
            forms += [(join(thing, pick(rng, DONE), participle(verb), after), False, 2),
                      (join(thing, "needs", some, gerund(verb)), False, 2)]  # fmt: skip
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
        if " " not in result:
            forms += [(join("make", thing, strong and before, "more", result), True, 2)]
    forms += nouns.forms(wish, thing, where, place, rng)
    if own.states:
        state = pick(rng, own.states)
        verb = pick(rng, ("is", "looks", "is", "seems", "appears", "came out", "turned out", "ended up"))
        if is_one(thing):
            complaint = pick(rng, COMPLAINTS).replace("{t}", thing).replace("{s}", join(too, state))
            forms += [(join(thing, verb, too, state), False, 3), (complaint, False, 3)]
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
    by = degree(wish.level, "before", rng) if wish.level != 2 else ""
    if detail == 0:
        return pick(rng, ((join(by, style), False), (join(by, style, noun), False)))
    strong = {1: "subtle", 2: "", 3: "strong"}[wish.level]
    article = "an" if (strong or style)[0] in "aeiou" else "a"
    return pick(rng, (
        (join("make", thing, "look", by, style), True), (join("give", thing, article, strong, style, noun), True),
        (join("i want", article, strong, style, noun), False), (join("add", article, strong, style, noun), True),
        (join("make", thing, by, style), True), (join("edit", thing, "with", article, strong, style, noun), True),
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
    if rng.random() < 0.2:
        text = re.sub(r"\bthe ", "", text)  # "brighten photo, enhance colors"
    ends = ("", "?", "?") if question else ("", ".", "", "!" if rng.random() < 0.1 else ".")
    end = pick(rng, ends)
    if rng.random() < 0.5:
        text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    return " ".join(text.split()) + end
