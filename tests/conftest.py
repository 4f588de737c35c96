"""Eight simulated CPU devices, no silent broadcasting, compiled programs cached inside the run."""

import os
import pathlib
import tempfile

import jax
import pytest

CACHE = os.environ.get("RTQ_TEST_CACHE") or os.path.join(tempfile.gettempdir(), "rtq-test-jax-cache")
pathlib.Path(CACHE).mkdir(parents=True, exist_ok=True)

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

MAPS = pathlib.Path("/proc/self/maps")
MAX_MAPS = 25_000  # Linux gives a process 65,530, and compiling with none left ends it

OPTIMIZED = {"editor", "interop"}  # folders of tests of what the compiler makes of a program


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Elsewhere programs are compiled with few optimizations: models are tiny, and compiling takes most of the time."""
    jax.config.update("jax_disable_most_optimizations", not OPTIMIZED & set(item.path.parts))


def pytest_runtest_teardown(item, nextitem):
    """After a file of tests: if the programs compiled so far are many mappings, they go; the cache on disk has them."""
    if nextitem is not None and nextitem.path == item.path:
        return
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MAX_MAPS:
        jax.clear_caches()
