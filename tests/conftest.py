"""Eight simulated CPU devices, no silent broadcasting, compiled programs cached inside the run."""

import os
import pathlib
import tempfile

import jax

CACHE = os.environ.get("RTQ_TEST_CACHE") or os.path.join(tempfile.gettempdir(), "rtq-test-jax-cache")
pathlib.Path(CACHE).mkdir(parents=True, exist_ok=True)

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
