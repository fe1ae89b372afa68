"""highway-env whose infos of a reset follow from the seed, as everything else of it does.

A reset of highway-env makes the action space anew, samples it, and tells the action in its info, with the rewards that it would
have had: no seed reaches that sample. Here the new space is seeded by what the environment's generator would give next; the
generator itself stays where it is, so that episodes are highway-env's own.
"""

import copy
import functools

from highway_env.envs.common.abstract import AbstractEnv

_MOST_SEEDS = 2**31


def _with_seeded_actions(define_spaces):
    @functools.wraps(define_spaces)
    def define(env):
        define_spaces(env)
        env.action_space.seed(int(copy.deepcopy(env.np_random).integers(_MOST_SEEDS)))

    return define


AbstractEnv.define_spaces = _with_seeded_actions(AbstractEnv.define_spaces)
