"""The Python client: seeds, wrappers, info keys and plans at opening, and rendering on request."""

from io import BytesIO

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation, TimeAwareObservation
from PIL import Image

from gymlink.client import RemoteEnv, RemoteVectorEnv
from tests.test_client import raises


def test_a_seed_at_opening_is_that_of_the_first_reset(address):
    local = gymnasium.make("CartPole-v1")
    with RemoteEnv("CartPole-v1", seed=41) as env:
        assert env.seed == 41 and env.max_episode_steps == 500
        assert (env.reset()[0] == local.reset(seed=41)[0]).all()
        assert (env.reset()[0] == local.reset()[0]).all()
        assert (env.reset(seed=3)[0] == local.reset(seed=3)[0]).all()
    envs = RemoteVectorEnv("CartPole-v1", 2, seed=np.int64(41), max_episode_steps=9)
    assert envs.seed == 41 and envs.max_episode_steps == 9
    envs.reset()
    assert envs.last_transition().seeds == {0: 41, 1: 42}
    envs.close()
    drawn = RemoteVectorEnv("CartPole-v1", 2)
    drawn.reset()
    assert drawn.last_transition().seeds == {0: drawn.seed, 1: drawn.seed + 1}
    drawn.close()


@pytest.mark.parametrize(
    "given",
    [
        ["TimeAwareObservation", ("FrameStackObservation", {"stack_size": 3})],
        ({"name": "TimeAwareObservation"}, {"name": "FrameStackObservation", "kwargs": {"stack_size": 3}}),
    ],
)
def test_wrappers_are_gymnasiums(address, given):
    def make():
        return FrameStackObservation(TimeAwareObservation(gymnasium.make("CartPole-v1")), stack_size=3)

    local = SyncVectorEnv([make, make])
    envs = RemoteVectorEnv("CartPole-v1", 2, wrappers=given)
    assert envs.single_observation_space == local.single_observation_space
    assert (envs.reset(seed=1)[0] == local.reset(seed=1)[0]).all()
    for _ in range(40):
        actions = envs.action_space.sample()
        assert (envs.step(actions)[0] == local.step(actions)[0]).all()
    envs.close()
    with RemoteEnv("CartPole-v1", wrappers=given) as env:
        assert (env.reset(seed=1)[0] == make().reset(seed=1)[0]).all()


def test_wrappers_that_are_refused(address):
    with raises("NOT_ALLOWED", match="RecordVideo") as raised:
        RemoteEnv("CartPole-v1", wrappers=["RecordVideo"])
    assert "RecordEpisodeStatistics" in raised.value.suggestions
    assert str(raised.value).count("RecordEpisodeStatistics") == 1
    with raises("INVALID_KWARGS", match="size"):
        RemoteVectorEnv("CartPole-v1", 2, wrappers=[("FrameStackObservation", {"size": 3})])
    for wrappers in (
        "TimeAwareObservation",
        [TimeAwareObservation],
        [("FrameStackObservation", 3)],
        [("FrameStackObservation",)],
        [{"class": "TimeAwareObservation"}],
        [("FrameStackObservation", {"stack_size": {3}})],
        [("FrameStackObservation", {1: 3})],
    ):
        with raises("INVALID_ARGUMENT"):
            RemoteVectorEnv("CartPole-v1", 2, wrappers=wrappers)


def test_infos_that_are_left_out(address):
    for info_keys, expected in ((None, {"prob", "action_mask"}), (["prob", "absent"], {"prob"}), ([], set())):
        envs = RemoteVectorEnv("Taxi-v4", 2, info_keys=info_keys, max_episode_steps=2, autoreset_mode="SameStep")
        infos = [envs.reset(seed=1)[1], envs.step([0, 0])[4], envs.step([0, 0])[4]]
        finals = infos[2].pop("final_info")
        for info in (*infos, finals):
            assert {key for key in info if key not in ("final_obs", "final_info") and key[0] != "_"} == expected
        envs.close()
        with RemoteEnv("Taxi-v4", info_keys=info_keys) as env:
            assert set(env.reset(seed=1)[1]) == expected
    for info_keys in ("prob", [1], {"prob": True}):
        with raises("INVALID_ARGUMENT", match="info_keys"):
            RemoteEnv("Taxi-v4", info_keys=info_keys)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_plan_seeds_autoresets(address, mode):
    # Each later episode of sub-environment 0; options count as in a reset, and without a seed the generator goes on.
    plan = [[{"seed": 1 << 100}, {"options": {"low": 0.0, "high": 0.0}}, {}], []]
    envs = RemoteVectorEnv("CartPole-v1", 2, seed=7, plan=plan, max_episode_steps=2, autoreset_mode=mode)
    local = gymnasium.make("CartPole-v1")
    begins = [envs.reset()[0][0]]
    seeds = [envs.last_transition().seeds]
    while len(begins) < 4:
        observations = envs.step([0, 0])[0]
        details = envs.last_transition()
        if details.episode_steps[0] == 0:
            begins.append(observations[0])
            seeds.append(details.seeds)
    assert seeds == [{0: 7, 1: 8}, {0: 1 << 100}, {}, {}]
    local.reset(seed=7)
    expected = [local.reset(seed=1 << 100)[0], np.zeros(4)]
    assert (np.array(begins[1:3]) == expected).all()
    assert np.any(begins[3] != 0)
    envs.close()


def test_plans_that_are_refused(address):
    with raises("MALFORMED_REQUEST", match="plan"):
        RemoteVectorEnv("CartPole-v1", 1, plan=[[{"seed": 1}]], autoreset_mode="Disabled")
    for plan, reason in (
        ([[{"seed": 1}]], "INVALID_ARGUMENT"),
        ([[{"seed": 1}], {"seed": 1}], "INVALID_ARGUMENT"),
        ([[1], []], "INVALID_ARGUMENT"),
        ([[{"sed": 1}], []], "INVALID_ARGUMENT"),
        ([[{"options": {"low": object()}}], []], "INVALID_ARGUMENT"),
        ([[{"seed": -1}], []], "INVALID_SEED"),
        ([[{"seed": 1 << 256}], []], "INVALID_SEED"),
    ):
        with raises(reason):
            RemoteVectorEnv("CartPole-v1", 2, plan=plan)


@pytest.mark.parametrize("count", [0, -1, 1 << 32])
def test_numbers_that_are_none(address, count):
    for name in ("num_envs", "num_workers", "max_episode_steps"):
        with raises("INVALID_ARGUMENT", match=name):
            RemoteVectorEnv("CartPole-v1", **{"num_envs": 1, name: count})


# Rendering.


def test_frames_are_encoded_and_scaled(address):
    envs = RemoteVectorEnv("CartPole-v1", 3, render_mode="rgb_array")
    envs.reset(seed=1)
    raw = envs.render()
    encoded = envs.render(encoding="png", env_indices=[0, 2])
    assert [type(frame) for frame in encoded] == [bytes, bytes]
    for frame, env in zip(encoded, (0, 2)):
        assert np.array_equal(np.asarray(Image.open(BytesIO(frame))), raw[env])
    (small,) = envs.render(width=60, env_indices=[1])
    assert small.shape == (40, 60, 3) and small.dtype == np.uint8
    for encoding in ("jpeg", "webp"):
        (frame,) = envs.render(encoding=encoding, width=60, env_indices=(np.int64(1),))
        image = Image.open(BytesIO(frame))
        assert (image.format, image.size) == (encoding.upper(), (60, 40))
    envs.close()
    env = gymnasium.make("gymlink/CartPole-v1", render_mode="rgb_array")
    env.reset(seed=1)
    assert np.array_equal(np.asarray(Image.open(BytesIO(env.render(encoding="png")))), raw[0])
    assert env.render(width=30).shape == (20, 30, 3)
    env.close()


def test_renderings_that_are_refused(address):
    envs = RemoteVectorEnv("CartPole-v1", 2, render_mode="rgb_array")
    envs.reset(seed=1)
    for options, reason in (
        ({"encoding": "gif"}, "INVALID_ARGUMENT"),
        ({"width": 0}, "INVALID_ARGUMENT"),
        ({"env_indices": []}, "INVALID_ARGUMENT"),
        ({"env_indices": [-1]}, "INVALID_ARGUMENT"),
        ({"env_indices": [2]}, "INVALID_ENV_INDEX"),
        ({"env_indices": [1, 0]}, "INVALID_ENV_INDEX"),
        ({"width": 4_000_000_000}, "LIMIT_EXCEEDED"),
    ):
        with raises(reason):
            envs.render(**options)
    assert len(envs.render(encoding="png")) == 2
    envs.close()
    with RemoteEnv("FrozenLake-v1", render_mode="ansi") as env:
        env.reset()
        with raises("RENDER_UNAVAILABLE"):
            env.render(encoding="png")


def test_ints_beyond_64_bits_in_infos(fixture_address):
    # For which SyncVectorEnv raises.
    envs = RemoteVectorEnv("Told-v0", 3)
    given = [{"n": 1, "deep": {"m": 2}}, {"n": 1 << 70, "deep": {"m": -1 << 70}}, {}]
    infos = envs.reset(seed=1, options=given)[1]["options"]
    assert infos["n"].tolist() == [1, 1 << 70, 0]
    assert infos["_n"].tolist() == [True, True, False]
    assert infos["deep"]["m"].tolist() == [2, -1 << 70, 0]
    assert envs.last_transition().infos[1]["options"] == given[1]
    envs.close()


def test_options_through_make(address):
    with gymnasium.make("gymlink/Taxi-v4", wrappers=["TimeAwareObservation"], info_keys=["prob"], seed=5) as env:
        observation, info = env.reset()
        assert env.observation_space.contains(observation) and set(info) == {"prob"} and env.unwrapped.seed == 5
    envs = gymnasium.make_vec(
        "gymlink/CartPole-v1", num_envs=1, max_episode_steps=1, plan=[[{"seed": 9}]], autoreset_mode="SameStep"
    )
    envs.reset(seed=1)
    assert (envs.step([0])[0][0] == gymnasium.make("CartPole-v1").reset(seed=9)[0]).all()
    envs.close()
    with pytest.raises(gymnasium.error.Error, match="wrappers"):
        gymnasium.make_vec("gymlink/CartPole-v1", num_envs=1, wrappers=["TimeAwareObservation"])


@pytest.mark.parametrize("given", [{"env_id": None}, {"env_id": b"CartPole-v1"}, {"render_mode": 5}])
def test_names_are_texts(address, given):
    (name,) = given
    for make in (RemoteEnv, RemoteVectorEnv):
        with raises("INVALID_ARGUMENT", match=f"{name} must be a text"):
            make(**{"env_id": "CartPole-v1", "address": address, **given})
