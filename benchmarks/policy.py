"""What the embedded policy can do, over several seeds, on photos that nothing was trained on.

    python benchmarks/policy.py --photos FOLDER --requests FOLDER --regressor FOLDER --workdir runs/policy

`experiments/evaluate.py` once for each seed: other examples, frames, combinations, wordings and samples; people's
requests and spoiled photos are the same in all. Runs that are done are kept. Prints the table of
benchmarks/results/pocket.md: mean over seeds ± standard error of that mean, and beside it the standard error by photo
within a seed, which also says what other photos would change.
"""

import argparse
import pathlib
from collections.abc import Sequence

from rewards import evaluated, over, table

from rtq.eval import report

NAME = "sft"
SIGNS = {"people": "requests by people", "frames": "held-out frames", "combinations": "held-out combinations",
         "signs": "new requests of the studio", "graded": "slightly < plainly < a lot"}  # fmt: skip
FIGURES = {"looking": "gain on vague requests", "swapped": "the same, another photo shown",
           "delta_e": "ΔE2000 to the user's edit", "sc": "SC", "pq": "PQ", "o": "O", "weak": "ΔE2000 of weak edits",
           "refined": "after feedback on them", "summarised": "from its own summary of the user's edit"}  # fmt: skip
SAMPLED = {"delta_e": "sampled: ΔE2000", "o": "sampled: O"}
VALID = {"unconstrained": "readable without the grammar", "constrained": "with it"}


def row(name: str, figures: Sequence[tuple[float, float]], note: str = "") -> list[str]:
    """A line of the table. figures: (mean, standard error by photo) of each seed."""
    within = sum(error for _, error in figures) / len(figures)
    return [name, over(figures), f"{within:.3f}", note]


def rows(found: Sequence[dict]) -> list[list[str]]:
    """All lines. found: evaluation.json of each seed."""
    some = [one["policies"][NAME] for one in found]
    out = [row(title, [one[key]["right"] for one in some], ", ".join(str(one[key]["count"]) for one in some))
           for key, title in SIGNS.items() if key in some[0]]  # fmt: skip
    out += [row(title, [one[key] for one in some]) for key, title in FIGURES.items()]
    out += [row(title, [one["sampled"][key] for one in some]) for key, title in SAMPLED.items()]
    out += [[title, f"{sum(one[key]['share'] for one in some) / len(some):.3f}", "", ""]
            for key, title in VALID.items()]  # fmt: skip
    out.append(row("untouched: ΔE2000", [one["untouched"]["delta_e"] for one in found]))
    out.append(row("untouched: O", [one["untouched"]["o"] for one in found]))
    if "regressor" in found[0]:
        out.append(row("regressor: gain on vague requests", [one["regressor"] for one in found]))
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder nothing was trained on")
    parser.add_argument("--policy", default="embedded:policy-sft")
    parser.add_argument("--requests", default="", help="folder with requests by people (docs/evaluation.md)")
    parser.add_argument("--regressor", default="", help="folder of training photos for the regressor")
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--count", type=int, default=320, help="test examples of a seed")
    parser.add_argument("--sampled", type=int, default=100, help="of these with sampled answers")
    flags = parser.parse_args(arguments)
    same = (f"policies={NAME}={flags.policy}", f"photos={flags.photos}", "split=all", f"requests={flags.requests}",
            f"regressor={flags.regressor}", f"count={flags.count}", f"ordered={flags.sampled}", "wordings=2",
            "batch=32")  # fmt: skip
    found = [evaluated(flags.workdir / str(seed), (*same, f"seed={seed}")) for seed in flags.seeds]
    print(f"{found[0]['photos']} photos, {flags.count} examples, seeds {', '.join(map(str, flags.seeds))}; mean L1 of "
          f"spoiled photos {found[0]['spoiled_l1'][0]:.2f} of 255; {report.describe_hardware()}\n")  # fmt: skip
    print("\n".join(table(["", "mean ± over seeds", "± by photo", "requests"], rows(found))))


if __name__ == "__main__":
    main()
