import gymnasium
import pytest
from gymnasium.spaces import Dict, Discrete, Text, Tuple

from gymlink.protocol import schema
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.standard_spaces import SpaceRules
from tests.fixtures.environments import Moves, Shout, Words, as_discrete, as_text
from tests.space_list import dict_in_order

HERE = "tests.fixtures.environments"


class Env(gymnasium.Env):
    """Has the spaces that it is given."""

    def __init__(self, observation_space, action_space):
        """Takes both."""
        self.observation_space, self.action_space = observation_space, action_space


def raising(space):
    """A rule that fails."""
    raise ValueError("no such words")


def shown(observation_space, rules, action_space=None):
    env = gymnasium.wrappers.OrderEnforcing(Env(observation_space, action_space or Discrete(2)))
    again = SpaceRules({"spaces": rules}).apply(env)
    assert again is env
    return env


def test_the_first_rule_counts_whose_class_a_space_is_of():
    shout, words = {f"{HERE}:Shout": f"{HERE}:as_short_text"}, {f"{HERE}:Words": f"{HERE}:as_text"}
    assert shown(Shout(), {**shout, **words}).observation_space == Text(4, charset="AH!")
    assert shown(Words(), {**shout, **words}).observation_space == as_text(None)
    assert shown(Shout(), {**words, **shout}).observation_space == as_text(None)


def test_dicts_and_tuples_are_searched_and_keep_their_order():
    inner = dict_in_order({"z": Words(), "a": Discrete(2)})
    space = Tuple([Discrete(5), inner])
    env = shown(space, {f"{HERE}:Words": f"{HERE}:as_text"})
    assert env.observation_space == Tuple([Discrete(5), dict_in_order({"z": as_text(None), "a": Discrete(2)})])
    assert list(env.observation_space[1].spaces) == ["z", "a"]
    # The environment may use its own.
    assert env.unwrapped.observation_space is space
    assert type(inner["z"]) is Words


def test_spaces_that_no_rule_concerns_are_the_same_objects():
    observation_space, action_space = Dict(a=Tuple([Discrete(2)])), Discrete(3)
    env = shown(observation_space, {f"{HERE}:Words": f"{HERE}:as_text"}, action_space)
    assert env.observation_space is observation_space
    assert env.action_space is action_space


def test_action_spaces_have_rules_too():
    assert shown(Discrete(2), {f"{HERE}:Moves": f"{HERE}:as_discrete"}, Moves()).action_space == as_discrete(None)


def test_an_environment_that_cannot_show_other_spaces_is_wrapped():
    env = Env(Words(), Discrete(2))
    wrapped = SpaceRules({"spaces": {f"{HERE}:Words": f"{HERE}:as_text"}}).apply(env)
    assert (wrapped.observation_space, wrapped.action_space) == (as_text(None), env.action_space)
    assert wrapped.unwrapped is env


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (f"{__name__}:raising", f"The rule for {HERE}:Words .* raised: ValueError: no such words"),
        ("builtins:repr", f"The rule for {HERE}:Words .* gave no space, but a value of type str"),
        ("no_such_package:rule", "no_such_package:rule .* cannot be imported on this server: ModuleNotFoundError"),
        (f"{HERE}:no_such_rule", "no_such_rule .* cannot be imported on this server: AttributeError"),
    ],
)
def test_a_rule_that_does_not_work_is_named(rule, says):
    with pytest.raises(RequestError, match=says) as raised:
        shown(Words(), {f"{HERE}:Words": rule})
    assert raised.value.reason == schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE
