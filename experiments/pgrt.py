"""Policy-guided reward training: the policy and its judge learn in turns.

    python -m rtq.main --config=experiments/pgrt.py --workdir=runs/pgrt
    python -m rtq.main --config=experiments/pgrt.py:7b --workdir=runs/pgrt-7b --config.policy.checkpoint=FOLDER \\
        --config.reward.checkpoint=FOLDER

Hardware: 2 cores (pocket, smoke); a pod slice (3b, 7b, low-rank factors).
A round is `policy_steps` steps of GRPO, then `reward_steps` steps of the reward model, whose weak edits are recent
answers of the policy.
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.reinforcement(preset)
    config.task = "pgrt"
    config.steps = common.of(preset, pocket=20, smoke=1, large=50)  # rounds
    config.rounds = ConfigDict({
        "policy_steps": common.of(preset, pocket=8, smoke=1),
        "reward_steps": common.of(preset, pocket=4, smoke=1),
        "buffer": common.of(preset, pocket=512, smoke=8),  # recent answers of the policy that serve as weak edits
        "perturbed": 0.25,  # share of the reward model's pairs that are the studio's
        "margin": 2.0,  # a pair counts only where the two edits differ by this much in CIE ΔE2000
    })
    config.critique = ConfigDict({
        "group": common.of(preset, pocket=8, smoke=2),  # critiques of each pair
        "learning_rate": common.of(preset, pocket=1e-4, large=1e-5),
    })
    return config
