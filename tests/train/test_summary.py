"""The report of a run from its files."""

import json

from ml_collections import ConfigDict

from rtq.train import summary

ROWS = [
    {"step": 0, "validation/delta_e": 8.0, "validation/own": 1.0},
    {"step": 5, "policy/reward": 0.5},
    {"step": 10, "validation/delta_e": 6.5, "validation/own": None, "validation/truth": 0.25},
]


def write(folder):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for split, count in (("train", 40), ("validation", 7)):
        (folder / "data" / split).mkdir(parents=True)
        made = {"photos": 3, "examples": count, "kinds": {"vague": count}, "drawn": 99}
        made["dropped"] = {"unclear intent": 5}
        (folder / "data" / split / "report.json").write_text(json.dumps(made))
    summary.write(ConfigDict({"data": {"dir": ""}, "seed": 77}), folder, "GRPO", dropped={"edit": 4321})
    return (folder / "report" / "index.html").read_text()


def test_first_and_last_evaluations(tmp_path):
    write(tmp_path)
    found = summary.held_out(tmp_path / "metrics.jsonl")
    assert found["delta_e"] == ((0, 8.0), (10, 6.5))
    assert found["own"] == ((0, 1.0), (0, 1.0))  # what is no number is left out
    assert found["truth"] == ((10, 0.25), (10, 0.25))


def test_the_page_says_what_came_of_it(tmp_path):
    page = write(tmp_path)
    for words in (f"GRPO: {tmp_path.name}", "8 → 6.5", "ΔE2000 to the user&#x27;s edit", "unclear intent", "vague",
                  "77", "4321", "step 0", "step 10", "python -m rtq.main"):  # fmt: skip
        assert words in page, words
