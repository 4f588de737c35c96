"""Everything in rtq/assets/pocket from scratch, in stages that go on where they stopped.

    python -m rtq.main --config=experiments/pocket.py --workdir=runs/pocket --config.data.photos=FOLDER

Hardware: 2 cores. Stages: one base for both models (looking and one-slider requests, then everything), the policy and
the reward model from that base, then both in turns (PGRT). A stage that misses its gate stops the run.
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.alternation(preset)
    config.task = "pocket"
    config.policy.checkpoint = config.reward.checkpoint = ""
    config.data = common.base(preset).data
    config.batch = 32 if preset == "pocket" else 4  # rows of a supervised update
    config.evaluation.every = 350 if preset == "pocket" else 4  # steps of a supervised stage
    config.optimizer.learning_rate = 1e-3
    config.prompts = 8 if preset == "pocket" else 2  # of a step of the last stage
    config.rates = ConfigDict({"policy": 1e-4, "reward": 1e-4})  # of the last stage
    short = {} if preset == "pocket" else {"steps": 2, "gate": 0.0}
    config.trained = "policy"
    config.tasks = {}

    def stage(trained, source, steps, kinds, gate, least, schedule, **tasks):
        return ConfigDict({
            "trained": trained, "from": source, "steps": steps, "kinds": kinds, "schedule": schedule, "tasks": tasks,
            "measure": gate, "gate": least,
        } | short)  # fmt: skip

    config.order = ("looking", "base", "policy", "reward")
    # measure: of the validation rows at the end of the stage; gate: the least it must be.
    config.stages = ConfigDict({
        "looking": stage("policy", "", 700, "one", "change/within_one", 0.8, "constant", change=0.6, edit=0.4),
        "base": stage("policy", "looking", 1100, "", "change/within_one", 0.85, "constant", edit=0.45, critique=0.35,
                      change=0.06, refine=0.08, summarise=0.06),
        "policy": stage("policy", "base", 700, "", "edit/accuracy", 0.0, "cosine", edit=0.75, refine=0.15,
                        summarise=0.1),
        "reward": stage("reward", "base", 700, "", "critique/within_one/score", 0.0, "cosine", critique=0.9,
                        change=0.1),
    })  # fmt: skip
    return config
