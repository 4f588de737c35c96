"""Measures a policy, and a reward model if there is one, on photos that it has not seen, and writes a report.

    python -m rtq.main --config=experiments/evaluate.py --workdir=runs/evaluate --config.policy.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); one accelerator (3b, 7b).
"""

from experiments import common


def get_config(preset="pocket"):
    config = common.base(preset)
    config.task = "evaluate"
    config.count = common.of(preset, pocket=200, smoke=4)  # examples of the test photos
    config.batch = common.of(preset, pocket=16, smoke=2)
    return config
