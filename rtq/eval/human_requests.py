"""What people asked for, labelled by hand: attribute -> sign, for requests of MA5k-Req and GIER (both `val`).

`human_requests.json` holds ids and labels, no texts: those belong to the data sets and are read from the user's copy.
How the labels were made: docs/evaluation.md.
"""

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

PATH = pathlib.Path(__file__).with_name("human_requests.json")
FILES = {"ma5kreq": "instr_ma5kreq/val.jsonl", "gier": "instr_gier/val.jsonl"}

# Positive warmth is warmer, tint more magenta, haze more haze, vignette darker corners, mono black and white.
ATTRIBUTES = (
    "brightness", "contrast", "warmth", "tint", "saturation", "highlights", "shadows", "whites", "blacks",
    "sharpness", "clarity", "haze", "noise", "vignette", "mono", "fade",
)  # fmt: skip
COLOURS = ("red", "orange", "yellow", "green", "aqua", "blue", "purple", "magenta")
REGIONS = ("sky", "background", "subject", "foreground", "face")
ALLOWED = frozenset(
    [
        *ATTRIBUTES,
        *(f"{colour}_{what}" for colour in COLOURS for what in ("saturation", "luminance")),
        *(f"{region}:{attribute}" for region in REGIONS for attribute in ATTRIBUTES),
    ]
)


class HumanRequest(NamedTuple):
    """One request. `signs`: attribute (one of ALLOWED) -> -1 or +1; empty = vague, no direction named."""

    source: str
    id: str
    text: str
    signs: dict[str, int]


def load(path: str | pathlib.Path = PATH) -> dict[str, Any]:
    """Label file: rules, drawn, digest, labels {source: {id: signs}}, vague {source: [ids]}, left_out {why: count}."""
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def join(folder: str | pathlib.Path, human: Mapping[str, Any] | None = None) -> list[HumanRequest]:
    """Labelled and vague requests with their texts, in the file's order, MA5k-Req first.

    Args:
      folder: holds FILES; each line is a JSON object with `id` and `instruction` (ids: docs/evaluation.md).
      human: what `load` returns; the shipped labels when None.

    Raises:
      ValueError: a file or an id is missing, or the texts are not those that were labelled.
    """
    human = load() if human is None else human
    requests = []
    for source, labels in human["labels"].items():
        vague = {name: {} for name in human["vague"][source]}
        wanted = {**labels, **vague}
        texts = _texts(pathlib.Path(folder) / FILES[source], wanted)
        if digest(texts) != human["digest"][source]:
            raise ValueError(f"{folder}/{FILES[source]}: other texts under the labelled ids (see docs/evaluation.md)")
        requests += [HumanRequest(source, name, texts[name], dict(signs)) for name, signs in wanted.items()]
    return requests


def digest(texts: Mapping[str, str]) -> str:
    """SHA-256 (hex) of {id: text}, whatever the order, letter case, spacing and punctuation."""
    words = {name: " ".join(re.findall(r"\w+", text.lower())) for name, text in texts.items()}
    lines = (f"{name}\t{words[name]}\n" for name in sorted(words))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _texts(path: pathlib.Path, wanted: Mapping[str, Any]) -> dict[str, str]:
    """{id: text} of the wanted ids in a JSON lines file."""
    if not path.is_file():
        raise ValueError(f"no file {path}: the data folder must hold {' and '.join(FILES.values())}")
    found = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                name, text = row["id"], row["instruction"]
            except (json.JSONDecodeError, KeyError, TypeError):
                raise ValueError(f"{path}, line {number}: expected a JSON object with `id` and `instruction`") from None
            if name in wanted:
                found[name] = text
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(f"{path}: {len(missing)} of {len(wanted)} labelled ids are missing, the first is {missing[0]}")
    return found
