"""Supervised fine-tuning of the reward model on perturbed pairs: (photo, request, edit) → critique.

    python -m rtq.main --config=experiments/reward.py --workdir=runs/reward
    python -m rtq.main --config=experiments/reward.py:7b --workdir=runs/reward-7b --config.reward.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); one accelerator of 80 GB or a pod slice (3b, 7b, low-rank factors).
The studio makes the examples first, in DIR/data, unless they are there. Weights end up in DIR/reward.
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.base(preset)
    config.task = "sft"
    config.trained = "reward"
    config.steps = common.of(preset, pocket=2500, smoke=6, large=3000)
    config.batch = common.of(preset, pocket=32, smoke=4, large=64)
    config.micro = common.of(preset, pocket=1, large=4)
    tasks = {"critique": 1.0} if preset == "smoke" else {"scores": 0.3, "critique": 0.7}
    config.tasks = ConfigDict(tasks)  # shares of the updates
    return config
