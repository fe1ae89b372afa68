import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from subject_line import SubjectLine

from notifications import Notifications


@pytest.mark.parametrize("make", [Notifications, SubjectLine])
@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
@pytest.mark.filterwarnings("error::UserWarning", "ignore:.*Not able to test alternative render modes")
def test_gymnasiums_checker_has_nothing_to_say(make, render_mode):
    if render_mode is None or render_mode in make.metadata["render_modes"]:
        check_env(make(render_mode=render_mode))


def play(policy, seed, **kwargs):
    """Returns, lengths and what was sent in an episode each for 20 users."""
    results = []
    for user in range(20):
        env = gymnasium.wrappers.TimeLimit(Notifications(**kwargs), 112)
        observation, _ = env.reset(seed=seed + user)
        total, length, ended = 0.0, 0, False
        while not ended:
            observation, reward, terminated, truncated, info = env.step(policy(observation))
            total, length, ended = total + reward, length + 1, terminated or truncated
        results.append((total, length, info["sent"]))
    return np.array(results)


def test_the_same_seed_gives_the_same_users():
    first, again, others = (play(lambda _: 3, seed) for seed in (1, 1, 1000))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, others)


def test_users_to_whom_all_is_sent_are_lost_and_the_others_stay():
    spammed, spared = play(lambda _: 3, 1), play(lambda _: 0, 1)
    assert (spammed[:, 1] < 112).all()
    assert (spared[:, 1] == 112).all()
    assert spared[:, 0].mean() > 0 > spammed[:, 0].mean()


def test_patient_users_stay_longer():
    assert play(lambda _: 3, 1, patience=3)[:, 1].mean() > 1.5 * play(lambda _: 3, 1)[:, 1].mean()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"audience": "nobody"}, "audience must be one of everyone, early birds, night owls, not 'nobody'"),
        ({"patience": 0.0}, "patience must be a number above 0, not 0.0"),
        ({"churn_cost": float("nan")}, "churn_cost must be a number from 0, not nan"),
    ],
)
def test_arguments_are_checked(kwargs, message):
    with pytest.raises(ValueError, match=message):
        Notifications(**kwargs)


def test_a_frame_has_the_colours_of_what_was_opened():
    env = Notifications(render_mode="rgb_array")
    env.reset(seed=1)
    empty = env.render()
    assert (empty.shape, empty.dtype) == ((440, 960, 3), np.uint8)
    opened = 0
    while not opened:
        *_, info = env.step(3 if env.open_probability(2) > 0.5 else 0)
        opened = info["opened"]
    orange = (env.render() == (0xE0, 0x7B, 0x39)).all(-1).sum() - (empty == (0xE0, 0x7B, 0x39)).all(-1).sum()
    assert orange > 100


def test_better_subject_lines_are_opened_more():
    env = SubjectLine(mailings=3)
    observation, _ = env.reset(seed=1)
    topic, discount = observation["brief"].removeprefix("On offer: ").removesuffix(" off.").split(", ")
    lines = ["HI!", f"{topic} for less", f"All our {topic}, {discount} off"]
    steps = [env.step(line) for line in lines]
    rewards = [reward for _, reward, *_ in steps]
    assert rewards == sorted(rewards)
    assert [terminated for _, _, terminated, _, _ in steps] == [False, False, True]
    assert steps[0][0]["feedback"].endswith("opened. Name the offer.")
    assert steps[2][0]["feedback"].endswith("opened. Good line.")
