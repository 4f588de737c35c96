"""The stages of the embedded weights: their order, what each starts from, their gates."""

import json

import pytest

from experiments import pocket as experiment
from rtq.data.drafts import KINDS
from rtq.data.rows import TASKS
from rtq.train import pocket


@pytest.fixture(params=["pocket", "smoke"])
def config(request):
    return experiment.get_config(request.param)


def test_every_stage_starts_from_an_earlier_one(config):
    assert sorted(config.order) == sorted(config.stages)
    for place, name in enumerate(config.order):
        stage = config.stages[name]
        assert stage["from"] in ("", *config.order[:place])
        assert set(stage.tasks) <= set(TASKS)
        assert sum(stage.tasks.values()) == pytest.approx(1)
        assert set(stage.kinds.split(",")) <= {"", *KINDS}


def test_a_stage_takes_over_the_weights_before_it(config, tmp_path):
    stages = {name: pocket.stage_config(config, name, tmp_path) for name in config.order}
    policy, reward = stages["policy"], stages["reward"]
    assert policy.trained == "policy"
    assert policy.policy.checkpoint == str(tmp_path / "tasks" / "policy")
    assert reward.trained == "reward"
    assert reward.reward.checkpoint == str(tmp_path / "scores" / "reward")
    assert stages["scores"].reward.checkpoint == str(tmp_path / "tasks" / "policy")
    assert len({stage.seed for stage in stages.values()}) == len(stages)  # no stage meets the words of another
    assert not reward.policy.checkpoint
    assert policy.data.dir == reward.data.dir == str(tmp_path / "data")
    last = pocket.last_config(config, tmp_path)
    assert last.policy.checkpoint == str(tmp_path / "assets" / "policy-sft")
    assert last.reward.checkpoint == str(tmp_path / "assets" / "reward-sft")


def test_measured_takes_the_last_evaluation(tmp_path):
    rows = [{"step": 1, "validation/facts/within_one/luma": 0.2, "validation/facts/within_one/cast": 0.4},
            {"step": 2, "validation/facts/within_one/luma": 0.6, "validation/facts/within_one/cast": 0.8},
            {"step": 3, "loss": 1.0}]  # fmt: skip
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert pocket.measured(tmp_path, "facts/within_one/cast") == 0.8
    assert pocket.measured(tmp_path, "facts/within_one/luma,facts/within_one/cast") == pytest.approx(0.7)
    with pytest.raises(ValueError, match="no validation metric critique"):
        pocket.measured(tmp_path, "critique")


def test_a_missed_gate_stops_the_run(config, tmp_path):
    first = config.order[0]
    stage = config.stages[first]
    done = tmp_path / first / stage.trained
    done.mkdir(parents=True)
    (done / "config.json").write_text("{}")
    (tmp_path / first / "report").mkdir()
    (tmp_path / first / "report" / "index.html").write_text("")
    row = {"step": 1} | {f"validation/{name}": -0.5 for name in stage.measure.split(",")}
    (tmp_path / first / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=f"stage {first}: validation {stage.measure} is -0.500, below its gate"):
        pocket.train(config, tmp_path)
