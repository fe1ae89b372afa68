"""Attributes and methods of real environments, on the allow-list of the fixtures (tests/fixtures/family.json)."""

import json
from pathlib import Path

import gymnasium
import pytest

from gymlink.protocol import wire
from gymlink.protocol.values import from_value, to_value
from gymlink.sidecar.attributes import AllowList, decode_call
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.requests import Sieve

TAXI = max(env_id for env_id in gymnasium.registry if env_id.startswith("Taxi-"))
MANIFEST = json.loads((Path(__file__).parents[2] / "tests/fixtures/family.json").read_text())


def decoded(**fields):
    return decode_call(wire.encode("CallRequest", fields), Sieve(3, 1, 2))


def called(env, env_id, *args, values=(), **fields):
    """What a session of one sub-environment answers."""
    request = {"args": {"values": list(map(to_value, args))}, "set_values": list(map(to_value, values)), **fields}
    call = decode_call(wire.encode("CallRequest", request), Sieve(1, 0, 1))
    AllowList(MANIFEST, env_id).check(call)
    call.check_on(env, env_id)
    return from_value(call.make(env, call.values[0]))


@pytest.fixture
def taxi():
    return gymnasium.make(TAXI, disable_env_checker=True)


def test_the_transition_model_keeps_its_integer_keys(taxi):
    assert called(taxi, TAXI, name="P") == taxi.unwrapped.P
    assert called(taxi, TAXI, name="desc")[0] == [b"+"] + [b"-"] * 9 + [b"+"]


def test_a_method_takes_arguments(taxi):
    assert called(taxi, TAXI, 3, 1, 2, 0, name="encode") == 328
    for arguments in ((3, 1, 2), (3, 1, 2, 0, 5)):
        with pytest.raises(RequestError, match=r"'encode' of Taxi-v\d does not take these arguments: .* Nothing was changed"):
            called(taxi, TAXI, *arguments, name="encode")


def test_an_attribute_is_set_where_it_is():
    cart = gymnasium.make("CartPole-v1", disable_env_checker=True)
    assert called(cart, "CartPole-v1", name="state", values=[[1.0, 2.0, 3.0, 4.0]]) is None
    assert cart.unwrapped.state == [1.0, 2.0, 3.0, 4.0]
    assert "state" not in vars(cart)


NOT_ALLOWED = [
    ("__class__", {}),
    ("__dict__", {}),
    ("state.__class__", {}),
    ("unwrapped", {}),
    ("reset", {}),
    ("length", {"values": [1.0]}),  # read-only
    ("absent", {}),  # on the list, but the environment lacks it
    ("close", {}),  # on the list to be read, but it is a method
]


@pytest.mark.parametrize(("name", "fields"), NOT_ALLOWED)
def test_what_is_not_on_the_list_is_refused(name, fields):
    cart = gymnasium.make("CartPole-v1", disable_env_checker=True)
    with pytest.raises(RequestError, match=f"{name!r}.*Nothing was changed") as raised:
        called(cart, "CartPole-v1", name=name, **fields)
    assert raised.value.reason == 6
    assert cart.unwrapped.length == 0.5


def test_the_list_is_told_nearest_first():
    with pytest.raises(RequestError) as raised:
        AllowList(MANIFEST, "CartPole-v1").check(decoded(name="lenght"))
    assert raised.value.suggestions == ["length", "absent", "close", "state"]


def test_each_sub_environment_gets_its_own_value():
    call = decoded(name="state", set_values=[to_value(value) for value in (1, 2, 3)])
    assert (call.selection.numbers, call.values) == ([1, 2], [2, 3])


@pytest.mark.parametrize(
    "fields",
    [
        {"set_values": [to_value(1)]},
        {"set_values": [to_value(1)] * 3, "args": {"values": [to_value(1)]}},
        {"kwargs": {"entries": [{"key": {"integer": 1}, "value": to_value(1)}]}},
    ],
)
def test_malformed_calls_are_refused(fields):
    with pytest.raises((RequestError, ValueError)):
        decoded(name="state", **fields)


def test_arguments_are_for_methods(taxi):
    with pytest.raises(RequestError, match=r"'P' of Taxi-v\d is no method"):
        called(taxi, TAXI, 1, name="P")
