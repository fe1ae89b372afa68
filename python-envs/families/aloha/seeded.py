"""gym-aloha whose resets without a seed go on from the seed before, as Gymnasium has it.

A reset of gym-aloha without a seed places the objects by a generator that nothing seeds. Here it gets a seed that the
environment's own generator draws. Resets with a seed are gym-aloha's own.
"""

import functools

from gym_aloha.env import AlohaEnv

_MOST_SEEDS = 2**32


def _with_drawn_seeds(reset):
    @functools.wraps(reset)
    def seeded(env, seed=None, options=None):
        if seed is not None:
            return reset(env, seed=seed, options=options)
        generator = env.np_random
        try:
            return reset(env, seed=int(generator.integers(_MOST_SEEDS)), options=options)
        finally:
            env.np_random = generator

    return seeded


AlohaEnv.reset = _with_drawn_seeds(AlohaEnv.reset)
