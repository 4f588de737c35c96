"""Everything in rtq/assets/pocket from scratch, in stages that go on where they stopped.

    python -m rtq.main --config=experiments/pocket.py --workdir=runs/pocket --config.data.photos=FOLDER

Hardware: 2 cores. Stages: one base for both models (looking and one-slider requests, then everything), the policy and
the reward model from that base, then both in turns (PGRT).
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.reinforcement(preset)
    config.task = "pocket"
    config.stages = ConfigDict({  # steps of each
        "looking": common.of(preset, pocket=2000, smoke=1),
        "base": common.of(preset, pocket=2500, smoke=1),
        "policy": common.of(preset, pocket=2500, smoke=1),
        "reward": common.of(preset, pocket=3000, smoke=1),
        "rounds": common.of(preset, pocket=20, smoke=1),
    })
    return config
