"""Everything in rtq/assets/pocket from scratch, in stages that go on where they stopped.

    python -m rtq.main --config=experiments/pocket.py --workdir=runs/pocket --config.data.photos=FOLDER

Hardware: 2 cores. Stages: looking (what photos and edits show, and one-slider requests), a base (the rest of what the
policy does with photos), words (requests without photos), tasks (all of it) and from there the policy (the same, with
a rate that falls) and, by way of scores (judging without photos), the reward model; then both in turns (PGRT). A stage
that misses its gate stops the run.
"""

from ml_collections import ConfigDict

from experiments import common

FACTS = ",".join(f"change/within_one/{fact}" for fact in ("luma", "spread", "cast", "chroma"))


def get_config(preset="pocket"):
    config = common.alternation(preset)
    config.task = "pocket"
    config.policy.checkpoint = config.reward.checkpoint = ""
    config.data = common.base(preset).data
    if preset == "smoke":
        config.data.validation_count = 48  # some of every kind
    config.batch = 32 if preset == "pocket" else 4  # rows of a supervised update
    config.evaluation.every = 500 if preset == "pocket" else 4  # steps of a supervised stage
    config.optimizer.learning_rate, config.optimizer.warmup = 1e-3, 100 if preset == "pocket" else 1
    config.steps = 10 if preset == "pocket" else 1  # rounds of the last stage
    config.prompts = 8 if preset == "pocket" else 2  # of a step of the last stage
    # Of the last stage: learning rates, updates of warm-up, and steps between evaluations and checkpoints.
    config.last = ConfigDict({"policy_rate": 1e-4, "reward_rate": 1e-4, "warmup": 5 if preset == "pocket" else 1,
                              "every": 48 if preset == "pocket" else 2})  # fmt: skip
    # Before it the reward model must put so many of the studio's pairs of validation photos in order.
    config.pairs = ConfigDict({"count": 256, "gate": 0.8} if preset == "pocket" else {"count": 4, "gate": 0.0})
    short = {} if preset == "pocket" else {"steps": 2, "gate": 0.0}
    config.trained = "policy"
    config.tasks = {}

    def stage(trained, source, steps, kinds, measure, gate, schedule, **tasks):
        return ConfigDict({
            "trained": trained, "from": source, "steps": steps, "kinds": kinds, "schedule": schedule, "tasks": tasks,
            "measure": measure, "gate": gate,
        } | short)  # fmt: skip

    config.order = ("looking", "base", "words", "tasks", "policy", "scores", "reward")
    # measure: of the validation rows at the end of the stage; gate: the least it must be.
    config.stages = ConfigDict({
        "looking": stage("policy", "", 800, "one", FACTS, 0.9, "constant", change=0.75, edit=0.25),
        "base": stage("policy", "looking", 1000, "", "edit/accuracy", 0.75, "constant", edit=0.5, change=0.3,
                      refine=0.12, summarise=0.08),
        "words": stage("policy", "base", 3000, "", "words/accuracy", 0.85, "constant", words=0.85, edit=0.15),
        "tasks": stage("policy", "words", 4000, "", "edit/accuracy", 0.8, "constant", words=0.46, vague=0.18,
                       edit=0.15, summarise=0.09, refine=0.08, correct=0.04),
        "policy": stage("policy", "tasks", 4500, "", "edit/accuracy", 0.85, "cosine", words=0.5, vague=0.17, edit=0.15,
                        summarise=0.08, refine=0.08, correct=0.02),
        "scores": stage("reward", "tasks", 1500, "", "scores/within_one/score", 0.75, "constant", scores=0.8,
                        critique=0.2),
        "reward": stage("reward", "scores", 1500, "", "critique/within_one/score", 0.75, "cosine", words=0.37,
                        critique=0.32, vague=0.16, scores=0.15),
    })  # fmt: skip
    return config
