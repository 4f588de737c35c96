"""The one place where a step meets devices: two lifts of the same pure function, and where arrays go.

A step is `step(state, batch, rng, *, axis_name) -> (state, metrics)`; batches are trees whose leaves lead with rows.

* `Replicated`: `jax.pmap`, parameters whole on every device, rows divided. The step sums its gradient over "data".
* `Sharded`: `jax.jit` over a mesh (data, fsdp, tensor), parameters divided by the model's logical axes; axis_name is
  None and the compiler inserts the sums.

Both give the same numbers up to the order of summation. On several hosts each passes its own rows.
"""

import contextlib
import ctypes
import dataclasses
import functools
import os
import platform
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from rtq.editor.compilation import XLA_FLAGS
from rtq.models.qwen25vl import lora, model
from rtq.models.qwen25vl.config import Config, logical_rules
from rtq.train.optim import path_of

AXES = ("data", "fsdp", "tensor")
CACHE_BYTES = 2 * 2**30
Step = Callable[..., tuple[Any, Any]]


def initialize() -> None:
    """Compiler flags, memory, the cache of compiled programs, and other hosts where the environment announces them.

    Call before the first computation. JAX_COORDINATOR_ADDRESS with JAX_NUM_PROCESSES and JAX_PROCESS_ID, Slurm with
    more than one task, Open MPI and TPU pods are recognised; else this process is alone.
    """
    env = os.environ
    _keep_memory()
    if XLA_FLAGS not in env.get("XLA_FLAGS", ""):
        env["XLA_FLAGS"] = f"{env.get('XLA_FLAGS', '')} {XLA_FLAGS}".strip()
    if "JAX_COORDINATOR_ADDRESS" in env and "JAX_NUM_PROCESSES" in env:
        jax.distributed.initialize(
            num_processes=int(env["JAX_NUM_PROCESSES"]), process_id=int(env.get("JAX_PROCESS_ID", 0))
        )
    elif (
        int(env.get("SLURM_NTASKS", 1)) > 1
        or int(env.get("OMPI_COMM_WORLD_SIZE", 1)) > 1
        or "," in env.get("TPU_WORKER_HOSTNAMES", "")
    ):
        jax.distributed.initialize()
    if jax.config.jax_compilation_cache_dir is None:
        base = env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        jax.config.update("jax_compilation_cache_dir", os.path.join(base, "rtq", "jax"))
        jax.config.update("jax_compilation_cache_max_size", CACHE_BYTES)


def _keep_memory() -> None:
    """Freed memory stays with the process: by default glibc hands a step's arrays back to the system and a CPU spends
    up to a third of the next step on fetching the pages again."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in _MALLOC.values():
            libc.mallopt(option, value)


# name in malloc.h → (its number, value)
_MALLOC = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_TOP_PAD": (-2, 2**28), "M_ARENA_MAX": (-8, 1)}


def _check_rows(rows: int, ways: int, what: str) -> None:
    if rows % ways:
        raise ValueError(f"{rows} rows per batch cannot be divided among {ways} {what}")


@dataclasses.dataclass(frozen=True)
class Replicated:
    """Whole parameters on each of this host's devices; state leaves carry a leading axis of devices."""

    devices: tuple[Any, ...]

    @property
    def _rows(self) -> NamedSharding:
        return NamedSharding(Mesh(np.array(self.devices), ("data",)), P("data"))

    def lift(self, step: Step) -> Step:
        """The compiled step; its state is donated. Metrics come back whole."""
        run = jax.pmap(
            functools.partial(step, axis_name="data"), axis_name="data", in_axes=(0, 0, None), donate_argnums=0
        )

        def call(state, batch, rng):
            state, metrics = run(state, batch, rng)
            return state, jax.tree.map(_first, metrics)

        return call

    def measure(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """function(params, batch, *, axis_name) → metrics, compiled; nothing is donated, metrics come back whole."""
        run = jax.pmap(functools.partial(function, axis_name="data"), axis_name="data")
        return lambda params, batch: jax.tree.map(_first, run(params, batch))

    def rows(self, function: Callable[..., Any], *, measured: bool = False) -> Callable[..., Any]:
        """function(params, batch, whole) → a tree that leads with rows, compiled; it stays on the devices.

        whole: arrays that every device gets. measured: the function takes axis_name and gives (tree, metrics), and the
        metrics come back whole.
        """
        if not measured:
            return jax.pmap(function, axis_name="data", in_axes=(0, 0, None))
        run = jax.pmap(functools.partial(function, axis_name="data"), axis_name="data", in_axes=(0, 0, None))

        def call(params, batch, whole):
            tree, metrics = run(params, batch, whole)
            return tree, jax.tree.map(_first, metrics)

        return call

    def fetch(self, tree: Any) -> Any:
        """This host's rows of a tree that leads with rows → numpy [B, …]."""
        return jax.tree.map(lambda x: np.concatenate([s.data[0] for s in x.addressable_shards]), tree)

    def once(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """function(params, *arguments) of whole arguments, compiled, computed on one device."""
        run = jax.jit(function)
        return lambda params, *arguments: run(jax.tree.map(_first, params), *arguments)

    def parameters(self) -> None:
        """Where loaded weights go before `create`: the default device."""

    def create(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives, in one compiled program, and in place."""
        return self.place(jax.jit(function)(*arguments))

    def place(self, tree: Any) -> Any:
        """A tree of whole arrays → one copy per device."""
        count = len(self.devices)
        return jax.tree.map(lambda x: self._global(np.broadcast_to(np.asarray(x), (count, *np.shape(x)))), tree)

    def shard(self, batch: Any) -> Any:
        """This host's rows [B, …] → [devices, B / devices, …]."""
        count = len(self.devices)

        def one(x):
            _check_rows(len(x), count, "devices")
            return self._global(np.asarray(x).reshape(count, len(x) // count, *x.shape[1:]))

        return jax.tree.map(one, batch)

    def _global(self, x: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(x.shape, self._rows, lambda index: np.ascontiguousarray(x[index]))

    def whole(self, tree: Any) -> Any:
        """State → numpy arrays without the axis of devices, copied: later steps may donate the state."""
        return jax.tree.map(lambda x: np.array(x.addressable_shards[0].data)[0], tree)


@dataclasses.dataclass(frozen=True)
class Sharded:
    """Parameters and moments divided over a mesh (data, fsdp, tensor)."""

    cfg: Config
    mesh: Mesh

    def shardings(self, tree: Any) -> Any:
        """For each leaf a `NamedSharding`: of the parameter whose path its own ends with, else whole on each device."""
        table = {"": model.param_shardings(self.cfg, self.mesh)}
        rules = logical_rules(self.cfg, self.mesh.shape["tensor"])
        table["lora/"] = nn.logical_to_mesh_sharding(
            lora.axes(model.param_axes(self.cfg), target=r".*"), self.mesh, rules
        )
        known = {
            head + path_of(keys): sharding
            for head, shardings in table.items()
            for keys, sharding in jax.tree_util.tree_leaves_with_path(shardings)
        }

        def find(keys, leaf):
            for start in range(len(keys)):
                found = known.get(path_of(keys[start:]))
                if found is not None and len(found.spec) <= leaf.ndim:
                    return found
            return NamedSharding(self.mesh, P())

        return jax.tree_util.tree_map_with_path(find, tree)

    @contextlib.contextmanager
    def _rules(self):
        with jax.set_mesh(self.mesh), nn.logical_axis_rules(logical_rules(self.cfg, self.mesh.shape["tensor"])):
            yield

    def lift(self, step: Step) -> Step:
        """The compiled step; its state is donated. Metrics come back whole."""

        @functools.partial(jax.jit, donate_argnums=0)
        def run(state, batch, rng):
            state, metrics = step(state, batch, rng, axis_name=None)
            state = jax.lax.with_sharding_constraint(state, self.shardings(state))
            return state, jax.lax.with_sharding_constraint(metrics, NamedSharding(self.mesh, P()))

        def call(state, batch, rng):
            with self._rules():
                return run(state, batch, rng)

        return call

    def measure(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """function(params, batch, *, axis_name) → metrics, compiled; nothing is donated, metrics come back whole."""
        return self.once(functools.partial(function, axis_name=None))

    def rows(self, function: Callable[..., Any], *, measured: bool = False) -> Callable[..., Any]:
        """function(params, batch, whole) → a tree that leads with rows, compiled; it stays on the devices.

        whole: arrays that every device gets. measured: the function takes axis_name and gives (tree, metrics), and the
        metrics come back whole.
        """
        rows = NamedSharding(self.mesh, P(("data", "fsdp")))
        if measured:
            alone = functools.partial(function, axis_name=None)
            run = jax.jit(alone, out_shardings=(rows, NamedSharding(self.mesh, P())))
        else:
            run = jax.jit(function, out_shardings=rows)

        def call(params, batch, whole):
            with self._rules():
                return run(params, batch, whole)

        return call

    def fetch(self, tree: Any) -> Any:
        """This host's rows of a tree that leads with rows → numpy [B, …]."""

        def one(x):
            parts = {s.index[0].start or 0: s.data for s in x.addressable_shards}
            return np.concatenate([np.asarray(parts[start]) for start in sorted(parts)])

        return jax.tree.map(one, tree)

    def once(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """function(params, *arguments), compiled; the result comes back whole."""
        run = jax.jit(function, out_shardings=NamedSharding(self.mesh, P()))

        def call(params, *arguments):
            with self._rules():
                return run(params, *arguments)

        return call

    def parameters(self) -> Any:
        """Where loaded weights go: the shardings of the model's parameters."""
        return model.param_shardings(self.cfg, self.mesh)

    def create(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives, in one compiled program, and in place: no device ever holds the whole."""
        shardings = self.shardings(jax.eval_shape(function, *arguments))
        return jax.jit(function, out_shardings=shardings)(*arguments)

    def place(self, tree: Any) -> Any:
        """A tree of whole arrays (equal on all hosts) → divided."""

        def one(x, sharding):
            if isinstance(x, jax.Array) and x.sharding.is_equivalent_to(sharding, x.ndim):
                return x
            x = np.asarray(x)
            return jax.make_array_from_callback(x.shape, sharding, lambda index: x[index])

        return jax.tree.map(one, tree, self.shardings(tree))

    def shard(self, batch: Any) -> Any:
        """This host's rows [B, …] → the global batch, divided over data and fsdp."""
        rows = NamedSharding(self.mesh, P(("data", "fsdp")))
        ways = self.mesh.shape["data"] * self.mesh.shape["fsdp"]

        def one(x):
            _check_rows(len(x) * jax.process_count(), ways, "parts of the mesh (data x fsdp)")
            return jax.make_array_from_process_local_data(rows, np.asarray(x))

        return jax.tree.map(one, batch)

    def whole(self, tree: Any) -> Any:
        """State as it is: checkpoints write each device's part."""
        return tree


def _first(x: jax.Array) -> jax.Array:
    return x.addressable_shards[0].data[0]


def make(options: Any, cfg: Config) -> Replicated | Sharded:
    """The lift that `options` name: mode "pmap" or "mesh"; data, fsdp, tensor are sizes of the mesh, one may be -1."""
    if options.mode == "pmap":
        return Replicated(tuple(jax.local_devices()))
    if options.mode != "mesh":
        raise ValueError(f"parallel.mode is {options.mode!r}; choose from pmap, mesh")
    shape, count = [options[name] for name in AXES], jax.device_count()
    if shape.count(-1) == 1:
        shape[shape.index(-1)] = count // max(1, -int(np.prod(shape)))
    if min(shape) < 1 or np.prod(shape) != count:
        sizes = " x ".join(str(options[name]) for name in AXES)
        raise ValueError(f"parallel: a mesh of {sizes} (data x fsdp x tensor) does not fit {count} devices")
    return Sharded(cfg, jax.make_mesh(shape, AXES, axis_types=(AxisType.Auto,) * len(AXES)))
