"""Gymnasium's own checker, on every environment of the default family."""

import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import gymlink.client

REGISTERED = sorted(
    spec.kwargs["env_id"] for spec in gymnasium.registry.values() if spec.namespace == "gymlink" and "env_id" in spec.kwargs
)
# MuJoCo 2.3.1 or older, which is not in the family: gymnasium.make raises here, too.
UNAVAILABLE = ["Pusher-v4"]
AVAILABLE = [env_id for env_id in REGISTERED if env_id not in UNAVAILABLE]


@pytest.fixture(autouse=True)
def quiet():
    """The checker warns of unbounded and unnormalised spaces, which are the environments' own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def mujoco_renders(gymlink_server):
    """Whether MuJoCo finds OpenGL on the server's machine."""
    env = gymnasium.make("gymlink/InvertedPendulum-v5", render_mode="rgb_array", address=gymlink_server.address)
    try:
        env.reset()
        env.render()
    except gymlink.client.GymlinkError:
        return False
    finally:
        env.close()
    return True


def test_the_ids_are_gymnasiums_own():
    assert len(REGISTERED) > 30
    assert {"CartPole-v1", "LunarLander-v3", "Taxi-v4", "Humanoid-v5"} <= set(REGISTERED)


@pytest.mark.parametrize("env_id", AVAILABLE)
def test_check_env(address, mujoco_renders, env_id):
    env = gymnasium.make(f"gymlink/{env_id}")
    assert type(env) is gymlink.client.RemoteEnv
    renders = mujoco_renders or ".mujoco." not in gymnasium.spec(env_id).entry_point
    check_env(env, skip_render_check=not renders)
    env.close()
    if not renders:
        env = gymnasium.make(f"gymlink/{env_id}", render_mode="rgb_array")
        env.reset()
        with pytest.raises(gymlink.client.GymlinkError, match="OpenGL") as raised:
            env.render()
        assert raised.value.reason == "ENVIRONMENT_RAISED"
        env.close()


@pytest.mark.parametrize("env_id", UNAVAILABLE)
def test_what_cannot_be_made_here_cannot_be_made_there(address, env_id):
    with pytest.raises(ImportError) as local:
        gymnasium.make(env_id)
    with pytest.raises(gymlink.client.GymlinkError) as remote:
        gymnasium.make(f"gymlink/{env_id}")
    assert remote.value.reason == "ENVIRONMENT_UNAVAILABLE"
    assert str(local.value) in str(remote.value)
