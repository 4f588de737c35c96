"""Measures policies and reward models on photos that they have not seen: evaluation.json and a report in the workdir.

    python -m rtq.main --config=experiments/evaluate.py --workdir=runs/evaluate
    python -m rtq.main --config=experiments/evaluate.py --workdir=runs/evaluate \\
        --config.photos=FOLDER --config.split=all \\
        --config.policies=sft=runs/sft/policy,pgrt=runs/pgrt/policy \\
        --config.rewards=perturbed=runs/reward/reward,pgrt=runs/pgrt/reward

Hardware: 2 cores (pocket, smoke); one accelerator (3b, 7b).
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    common.check(preset)
    return ConfigDict({
        "task": "evaluate",
        "seed": 0,  # of the examples and the samples
        "split_seed": 0,  # config.data.seed of the training whose test photos are meant
        "policies": "",  # "NAME=FOLDER,…"; "": the embedded one
        "rewards": "",  # "NAME=FOLDER,…"; "": none
        "photos": "",  # a folder; "": the photographs that scikit-image and scikit-learn bundle
        "split": "test",  # of the folder; "all" if nothing was trained on any of it
        "requests": "",  # a folder with requests by people (docs/evaluation.md); "": none
        "regressor": "",  # a folder of training photos, for the regressor that a policy's looking is held against
        "edits_only": False,  # leaves out words, looking, other tasks and validity: half the time
        "count": common.of(preset, pocket=200, smoke=4),  # examples
        "wordings": common.of(preset, pocket=4, smoke=1),  # of each attribute, for slightly < plainly < a lot
        "samples": common.of(preset, pocket=8, smoke=2),  # sampled answers to a request
        "ordered": common.of(preset, pocket=200, smoke=2),  # requests with sampled answers, also for reward models
        "batch": common.of(preset, pocket=16, smoke=2),
        "metrics_tokens": common.of(preset, pocket=76, large=512),
        "score_tokens": common.of(preset, pocket=16, large=128),
    })  # fmt: skip
