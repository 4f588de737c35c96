"""Everything in rtq/assets/pocket from scratch, in stages that go on where they stopped.

    python -m rtq.main --config=experiments/pocket.py --workdir=runs/pocket --config.data.photos=FOLDER

Hardware: 2 cores. Stages: looking (what photos and edits show, and one-slider requests), a base for both models (all
that the policy does), words (requests without photos), edits; from there tasks (all of them once more), vague (again,
vague requests most), wishes (words most), practice (of everything), summaries (most of all), people (words in the ways
people write them) and the policy (the same with more photos); from edits too, by way of scores (judging without photos)
and critiques, verdicts (vague requests again) and, with what the policy has read mixed in, opinions and the reward
model; then both in turns (PGRT). A stage that misses its gate stops the run.
"""

from ml_collections import ConfigDict

from experiments import common


def get_config(preset="pocket"):
    config = common.alternation(preset)
    config.task = "pocket"
    config.policy.checkpoint = config.reward.checkpoint = ""
    config.data = common.base(preset).data
    if preset == "smoke":
        config.data.validation_count = 48  # some of every kind
    config.batch = 32 if preset == "pocket" else 4  # rows of a supervised update
    config.evaluation.every = 500 if preset == "pocket" else 4  # steps of a supervised stage
    config.optimizer.learning_rate = 1e-3
    config.steps = 10 if preset == "pocket" else 1  # rounds of the last stage
    config.prompts = 8 if preset == "pocket" else 2  # of a step of the last stage
    # Of the last stage: learning rates, and steps between evaluations and checkpoints.
    config.last = ConfigDict({"policy_rate": 1e-4, "reward_rate": 1e-4, "every": 48 if preset == "pocket" else 2})
    # Before it the reward model must put so many of the studio's pairs of validation photos in order.
    config.pairs = ConfigDict({"count": 256, "gate": 0.8} if preset == "pocket" else {"count": 4, "gate": 0.0})
    short = {} if preset == "pocket" else {"steps": 2, "gate": 0.0}
    config.trained = "policy"
    config.tasks = {}

    def stage(trained, source, steps, kinds, gate, least, schedule, mixed="", share=1.0, **tasks):
        return ConfigDict({
            "trained": trained, "from": source, "steps": steps, "kinds": kinds, "schedule": schedule, "tasks": tasks,
            "measure": gate, "gate": least, "mixed": mixed, "share": share,
        } | short)  # fmt: skip

    config.order = ("looking", "base", "words", "edits", "tasks", "vague", "wishes", "practice", "summaries",
                    "people", "policy", "scores", "critiques", "verdicts", "opinions", "reward")
    # share: of the weights at its end in its result; the rest are the results of the stage `mixed`.
    # measure: of the validation rows at the end of the stage; gate: the least it must be.
    config.stages = ConfigDict({
        "looking": stage("policy", "", 700, "one", "change/within_one", 0.7, "constant", change=0.75, edit=0.25),
        "base": stage("policy", "looking", 900, "", "change/within_one", 0.75, "constant", edit=0.52, change=0.28,
                      refine=0.12, summarise=0.08),
        "words": stage("policy", "base", 3500, "", "words/accuracy", 0.0, "constant", words=0.85, edit=0.15),
        "edits": stage("policy", "words", 800, "", "edit/accuracy", 0.0, "cosine", edit=0.7, refine=0.18,
                       summarise=0.12),
        "tasks": stage("policy", "edits", 2100, "", "edit/accuracy", 0.0, "cosine", words=0.4, edit=0.35, correct=0.1,
                       refine=0.09, summarise=0.06),
        "vague": stage("policy", "tasks", 2200, "", "edit/accuracy", 0.0, "cosine", vague=0.4, words=0.32, edit=0.15,
                       correct=0.05, refine=0.05, summarise=0.03),
        "wishes": stage("policy", "vague", 3000, "", "edit/accuracy", 0.0, "cosine", "vague", 0.6, words=0.68,
                        vague=0.17, edit=0.1, refine=0.04, summarise=0.01),
        "practice": stage("policy", "wishes", 900, "", "edit/accuracy", 0.0, "cosine", "wishes", 0.4, words=0.5,
                          summarise=0.17, vague=0.13, edit=0.1, refine=0.06, correct=0.04),
        "summaries": stage("policy", "practice", 730, "", "summarise/accuracy", 0.0, "cosine", "practice", 0.7,
                           summarise=0.58, words=0.19, vague=0.1, edit=0.08, refine=0.03, correct=0.02),
        "people": stage("policy", "summaries", 1700, "", "edit/accuracy", 0.0, "cosine", "summaries", 0.8, words=0.52,
                        vague=0.18, summarise=0.1, edit=0.1, refine=0.08, correct=0.02),
        "policy": stage("policy", "people", 2000, "", "edit/accuracy", 0.0, "cosine", "people", 0.6, words=0.5,
                        vague=0.17, edit=0.15, summarise=0.08, refine=0.08, correct=0.02),
        "scores": stage("reward", "edits", 1500, "", "scores/within_one/score", 0.75, "constant", scores=0.8,
                        critique=0.2),
        "critiques": stage("reward", "scores", 1100, "", "critique/within_one/score", 0.0, "cosine", words=0.35,
                           scores=0.4, critique=0.25),
        "verdicts": stage("reward", "critiques", 1400, "", "critique/within_one/score", 0.0, "cosine", "wishes", 0.75,
                          vague=0.3, words=0.22, scores=0.23, critique=0.25),
        "opinions": stage("reward", "verdicts", 950, "", "critique/within_one/score", 0.0, "cosine", "policy", 0.75,
                          words=0.33, critique=0.33, scores=0.18, vague=0.16),
        "reward": stage("reward", "opinions", 900, "", "critique/within_one/score", 0.0, "cosine", words=0.37,
                        critique=0.32, vague=0.16, scores=0.15),
    })  # fmt: skip
    return config
