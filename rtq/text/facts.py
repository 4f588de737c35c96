"""Quantised facts about a photo, as reasoning writes them: `[luma 7][spread 3][cast 9][chroma 5]`.

Each fact is one token of the pocket tokenizer. `[luma 7]` is a level of one photo, 0 to 14; `[luma +3]` is the change
between two photos, -7 to +7. What is measured is decided where photos are measured; of a change more is measured than
of one photo, since it must tell edits apart.
"""

import re
from collections.abc import Mapping, Sequence

FACTS = ("luma", "spread", "cast", "chroma")
CHANGES = (*FACTS, "tint", "detail", "darks", "lights", "rim", "top", "side")
LEVELS = 15
MAX_CHANGE = 7
_FACT = re.compile(rf"\[({'|'.join(CHANGES)}) ([+-]?)(\d{{1,2}})\]")


def facts_text(levels: Mapping[str, int]) -> str:
    """Levels 0 to 14 by name → text, in the order of `FACTS`; names may be left out."""
    _check(levels, FACTS, 0, LEVELS - 1)
    return "".join(f"[{name} {levels[name]}]" for name in FACTS if name in levels)


def changes_text(changes: Mapping[str, int]) -> str:
    """Changes of level, -7 to +7, by name → text, in the order of `CHANGES`; names may be left out."""
    _check(changes, CHANGES, -MAX_CHANGE, MAX_CHANGE)
    return "".join(f"[{name} {changes[name]:+d}]" for name in CHANGES if name in changes)


def moves_text(should: Mapping[str, int], change: Mapping[str, int]) -> str:
    """Of each of `CHANGES` what it should be, what it is, and the error: the difference, clipped.

    Side by side, since a small model compares neighbours sooner than it looks numbers up.
    """
    errors = {name: max(-MAX_CHANGE, min(MAX_CHANGE, change[name] - should[name])) for name in CHANGES}
    return "".join(changes_text({name: row[name]}) for name in CHANGES for row in (should, change, errors))


def seen_text(before: Mapping[str, int], after: Mapping[str, int], change: Mapping[str, int]) -> str:
    """All that is measured of an edit: the levels of both photos, and the changes."""
    return facts_text(before) + facts_text(after) + changes_text(change)


def read_facts(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """(levels, changes) found anywhere in a text, the first of each name; values out of range are ignored."""
    levels: dict[str, int] = {}
    changes: dict[str, int] = {}
    for name, sign, digits in _FACT.findall(text):
        value = int(sign + digits)
        if sign and abs(value) <= MAX_CHANGE:
            changes.setdefault(name, value)
        elif not sign and name in FACTS and value < LEVELS:
            levels.setdefault(name, value)
    return levels, changes


def all_facts() -> tuple[str, ...]:
    """Every fact there is: 60 levels, then 165 changes."""
    levels = tuple(facts_text({name: level}) for name in FACTS for level in range(LEVELS))
    return levels + tuple(changes_text({n: c}) for n in CHANGES for c in range(-MAX_CHANGE, MAX_CHANGE + 1))


def _check(values: Mapping[str, int], names: Sequence[str], lo: int, hi: int) -> None:
    for name, value in values.items():
        if name not in names:
            raise ValueError(f"fact {name!r} is unknown; allowed: {', '.join(names)}")
        if not lo <= value <= hi:
            raise ValueError(f"fact {name}: {value} is out of range; allowed: {lo} to {hi}")
