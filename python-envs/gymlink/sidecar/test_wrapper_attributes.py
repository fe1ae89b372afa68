import gymnasium
import pytest
from gymnasium.wrappers import TimeLimit

from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.recorder import Recorder
from gymlink.sidecar.wrapper_attributes import has_wrapper_attr, set_wrapper_attr


class Scaling(gymnasium.Wrapper):
    def __init__(self, env):
        super().__init__(env)
        self.scale = 1.0


@pytest.fixture
def bare():
    return gymnasium.make("CartPole-v1", disable_env_checker=True).unwrapped


@pytest.mark.parametrize(
    "wrap", [lambda env: env, lambda env: TimeLimit(env, 9), lambda env: TimeLimit(Recorder(env, history=False), 9)]
)
def test_the_environment_has_what_no_wrapper_has(bare, wrap):
    env = wrap(bare)
    assert has_wrapper_attr(env, "gravity")
    assert not has_wrapper_attr(env, "gravitas")
    set_wrapper_attr(env, "gravity", 5.0)
    assert bare.gravity == 5.0
    assert "gravity" not in vars(env) or env is bare


def test_the_outermost_that_has_it_gets_it(bare):
    bare.scale = 2.0
    inner = Scaling(bare)
    outer = Scaling(TimeLimit(inner, 9))
    set_wrapper_attr(outer, "scale", 3.0)
    assert (outer.scale, inner.scale, bare.scale) == (3.0, 1.0, 2.0)
    set_wrapper_attr(outer.env, "scale", 4.0)
    assert (outer.scale, inner.scale, bare.scale) == (3.0, 4.0, 2.0)


def test_a_log_in_between_hears_of_it(bare):
    recorder = Recorder(bare, history=False)
    env = TimeLimit(recorder, 9)
    env.reset(seed=1)
    recorder.log()
    set_wrapper_attr(env, "gravity", 5.0)
    with pytest.raises(NotCopied, match="an attribute was set"):
        recorder.log()
