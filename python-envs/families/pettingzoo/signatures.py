"""Constructors that say which arguments they take; PettingZoo's own take any and hand them on to another class."""

import inspect

from pettingzoo.butterfly.cooperative_pong import cooperative_pong as pong
from pettingzoo.sisl.multiwalker import multiwalker as walkers
from pettingzoo.sisl.multiwalker.multiwalker_base import MultiWalkerEnv
from pettingzoo.sisl.pursuit import pursuit as pursuers
from pettingzoo.sisl.pursuit.pursuit_base import Pursuit


def told_by(inner):
    """Gives a function the signature of the class that its arguments end up at."""

    def give(constructor):
        constructor.__signature__ = inspect.signature(inner)
        return constructor

    return give


@told_by(pong.CooperativePong)
def cooperative_pong(**kwargs):
    """As pettingzoo.butterfly.cooperative_pong_v6.parallel_env."""
    return pong.parallel_env(**kwargs)


@told_by(MultiWalkerEnv)
def multiwalker(**kwargs):
    """As pettingzoo.sisl.multiwalker_v9.parallel_env."""
    return walkers.parallel_env(**kwargs)


@told_by(Pursuit)
def pursuit(**kwargs):
    """As pettingzoo.sisl.pursuit_v5.parallel_env."""
    return pursuers.parallel_env(**kwargs)
