"""Reinforcement learning of the policy (GRPO) against a scorer that stays as it is.

    python -m rtq.main --config=experiments/grpo.py --workdir=runs/grpo
    python -m rtq.main --config=experiments/grpo.py --workdir=runs/rule --config.scorer.learned=0 --config.scorer.rule=1
    python -m rtq.main --config=experiments/grpo.py:7b --workdir=runs/grpo-7b --config.policy.checkpoint=FOLDER \\
        --config.reward.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); a pod slice (3b, 7b, low-rank factors).
"""

from experiments import common


def get_config(preset="pocket"):
    config = common.reinforcement(preset)
    config.task = "grpo"
    config.steps = common.of(preset, pocket=200, smoke=2, large=500)
    return config
