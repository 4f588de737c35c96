"""Figures of an evaluation as a person reads them."""

from collections.abc import Mapping
from typing import Any

from rtq.eval import report

Figure = tuple[float, float]  # mean and its standard error
WORDS = {
    "signs": "new requests", "frames": "held-out frames", "combinations": "held-out combinations",
    "people": "requests by people", "graded": "slightly < plainly < a lot",
}  # fmt: skip
SIDES = {
    "train": "TRAINING photos: models may have seen them", "validation": "validation photos: none was trained on",
    "test": "test photos: none was trained on", "all": "photos of a folder that nothing should have been trained on",
}  # fmt: skip
MOST_WORDS = 40


def of_photos(found: Mapping[str, Any]) -> str:
    """"228 photos of a folder that …": what stands behind the figures."""
    return f"{found['photos']} {SIDES[found['split']]}"


def tables(found: Mapping[str, Any]) -> list[report.Table]:
    """All tables of the report."""
    out = [_edits(found)]
    if any("looking" in row for row in found["policies"].values()):
        out += [_words(found), _looking(found), _others(found)]
    if found["rewards"]:
        out.append(_rewards(found))
    if "out_of_vocabulary" in found:
        out.append(_unknown(found))
    return out


def _edits(found: Mapping[str, Any]) -> report.Table:
    names = ("delta_e", "sc", "pq", "o")
    rows = {"untouched photo": found["untouched"], **found["policies"], "user's edit": found["users"]}
    head = ["", "ΔE2000 to the user's", "SC", "PQ", "O", "ΔE2000 less the first policy's", "O less the first policy's",
            "sampled: ΔE2000", "sampled: O"]  # fmt: skip
    cells = []
    for name, row in rows.items():
        parts = {part: row[part] for part in ("lead", "sampled") if part in row}
        whole = row | {f"{part}_{key}": value for part, some in parts.items() for key, value in some.items()}
        keys = (*names, "lead_delta_e", "lead_o", "sampled_delta_e", "sampled_o")
        cells.append([name, *(_figure(found, whole[key]) if key in whole else "" for key in keys)])
    return report.Table(
        "Edits", head, cells,
        "Less ΔE2000 is nearer to what the user did; SC, PQ and O are truth, 0 to 10, measured in pixels. Rank "
        f"correlation of the annotator's scores and O over weak and users' edits: {found['annotator']:.2f}.",
    )  # fmt: skip


def _others(found: Mapping[str, Any]) -> report.Table:
    rows = [[name, *(_figure(found, row[key]) for key in ("weak", "refined", "summarised"))]
            for name, row in found["policies"].items()]  # fmt: skip
    head = ["", "weak edit", "after feedback on it", "from own summary of the user's edit"]
    return report.Table("Feedback and summaries: ΔE2000 to the user's edit", head, rows)


def _words(found: Mapping[str, Any]) -> report.Table:
    rows = []
    for name, row in found["policies"].items():
        shares = [f"{_percent(found, row[key]['right'])} of {row[key]['count']}" if key in row else "not measured"
                  for key in WORDS]  # fmt: skip
        valid = [f"{100 * row[key]['share']:.1f}%" for key in ("unconstrained", "constrained")]
        rows.append([name, *shares, *valid])
    head = ["", *WORDS.values(), "readable without grammar", "with it"]
    return report.Table("Words", head, rows, "All signs that a request asks for are right, measured in pixels.")


def _looking(found: Mapping[str, Any]) -> report.Table:
    rows = [
        [name, _figure(found, row["looking"]), _figure(found, row["swapped"]) if "swapped" in row else "one photo only"]
        for name, row in found["policies"].items()
    ]  # fmt: skip
    rows += [["regressor", _figure(found, found["regressor"]), ""]] if "regressor" in found else []
    return report.Table(
        "Looking: vague requests on spoiled photos", ["", "gain", "gain with another photo"], rows,
        f"Gain: 1 − mean L1 after / mean L1 before, which is {found['spoiled_l1'][0]:.2f} of 255.",
    )  # fmt: skip


def _rewards(found: Mapping[str, Any]) -> report.Table:
    rows = [
        [judge, name, row["pairs"], _figure(found, row["accuracy"]), _figure(found, row["lead"]),
         _figure(found, row["rank_correlation"])]
        for judge, policies in found["rewards"].items() for name, row in policies.items()
    ]  # fmt: skip
    head = ["reward model", "policy", "pairs", "user's edit ahead", "more often than the first",
            "rank correlation with truth"]  # fmt: skip
    return report.Table("Reward models", head, rows)


def _unknown(found: Mapping[str, Any]) -> report.Table:
    some = list(found["out_of_vocabulary"].items())
    text = ", ".join(f"{word} ({count})" for word, count in some[:MOST_WORDS])
    return report.Table("Words of people that no training request has", ["words", "occurrences", "most frequent"],
                        [[len(some), sum(count for _, count in some), text]])  # fmt: skip


def _figure(found: Mapping[str, Any], figure: Figure) -> str:
    return f"{figure[0]:.3f}" if found["photos"] == 1 else f"{figure[0]:.3f} ± {figure[1]:.3f}"


def _percent(found: Mapping[str, Any], figure: Figure) -> str:
    mean, error = 100 * figure[0], 100 * figure[1]
    return f"{mean:.1f}%" if found["photos"] == 1 else f"{mean:.1f}% ± {error:.1f}"
