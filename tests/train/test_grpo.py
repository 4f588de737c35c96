"""What GRPO does between steps."""

import jax
import numpy as np
from ml_collections import ConfigDict

from rtq.train import grpo, state


def test_the_reference_is_refreshed_when_it_is_due():
    config = ConfigDict({"loss": {"refresh": 2}})
    policy = state.State({"a": np.ones(2)}, (), np.int32(0))
    carry = {"policy": policy, "reference": {"a": np.zeros(2)}}
    assert grpo.refreshed(config, carry, 0) is carry
    after = grpo.refreshed(config, carry, 1)
    np.testing.assert_array_equal(after["reference"]["a"], 1)
    assert isinstance(after["reference"]["a"], jax.Array)  # a buffer of its own, since steps donate the policy's
    assert "reference" not in grpo.refreshed(config, {"policy": policy}, 1)
    never = ConfigDict({"loss": {"refresh": 0}})
    assert grpo.refreshed(never, carry, 1) is carry
