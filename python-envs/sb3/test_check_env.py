"""Stable-Baselines3's own checker, on every environment of the default family."""

import warnings

import gymnasium
import pytest
from stable_baselines3.common.env_checker import check_env

import gymlink.client

REGISTERED = sorted(
    spec.kwargs["env_id"] for spec in gymnasium.registry.values() if spec.namespace == "gymlink" and "env_id" in spec.kwargs
)
# Why the checker cannot be run; the plain environment must fail for the same reason.
EXEMPT = {
    "Pusher-v4": "it needs MuJoCo 2.3.1 or older, which is not in the family, so that it cannot be made",
}


def warnings_of(make):
    """What `check_env` warns of, and the exception with which it, or `make`, ends."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            env = make()
            check_env(env)
            env.close()
            error = None
        except Exception as raised:
            error = raised
    return {str(warning.message) for warning in caught}, error


def test_exemptions_are_of_registered_environments():
    assert set(EXEMPT) <= set(REGISTERED)
    assert len(REGISTERED) > 30


@pytest.mark.parametrize("env_id", [env_id for env_id in REGISTERED if env_id not in EXEMPT])
def test_check_env(address, env_id):
    expected, _ = warnings_of(lambda: gymnasium.make(env_id, disable_env_checker=True))
    found, error = warnings_of(lambda: gymlink.client.RemoteEnv(env_id))
    assert error is None
    # Of spaces that Stable-Baselines3 does not support, or recommends otherwise, it warns for the plain environment, too.
    assert found <= expected


@pytest.mark.parametrize("env_id", EXEMPT)
def test_exemptions_are_needed(address, env_id):
    _, local = warnings_of(lambda: gymnasium.make(env_id))
    _, remote = warnings_of(lambda: gymlink.client.RemoteEnv(env_id))
    assert local is not None, f"{env_id} is exempt, but passes"
    assert isinstance(remote, gymlink.client.GymlinkError)
    assert str(local) in str(remote)
