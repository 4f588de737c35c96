"""What all experiments share: the groups of the configuration and its sizes.

Presets are `pocket` (the default, on 2 cores), `smoke` (says only that everything runs), `3b` and `7b` (Qwen2.5-VL on
accelerators, with `--config.policy.checkpoint=FOLDER`). Every number can be changed, as in
`--config.optimizer.learning_rate=1e-4`.
"""

from ml_collections import ConfigDict

PRESETS = ("pocket", "smoke", "3b", "7b")


def check(preset: str) -> None:
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}; choose from {', '.join(PRESETS)}")


def of(preset: str, **values):
    """The value for a preset, that of "pocket" where it names none; `large` is for 3b and 7b."""
    return values.get({"3b": "large", "7b": "large"}.get(preset, preset), values["pocket"])


def base(preset: str) -> ConfigDict:
    """Everything that is the same in all experiments."""
    check(preset)
    large = preset in ("3b", "7b")
    return ConfigDict({
        "task": "",
        "seed": 0,
        "steps": 0,
        "batch": 0,  # rows of an update, on all hosts together
        "micro": 1,  # micro-batches that an update is computed in
        "model": {
            "preset": preset,  # for fresh weights; a checkpoint has its own shapes
            "tokenizer": "" if large else "pocket",  # "": that of the checkpoint
            "dtype": "bfloat16" if large else "float32",
            "param_dtype": "bfloat16" if large else "float32",
            "remat": large,
            "photo": of(preset, pocket=140, smoke=56, large=448),  # pixels of the square that the model sees
            "lora_rank": 64 if large else 0,  # 0: no low-rank factors
            "lora_alpha": 64.0,  # their product is multiplied by alpha / rank
            "lora_target": r"language/layers\w*/(attn/[qkvo]|mlp/(gate|up|down))",  # regex on paths of linear layers
        },
        # A Hugging Face folder, or "embedded:NAME" for weights that come with the package; "": fresh ones.
        "policy": {"checkpoint": ""},
        "reward": {"checkpoint": ""},
        "data": {
            "photos": "",  # a folder; "": the photographs that scikit-image and scikit-learn bundle
            "kinds": "",  # "one,compound,…": kinds of examples for tasks with requests; "": all
            "dir": "",  # examples are made here once; "": in the working directory
            "count": of(preset, pocket=20_000, smoke=64, large=190_000),
            "validation_count": of(preset, pocket=512, smoke=16),
            "vague_count": of(preset, pocket=16_384, smoke=64, large=190_000),  # more, for the task "vague"
            "seed": 0,
        },
        # Tokens of a row of each task, images included; longer rows are left out and counted: 5% or less,
        # at 25 tokens an image; of the large ones none where the instructions take up to 850 tokens.
        "lengths": {
            "words": of(preset, pocket=72, large=1024),
            "facts": of(preset, pocket=68, large=1280),
            "edit": of(preset, pocket=108, large=1280),
            "correct": of(preset, pocket=88, large=1024),
            "refine": of(preset, pocket=124, large=1536),
            "summarise": of(preset, pocket=100, large=1024),
            "change": of(preset, pocket=84, large=2048),
            "critique": of(preset, pocket=204, large=2048),
            "scores": of(preset, pocket=146, large=1536),
            "vague": of(preset, pocket=108, large=1280),
        },
        "optimizer": {
            "learning_rate": 1e-4 if large else 1e-3,
            "schedule": "cosine",
            "warmup": of(preset, pocket=100, smoke=1),
            "final": 0.1,  # share of the peak at the end
            "b1": 0.9,
            "b2": 0.95,
            "eps": 1e-8,
            "weight_decay": 0.01 if large else 0.1,
            "clip": 1.0,
            "trains": "lora/.*" if large else ".*",  # regex on paths of parameters
        },
        "parallel": {"mode": "mesh" if large else "pmap", "data": 1 if large else -1, "fsdp": -1 if large else 1,
                     "tensor": 1},
        "checkpoint": {"every": of(preset, pocket=500, smoke=4), "minutes": 10.0, "keep": 2},
        "evaluation": {"every": of(preset, pocket=500, smoke=4), "batches": of(preset, pocket=8, smoke=1),
                       "samples": of(preset, pocket=4, smoke=1)},
        "log": {"every": of(preset, pocket=10, smoke=1), "seconds": 30.0},
    })  # fmt: skip


def reinforcement(preset: str) -> ConfigDict:
    """What GRPO of the policy and PGRT share. A step is one rollout of `prompts` x `group` answers and its updates."""
    config = base(preset)
    config.policy.checkpoint = of(preset, pocket="embedded:policy-sft", smoke="", large="")
    config.reward.checkpoint = of(preset, pocket="embedded:reward-sft", smoke="", large="")
    config.data.count = of(preset, pocket=2048, smoke=64, large=190_000)
    config.data.validation_count = of(preset, pocket=128, smoke=16)
    config.batch = of(preset, pocket=8, smoke=2, large=64)  # prompts of a step, on all hosts together
    config.sampling = ConfigDict({
        "group": of(preset, pocket=8, smoke=2),  # answers to each prompt
        "temperature": 1.0,
        "prompt_tokens": of(preset, pocket=76, large=1280),
        "new_tokens": of(preset, pocket=96, large=512),
        "metrics_tokens": of(preset, pocket=76, large=512),  # of the reward model's two replies
        "score_tokens": of(preset, pocket=16, large=128),
    })
    config.loss = ConfigDict({
        "clip_low": 0.2,
        "clip_high": 0.28,
        "beta": 0.02,  # of the k3 divergence from the reference; 0: no reference is kept
        "aggregation": "token",  # or "sequence", "constant"
        "scale_by_std": True,
        "updates": 1,  # of each rollout
        "refresh": 0,  # the policy becomes the reference every so many steps; 0: never
    })
    # Shares of the scalar reward: the learned model, the rule (likeness and usefulness), a critic that does not see the
    # request (for ablations), the form of the answer.
    config.scorer = ConfigDict({"learned": 1.0, "rule": 0.0, "critic": 0.0, "form": 0.0})
    config.evaluation.every = of(preset, pocket=48, smoke=2)
    config.optimizer.learning_rate = of(preset, pocket=1e-4, large=1e-5)
    config.optimizer.schedule = "constant"
    config.optimizer.warmup = of(preset, pocket=5, smoke=1)
    return config


def alternation(preset: str) -> ConfigDict:
    """What PGRT adds: rounds in which both models learn."""
    config = reinforcement(preset)
    config.steps = of(preset, pocket=4, smoke=1, large=50)  # rounds
    config.rounds = ConfigDict({
        "policy_steps": of(preset, pocket=8, smoke=1),
        "reward_steps": of(preset, pocket=4, smoke=1),
        "buffer": of(preset, pocket=512, smoke=8),  # recent answers of the policy that serve as weak edits
        "perturbed": 0.25,  # share of the reward model's pairs that are the studio's
        "margin": 2.0,  # a pair counts only where the two edits differ by this much in CIE ΔE2000
    })
    config.critique = ConfigDict({
        "group": of(preset, pocket=8, smoke=2),  # critiques of each pair
        "learning_rate": of(preset, pocket=1e-4, large=1e-5),
    })
    return config
