"""The Python client: making environments, failures, and the end of sessions."""

import gc
import os
import signal
import threading
import time

import grpc
import gymnasium
import numpy as np
import pytest
from gymnasium.error import (
    AlreadyPendingCallError,
    ClosedEnvironmentError,
    InvalidAction,
    NoAsyncCallError,
    ResetNeeded,
    UnregisteredEnv,
)
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymlink.client import GymlinkError, RemoteEnv, RemoteVectorEnv, UnsupportedInfo, register
from gymlink.protocol import wire
from tests.serving import GymlinkServer


@pytest.fixture
def own_server():
    """A server that a test may do anything to."""
    server = GymlinkServer()
    yield server
    server.close()


def raises(reason, kind=GymlinkError, match=None):
    """Expects a GymlinkError of a reason."""
    return pytest.raises(kind, match=match, check=lambda error: error.reason == reason)


# Making.


def test_make_gives_the_environment_itself(gymlink_server):
    env = gymnasium.make("gymlink/MountainCar-v0", address=gymlink_server.address, goal_velocity=0.01)
    assert type(env) is RemoteEnv and env.unwrapped is env
    assert env.spec.id == "gymlink/MountainCar-v0" and env.spec.max_episode_steps is None
    assert env.spec.reward_threshold == gymnasium.spec("MountainCar-v0").reward_threshold
    env.reset(seed=1)
    truncated = [env.step(0)[3] for _ in range(200)]
    assert truncated == [False] * 199 + [True]
    env.close()


def test_make_vec_uses_the_vector_entry_point(address):
    envs = gymnasium.make_vec("gymlink/CartPole-v1", num_envs=3, autoreset_mode="SameStep", max_episode_steps=4)
    assert type(envs) is RemoteVectorEnv and envs.num_envs == 3
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert str(envs) == "RemoteVectorEnv(gymlink/CartPole-v1, num_envs=3)"
    again = gymnasium.make_vec(envs.spec)
    for made in (envs, again):
        made.reset(seed=3)
        truncations = [made.step(np.array([0, 1, 0]))[3].tolist() for _ in range(4)]
        assert truncations == [[False] * 3] * 3 + [[True] * 3]
        made.close()


def test_any_id_through_remote(fixture_address):
    env = gymnasium.make("gymlink/Remote-v0", env_id="fixtures/Told-v0")
    assert env.reset(seed=4)[1]["seed"] == 4
    env.close()


def test_sync_vector_environment_of_remote_ones(address):
    envs = gymnasium.make_vec("gymlink/CartPole-v1", num_envs=2, vectorization_mode="sync")
    local = gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    assert type(envs) is SyncVectorEnv
    assert (envs.reset(seed=1)[0] == local.reset(seed=1)[0]).all()
    envs.close()


def test_registering_again_changes_nothing():
    before = dict(gymnasium.registry)
    register()
    assert gymnasium.registry == before


def test_human_mode_shows_frames_here(address):
    with pytest.warns(UserWarning, match="HumanRendering"):
        env = gymnasium.make("gymlink/CartPole-v1", render_mode="human")
    assert env.unwrapped.render_mode in ("rgb_array", "rgb_array_list")
    env.close()


# Rendering.


def test_frames(address):
    kinds = {"rgb_array": {}, "rgb_array_list": {"seed": 1}}
    for mode in kinds:
        ours, theirs = (gymnasium.make(env_id, render_mode=mode) for env_id in ("gymlink/CartPole-v1", "CartPole-v1"))
        for env in (ours, theirs):
            env.reset(seed=1)
            env.step(1)
        assert np.array_equal(ours.render(), theirs.render())
    text = gymnasium.make("gymlink/FrozenLake-v1", render_mode="ansi", is_slippery=False)
    local = gymnasium.make("FrozenLake-v1", render_mode="ansi", is_slippery=False)
    text.reset(seed=1), local.reset(seed=1)
    assert text.render() == local.render()
    envs = gymnasium.make_vec("gymlink/CartPole-v1", num_envs=2, render_mode="rgb_array")
    envs.reset(seed=1)
    frames = envs.render()
    assert type(frames) is tuple and [frame.shape for frame in frames] == [(400, 600, 3)] * 2


def test_render_without_a_mode_warns(address):
    env = gymnasium.make("gymlink/CartPole-v1")
    env.reset()
    with pytest.warns(UserWarning, match="without a render mode"):
        assert env.render() is None
    env.close()


# Failures.


def test_what_cannot_be_made(address):
    with raises("UNKNOWN_ENVIRONMENT", UnregisteredEnv, match="CartPole-v1") as raised:
        RemoteEnv("CartPol-v1")
    assert "CartPole-v1" in raised.value.suggestions
    with raises("NOT_ALLOWED", match="asset"):
        RemoteEnv("CartPole-v1", asset=1)
    with raises("INVALID_KWARGS", match="human"):
        RemoteEnv("CartPole-v1", render_mode="human")
    with raises("INVALID_KWARGS") as raised:
        RemoteEnv("FrozenLake-v1", map_name="9x9")
    assert raised.value.exception["type"] == "builtins.KeyError"
    with raises("INVALID_ARGUMENT", match="builtins.set"):
        RemoteEnv("CartPole-v1", sutton_barto_reward={1})
    with pytest.raises(ValueError, match="Never"):
        RemoteVectorEnv("CartPole-v1", 2, autoreset_mode="Never")


def test_actions_that_do_not_fit_change_nothing(address):
    ours, theirs = RemoteVectorEnv("CartPole-v1", 3), gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync")
    ours.reset(seed=1), theirs.reset(seed=1)
    for actions in ([0, 1, 2], [0, 1], [0, 1, 0, 1], [0.5, 0.5, 0.5], "abc", None, np.zeros((3, 1), int)):
        with raises("INVALID_ACTION", InvalidAction):
            ours.step(actions)
    assert (ours.step([0, 1, 0])[0] == theirs.step([0, 1, 0])[0]).all()
    pendulum = RemoteEnv("Pendulum-v1")
    pendulum.reset(seed=1)
    for action in (3.0, [3.0], [np.nan], [0.0, 0.0], [0j], ["x"]):
        with raises("INVALID_ACTION", InvalidAction):
            pendulum.step(action)
    # NumPy's "same_kind": what policies compute in float64.
    assert pendulum.step(np.array([0.5]))[0].shape == (3,)
    ours.close(), theirs.close(), pendulum.close()


def test_numbers_outside_a_dtype(fixture_address):
    env = RemoteEnv("Echo-v0", name="discrete, uint8")
    env.reset()
    for action in (300, -1):
        with raises("INVALID_ACTION", match="outside the range of uint8"):
            env.step(action)
    assert env.step(60)[0] == 60
    env.close()


def test_order_of_calls(address):
    env = RemoteEnv("CartPole-v1", max_episode_steps=1)
    with raises("RESET_NEEDED", ResetNeeded):
        env.step(0)
    env.reset()
    assert env.step(0)[3] is True
    with raises("RESET_NEEDED", ResetNeeded):
        env.step(0)
    env.close()
    env.close()
    with raises("SESSION_CLOSED", ClosedEnvironmentError):
        env.step(0)


def test_seeds_and_options(address):
    envs = RemoteVectorEnv("CartPole-v1", 2)
    with pytest.raises(gymnasium.error.Error, match="-1"):
        envs.reset(seed=-1)
    with pytest.raises(ValueError, match="length=3"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(TypeError):
        envs.reset(seed=1.5)
    with raises("INVALID_SEED"):
        envs.reset(seed=1 << 256)
    assert (envs.reset(seed=np.int64(5))[0] == envs.reset(seed=5)[0]).all()
    with raises("INVALID_ARGUMENT", match=r"builtins\.object"):
        envs.reset(options={"low": object()})
    with raises("ENVIRONMENT_RAISED", match="low"):
        envs.reset(options={"low": 1.0, "high": -1.0})
    envs.close()


@pytest.mark.parametrize(
    ("mask", "kind", "match"),
    [
        ([True, False], TypeError, "numpy array"),
        (np.array([True]), ValueError, r"shape `\(2,\)`"),
        (np.array([1, 0]), TypeError, "bool_"),
        (np.array([False, False]), ValueError, "at least one"),
    ],
)
def test_reset_masks_that_do_not_fit(address, mask, kind, match):
    envs, local = RemoteVectorEnv("CartPole-v1", 2), gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    before = envs.reset(seed=1)[0]
    local.reset(seed=1)
    for made in (envs, local):
        with pytest.raises(kind, match=match):
            made.reset(options={"reset_mask": mask})
    kept = envs.reset(seed=1, options={"reset_mask": np.array([False, True])})[0]
    assert (kept == [before[0], envs.reset(seed=1)[0][1]]).all()
    envs.close()


def test_an_environment_that_raises(fixture_address):
    envs = RemoteVectorEnv("Faulty-v0", 2, where="step", fault="raise", at=1)
    envs.reset()
    envs.step([0, 0])
    with raises("ENVIRONMENT_RAISED", match="the arm broke") as raised:
        envs.step([0, 0])
    assert raised.value.env_indices[0] == 0 and raised.value.exception["type"] == "builtins.ValueError"
    with raises("RESET_NEEDED", ResetNeeded):
        envs.step([0, 0])
    envs.reset(options={"at": 9})
    assert envs.step([0, 0])[1].tolist() == [1, 1]
    envs.close()


def test_infos_that_cannot_travel_are_named_once(fixture_address):
    envs = RemoteVectorEnv("Faulty-v0", 2, where="step", fault="unsupported")
    envs.reset()
    with pytest.warns(UserWarning, match=r"Faulty-v0.*builtins.object, builtins.set") as warned:
        info = envs.step([0, 0])[4]
        envs.step([0, 0])
    assert len(warned) == 1
    assert info["object"].tolist() == [UnsupportedInfo("builtins.object")] * 2
    envs.close()


def test_asynchronous_calls(address):
    envs, local = RemoteVectorEnv("CartPole-v1", 2), gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    envs.reset(seed=1), local.reset(seed=1)
    with pytest.raises(NoAsyncCallError):
        envs.step_wait()
    envs.step_async([0, 1])
    for call in (lambda: envs.step_async([0, 1]), envs.reset, lambda: envs.step([0, 1])):
        with pytest.raises(AlreadyPendingCallError):
            call()
    assert (envs.step_wait()[0] == local.step([0, 1])[0]).all()
    envs.reset_async(seed=[4, 5])
    with pytest.raises(AlreadyPendingCallError, match="call to `reset`"):
        envs.step([0, 1])
    with pytest.raises(NoAsyncCallError, match="step_async"):
        envs.step_wait()
    assert (envs.reset_wait()[0] == local.reset(seed=4)[0]).all()
    with pytest.raises(NoAsyncCallError, match="reset_async"):
        envs.reset_wait()
    envs.step_async([0, 1])
    with pytest.warns(UserWarning, match="pending call to `step`"):
        envs.close()


def test_seeds_of_generators(address):
    envs = RemoteVectorEnv("CartPole-v1", 3)
    drawn = envs.np_random_seed
    assert drawn == (drawn[0], drawn[0] + 1, drawn[0] + 2)
    observations = envs.reset()[0]
    assert envs.np_random_seed == drawn
    assert (observations == envs.reset(seed=drawn[0])[0]).all()
    envs.reset(seed=7)
    assert envs.np_random_seed == (7, 8, 9)
    envs.reset()
    assert envs.np_random_seed == (7, 8, 9)
    envs.reset(seed=[1, None, 1 << 70])
    assert envs.np_random_seed == (1, 8, 1 << 70)
    envs.reset(seed=[4, 5, 6], options={"reset_mask": np.array([False, True, False])})
    assert envs.np_random_seed == (1, 5, 1 << 70)
    envs.fork(0, [2])
    assert envs.np_random_seed == (1, 5, -1)
    envs.close()
    env = RemoteEnv("CartPole-v1")
    drawn = env.np_random_seed
    assert (env.reset()[0] == env.reset(seed=drawn)[0]).all()
    env.reset(seed=7)
    env.reset()
    assert env.np_random_seed == 7
    env.restore_state(env.save_state())
    assert env.np_random_seed == -1
    env.close()


def test_arguments_of_single_sub_environments(address):
    each = [{"sutton_barto_reward": True}, {}]
    envs = RemoteVectorEnv("CartPole-v1", 2, env_kwargs=each)
    local = SyncVectorEnv([lambda kwargs=kwargs: gymnasium.make("CartPole-v1", **kwargs) for kwargs in each])
    envs.reset(seed=1), local.reset(seed=1)
    assert envs.step([0, 1])[1].tolist() == local.step([0, 1])[1].tolist() == [0.0, 1.0]
    envs.close()
    with pytest.raises(ValueError, match="length=1"):
        RemoteVectorEnv("CartPole-v1", 2, env_kwargs=[{}])


def test_observation_spaces_that_differ(address):
    each = [{"desc": ["SF", "FG"]}, {"desc": ["SFF", "FFG"]}]
    with raises("INVALID_KWARGS", RuntimeError, match="another observation space .* observation mode DIFFERENT"):
        RemoteVectorEnv("FrozenLake-v1", 2, env_kwargs=each, num_workers=1)
    with raises("INVALID_KWARGS", RuntimeError, match="another observation space .* observation mode DIFFERENT"):
        RemoteVectorEnv("FrozenLake-v1", 2, env_kwargs=each, num_workers=2)
    envs = RemoteVectorEnv("CartPole-v1", 2, observation_mode="different")
    assert envs.observation_space == gymnasium.vector.utils.batch_space(envs.single_observation_space, 2)
    envs.close()


def test_observation_spaces_of_the_callers_own(address):
    single, batch = Box(-9, 9, (4,)), Box(-9, 9, (2, 4))
    envs = RemoteVectorEnv("CartPole-v1", 2, observation_mode=(batch, single))
    local = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, observation_mode=(batch, single))
    assert envs.observation_space is batch and envs.single_observation_space is single
    assert (envs.reset(seed=1)[0] == local.reset(seed=1)[0]).all()
    assert (envs.step([0, 1])[0] == local.step([0, 1])[0]).all()
    envs.close()
    with raises("INVALID_ARGUMENT", RuntimeError, match="another kind, shape or dtype"):
        RemoteVectorEnv("CartPole-v1", 2, observation_mode=(batch, Box(-9, 9, (5,))))
    for mode, kind in (("equal", ValueError), (batch, ValueError), ((batch, "same"), TypeError)):
        for make in (lambda mode: RemoteVectorEnv("CartPole-v1", 2, observation_mode=mode), _local):
            with pytest.raises(kind, match="observation_mode"):
                make(mode)


def _local(mode):
    return SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, observation_mode=mode)


# Attributes.


def test_attributes_of_a_single_environment(address):
    env, local = gymnasium.make("gymlink/Taxi-v4"), gymnasium.make("Taxi-v4").unwrapped
    assert env.get_wrapper_attr("P") == local.P
    assert env.call("encode", 1, 2, 3, 0) == local.encode(1, 2, 3, 0)
    assert env.has_wrapper_attr("desc") and not env.has_wrapper_attr("nothing")
    for name in ("nothing", "reset", "__class__", "unwrapped"):
        with raises("NOT_ALLOWED", AttributeError):
            env.call(name)
    with raises("MALFORMED_REQUEST"):
        env.call("encode")
    env.reset(seed=1)
    with raises("ENVIRONMENT_RAISED"):
        env.call("encode", "north", 2, 3, 0)
    env.close()
    cart = gymnasium.make("gymlink/CartPole-v1")
    assert cart.get_wrapper_attr("gravity") == 9.8
    assert cart.set_wrapper_attr("gravity", 1.5)
    assert cart.call("gravity") == 1.5
    with raises("NOT_ALLOWED", AttributeError):
        cart.set_wrapper_attr("length", 2.0)
    cart.close()


def test_attributes_of_sub_environments(address):
    envs = RemoteVectorEnv("CartPole-v1", 4, num_workers=2)
    gravities = [9.81, 3.72, 8.87, 1.62]
    envs.set_attr("gravity", gravities)
    assert envs.get_attr("gravity") == tuple(gravities)
    envs.set_attr("gravity", 2.5)
    assert envs.call("gravity") == (2.5,) * 4
    with pytest.raises(ValueError, match="length=2"):
        envs.set_attr("gravity", [1.0, 2.0])
    with raises("NOT_ALLOWED", AttributeError):
        envs.get_attr("np_random")
    with raises("INVALID_ARGUMENT", match=r"builtins\.set"):
        envs.set_attr("gravity", {1})
    envs.close()


# The end.


def sessions(server):
    """Number of sessions that a server has."""
    with grpc.insecure_channel(server.address) as channel:
        answer = channel.unary_unary("/gymlink.v1.EnvironmentService/ListSessions")(b"", timeout=20)
    return len(wire.decode("ListSessionsResponse", answer).get("sessions", ()))


def test_no_server():
    began = time.monotonic()
    with raises("CONNECTION_FAILED", match=r"unix:/nowhere/s\.sock.*gymlink serve"):
        RemoteEnv("CartPole-v1", address="unix:/nowhere/s.sock")
    with raises("CONNECTION_FAILED", match="127.0.0.1:9"):
        RemoteEnv("CartPole-v1", address="127.0.0.1:9")
    assert time.monotonic() - began < 30


def test_a_server_that_dies(own_server, stream):
    env = RemoteEnv("CartPole-v1", address=own_server.address)
    env.reset()
    own_server.process.kill()
    own_server.process.wait()
    for _ in range(2):
        with raises("CONNECTION_FAILED", match="was lost"):
            env.step(0)
    env.close()


def test_a_server_that_hangs(own_server, stream):
    # The first environment waits for its family.
    RemoteEnv("CartPole-v1", address=own_server.address).close()
    env = RemoteEnv("CartPole-v1", address=own_server.address, timeout_s=4.0)
    env.reset()
    os.kill(own_server.process.pid, signal.SIGSTOP)
    try:
        with raises("DEADLINE_EXCEEDED", match="within 4 s"):
            env.step(0)
        env.close()
    finally:
        os.kill(own_server.process.pid, signal.SIGCONT)


def test_a_worker_that_dies(fixture_address):
    env = RemoteEnv("Faulty-v0", where="step", fault="die")
    env.reset()
    for _ in range(2):
        with raises("WORKER_DIED"):
            env.step(0)
    env.close()


def test_control_c_ends_a_wait(fixture_address, stream):
    env = RemoteEnv("Faulty-v0", where="step", fault="hang")
    env.reset()
    timer = threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        env.step(0)
    with raises("SESSION_CLOSED", match="interrupted"):
        env.step(0)
    env.close()


def test_an_environment_that_is_forgotten_ends_its_session(own_server, stream):
    others = set(threading.enumerate())
    env = RemoteEnv("CartPole-v1", address=own_server.address)
    assert sessions(own_server) == 1
    watchers = [thread for thread in set(threading.enumerate()) - others if thread.name == "gymlink-deadline"]
    assert len(watchers) == (stream == "gRPC")
    del env
    gc.collect()
    deadline = time.monotonic() + 20
    while sessions(own_server) or any(thread.is_alive() for thread in watchers):
        assert time.monotonic() < deadline, own_server.log()
        time.sleep(0.05)
