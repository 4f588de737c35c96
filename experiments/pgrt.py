"""Policy-guided reward training: the policy and its judge learn in turns.

    python -m rtq.main --config=experiments/pgrt.py --workdir=runs/pgrt
    python -m rtq.main --config=experiments/pgrt.py:7b --workdir=runs/pgrt-7b --config.policy.checkpoint=FOLDER \\
        --config.reward.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); a pod slice (3b, 7b, low-rank factors).
A round is `policy_steps` steps of GRPO, then `reward_steps` steps of the reward model, whose weak edits are recent
answers of the policy.
"""

from experiments import common


def get_config(preset="pocket"):
    config = common.alternation(preset)
    config.task = "pgrt"
    return config
