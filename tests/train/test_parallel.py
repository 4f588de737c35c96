"""Two lifts, one result."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from rtq.models.qwen25vl import lora
from rtq.train import parallel, state
from tests.train import train_tiny as tiny


def options(mode: str, data: int = -1, fsdp: int = 1, tensor: int = 1) -> ConfigDict:
    return ConfigDict({"mode": mode, "data": data, "fsdp": fsdp, "tensor": tensor})


def run(devices, steps: int = 3, micro: int = 1):
    fresh, optimizer = tiny.fresh()
    step, now, losses = devices.lift(tiny.make_step(optimizer, micro)), devices.place(fresh), []
    for i in range(steps):
        now, metrics = step(now, devices.shard(tiny.rows(i, 16)), jax.random.key(0))
        total, count = jax.device_get(metrics["loss"])
        losses.append(float(total) / float(count))
    return losses, jax.tree.map(np.asarray, devices.whole(now))


@pytest.fixture(scope="module")
def alone():
    return run(parallel.Replicated((jax.devices()[0],)))


@pytest.mark.parametrize(
    "devices",
    [options("pmap"), options("mesh"), options("mesh", 1, 8), options("mesh", 2, 2, 2)],
    ids=["pmap", "8x1x1", "1x8x1", "2x2x2"],
)
def test_eight_devices_give_what_one_gives(alone, devices):
    losses, final = run(parallel.make(devices, tiny.CONFIG))
    np.testing.assert_allclose(losses, alone[0], rtol=1e-5)
    assert losses[-1] < losses[0]
    assert int(final.step) == 3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), final.params, alone[1].params)


def test_micro_batches_change_nothing(alone):
    losses, final = run(parallel.make(options("pmap"), tiny.CONFIG), micro=2)
    np.testing.assert_allclose(losses, alone[0], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), final.params, alone[1].params)


def test_the_state_is_donated_and_copies_survive():
    for name in ("pmap", "mesh"):
        devices = parallel.make(options(name), tiny.CONFIG)
        fresh, optimizer = tiny.fresh()
        now = devices.place(fresh)
        if name == "pmap":
            copy = devices.whole(now)
            before = jax.tree.map(np.array, copy)
        devices.lift(tiny.make_step(optimizer))(now, devices.shard(tiny.rows(0)), jax.random.key(0))
        assert all(x.is_deleted() for x in jax.tree.leaves(now.params))
        if name == "pmap":
            jax.tree.map(np.testing.assert_array_equal, copy, before)


def test_moments_and_factors_are_divided_as_their_parameters():
    devices = parallel.make(options("mesh", 1, 4, 2), tiny.CONFIG)
    params = {**tiny.params(), "lora": lora.init(tiny.params(), jax.random.key(1), rank=4)}
    _, optimizer = tiny.fresh(trains="language/.*|lora/.*")
    placed = devices.place(state.create(params, optimizer))
    by_path = {jax.tree_util.keystr(k, simple=True, separator="/"): x
               for k, x in jax.tree_util.tree_leaves_with_path(placed)}
    moments = [x for path, x in by_path.items() if "/mu/" in path and path.endswith("language/layers/mlp/gate/kernel")]
    assert [x.sharding for x in moments] == [placed.params["language"]["layers"]["mlp"]["gate"]["kernel"].sharding]
    assert "fsdp" in moments[0].sharding.spec
    assert moments[0].addressable_shards[0].data.size * 8 == moments[0].size
    factor = placed.params["lora"]["language"]["layers"]["mlp"]["gate"]["b"]
    assert factor.sharding.spec[-1] == "tensor"


def test_bad_meshes_and_batches_are_refused():
    with pytest.raises(ValueError, match=r"3 x 1 x 1 .* does not fit 8 devices"):
        parallel.make(options("mesh", 3), tiny.CONFIG)
    with pytest.raises(ValueError, match="choose from pmap, mesh"):
        parallel.make(options("tpu"), tiny.CONFIG)
    for mode in ("pmap", "mesh"):
        with pytest.raises(ValueError, match="12 rows per batch cannot be divided among 8"):
            parallel.make(options(mode), tiny.CONFIG).shard(tiny.rows(0, 12))
