"""Supervised fine-tuning of the policy: (photo, request) → answer, and the two tasks beside it.

    python -m rtq.main --config=experiments/sft.py --workdir=runs/sft
    python -m rtq.main --config=experiments/sft.py:smoke --workdir=runs/smoke
    python -m rtq.main --config=experiments/sft.py:7b --workdir=runs/sft-7b --config.policy.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); one accelerator of 80 GB or a pod slice (3b, 7b, low-rank factors).
The studio makes the examples first, in DIR/data, unless they are there. Weights end up in DIR/policy.
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.base(preset)
    config.task = "sft"
    config.trained = "policy"
    config.steps = common.of(preset, pocket=1500, smoke=6, large=3000)
    config.batch = common.of(preset, pocket=32, smoke=4, large=64)
    config.micro = common.of(preset, pocket=1, large=4)
    tasks = {"edit": 1.0} if preset == "smoke" else {"edit": 0.7, "refine": 0.15, "summarise": 0.15}
    config.tasks = ConfigDict(tasks)  # shares of the updates
    return config
