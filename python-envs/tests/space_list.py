"""Spaces of every kind: every dtype, shape and nesting in Gymnasium's own tests, and some more."""

from inspect import signature

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, Sequence, Text, Tuple

OneOf = getattr(spaces, "OneOf", None)  # from Gymnasium 1.0 on
# Its version, `(major, minor)`: older ones cannot make all that is tried.
GYMNASIUM = tuple(map(int, gymnasium.__version__.split(".")[:2]))

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "float32", "float64")


def _full_range(dtype):
    limits = np.iinfo(dtype)
    return Box(limits.min, limits.max, (3,), np.dtype(dtype).type)


def dict_in_order(entries):
    """A Dict space that never sorts its keys; older versions of Gymnasium leave a list of pairs as it is."""
    can_say_so = "sort_keys" in signature(Dict).parameters
    return Dict(entries, sort_keys=False) if can_say_so else Dict(list(entries.items()))


def _made(makers):
    """The spaces by name, without those that an older Gymnasium cannot make."""
    made = {}
    for name, make in makers.items():
        try:
            made[name] = make()
        except (AssertionError, TypeError):
            if GYMNASIUM >= (1, 4):
                raise
    if GYMNASIUM < (1, 4):
        # Their samples are not of the space.
        for name in ("graph, discrete nodes", "discrete, uint32", "discrete, 1 of uint64"):
            made.pop(name, None)
    return made


SPACES = _made(
    {
        "discrete": lambda: Discrete(5),
        "discrete, negative start": lambda: Discrete(7, start=-3),
        "discrete, int32": lambda: Discrete(6, start=2, dtype=np.int32),
        "discrete, uint8": lambda: Discrete(200, start=50, dtype=np.uint8),
        **{f"box, {dtype}, full range": lambda dtype=dtype: _full_range(dtype) for dtype in _INTEGERS},
        **{f"box, {dtype}": lambda dtype=dtype: Box(-2.0, 3.0, (2, 3), np.dtype(dtype).type) for dtype in _FLOATS},
        "box, bool": lambda: Box(0, 1, (5,), np.bool_),
        "box, bool, bounds an element": lambda: Box(np.array([0, 0, 1]), np.array([1, 0, 1]), dtype=np.bool_),
        "box, no axes": lambda: Box(-1.0, 1.0, (), np.float64),
        "box, no elements": lambda: Box(0.0, 1.0, (0,), np.float32),
        "box, an axis of length 0": lambda: Box(0.0, 1.0, (2, 0), np.float32),
        "box, unbounded": lambda: Box(-np.inf, np.inf, (4,), np.float32),
        "box, bounded below": lambda: Box(0.0, np.inf, (2, 2), np.float32),
        "box, bounded above": lambda: Box(-np.inf, 0.0, (2, 1), np.float64),
        "box, bounds an element": lambda: Box(np.array([-1.0, 0.0, -np.inf]), np.array([1.0, np.inf, 5.0]), dtype=np.float64),
        "box, integers with open bounds": lambda: Box(np.array([-np.inf, 0.0]), np.array([9.0, np.inf]), dtype=np.int32),
        "box, int64 without bounds": lambda: Box(-np.inf, np.inf, (3,), np.int64),
        "box, int8 without an upper bound": lambda: Box(-5, np.inf, (2,), np.int8),
        "discrete, 53 bits": lambda: Discrete(2**53, start=-(2**40)),
        "discrete, 64 bits": lambda: Discrete(2**63 - 1, start=-(2**62)),
        "discrete, uint32": lambda: Discrete(10, start=2**32 - 10, dtype=np.uint32),
        "discrete, uint64": lambda: Discrete(2**64 - 5, start=2, dtype=np.uint64),
        "discrete, 1 of uint64": lambda: Discrete(1, start=2**64 - 1, dtype=np.uint64),
        "multi-discrete, 64 bits": lambda: MultiDiscrete([2**62, 5, 3], start=[-(2**62), 2**53 - 1, -(2**63)]),
        # Gymnasium cannot sample batches beyond 2**63.
        "multi-discrete, uint64": lambda: MultiDiscrete(
            np.array([2, 2**61], np.uint64), np.uint64, start=np.array([2**62, 7], np.uint64)
        ),
        "multi-discrete, uint32": lambda: MultiDiscrete([4, 3], np.uint32, start=[2**32 - 4, 0]),
        "box, image": lambda: Box(0, 255, (5, 4, 3), np.uint8),
        "multi-discrete": lambda: MultiDiscrete([3, 2]),
        "multi-discrete, two axes": lambda: MultiDiscrete([[4, 2, 3], [2, 5, 6]]),
        "multi-discrete, start": lambda: MultiDiscrete([3, 4], start=[-10, 20]),
        "multi-discrete, two axes, start": lambda: MultiDiscrete([[3, 4], [5, 6]], start=[[0, 10], [-20, 30]]),
        "multi-discrete, int8": lambda: MultiDiscrete([3, 4], dtype=np.int8),
        "multi-discrete, uint16": lambda: MultiDiscrete([300, 4], dtype=np.uint16),
        "multi-binary": lambda: MultiBinary(6),
        "multi-binary, one axis": lambda: MultiBinary([6]),
        "multi-binary, two axes": lambda: MultiBinary([3, 2]),
        "text": lambda: Text(8, charset="abcxyz"),
        "text, length within": lambda: Text(7, min_length=4, charset="01"),
        "text, possibly empty": lambda: Text(3, min_length=0, charset="ab"),
        "text, one to four bytes a character": lambda: Text(5, charset="aé→𝄞"),
        "tuple": lambda: Tuple((Discrete(4), Discrete(6, start=1))),
        "tuple, mixed": lambda: Tuple((Discrete(3), Box(np.array([-1.0, 0.0]), np.array([1.0, 4.0]), dtype=np.float64))),
        "tuple of tuple": lambda: Tuple((MultiBinary(3), Tuple((Box(0.0, 1.0, (3,)), Tuple((Discrete(2),)))))),
        "tuple of dict": lambda: Tuple((Discrete(3), Dict(place=Box(-1.0, 1.0, (2,)), speed=Discrete(5)))),
        "dict": lambda: Dict(zeta=Discrete(5), alpha=Box(0, 255, (3,), np.uint8)),
        "dict, never sorted": lambda: dict_in_order({"zeta": Discrete(5), "alpha": Box(-np.inf, 7, (2,), np.int16)}),
        "dict of dict": lambda: Dict(
            arm=Dict(angles=Box(-3.0, 3.0, (4,)), grip=MultiBinary(1)),
            image=Box(0, 255, (2, 2, 3), np.uint8),
            goal=Discrete(3),
        ),
        "dict of tuple": lambda: Dict(pair=Tuple((Box(-9.0, 9.0, (2,)), MultiDiscrete([2, 3]))), said=Text(4, charset="hé")),
    }
)

# Spaces whose values have no greatest size.
COMPOSITE_SPACES = _made(
    {
        "sequence": lambda: Sequence(Box(-1.0, 1.0, (2,))),
        "sequence, stacked": lambda: Sequence(Box(-1.0, 1.0, (2,)), stack=True),
        "sequence of discrete": lambda: Sequence(Discrete(5, start=-2)),
        "sequence of discrete, stacked": lambda: Sequence(Discrete(5, start=-2), stack=True),
        **{f"sequence of {dtype}": lambda dtype=dtype: Sequence(_full_range(dtype)) for dtype in _INTEGERS},
        **{
            f"sequence of {dtype}, stacked": lambda dtype=dtype: Sequence(Box(-2.0, 3.0, (2,), np.dtype(dtype).type), stack=True)
            for dtype in _FLOATS
        },
        "sequence of bool, stacked": lambda: Sequence(Box(0, 1, (3,), np.bool_), stack=True),
        "sequence of arrays without axes": lambda: Sequence(Box(-1.0, 1.0, (), np.float64)),
        "sequence of arrays without axes, stacked": lambda: Sequence(Box(-1.0, 1.0, (), np.float64), stack=True),
        "sequence of arrays without elements": lambda: Sequence(Box(0.0, 1.0, (0,))),
        "sequence of multi-discrete, stacked": lambda: Sequence(MultiDiscrete([3, 4], start=[-10, 20]), stack=True),
        "sequence of multi-binary, stacked": lambda: Sequence(MultiBinary([3, 2]), stack=True),
        "sequence of 64 bits, stacked": lambda: Sequence(Discrete(2**40), stack=True),
        "sequence of 64 bits": lambda: Sequence(MultiDiscrete([2**40, 3])),
        "sequence of text": lambda: Sequence(Text(4, charset="hé→")),
        "sequence of text, stacked": lambda: Sequence(Text(4, charset="hé→"), stack=True),
        "sequence of dict": lambda: Sequence(Dict(place=Box(0, 255, (3,), np.uint8), said=Text(3, charset="ab"))),
        "sequence of dict, stacked": lambda: Sequence(Dict(place=Box(0, 255, (3,), np.uint8), speed=Discrete(9)), stack=True),
        "sequence of tuple, stacked": lambda: Sequence(Tuple((Discrete(3), Box(-1.0, 1.0, (2,)))), stack=True),
        "sequence of sequence": lambda: Sequence(Sequence(Discrete(3))),
        "sequence of sequence, both stacked": lambda: Sequence(Sequence(Box(0.0, 1.0, (2,)), stack=True), stack=True),
        "graph": lambda: Graph(Box(-1.0, 1.0, (3,)), Discrete(4)),
        "graph, discrete nodes": lambda: Graph(Discrete(5, start=2), Box(-1.0, 1.0, (2,), np.float64)),
        "graph, 64 bits": lambda: Graph(Discrete(2**40, start=-3), Discrete(2**33)),
        "graph, no edge space": lambda: Graph(Box(0, 255, (2,), np.uint8), None),
        "sequence of graph": lambda: Sequence(Graph(Box(-1.0, 1.0, (1,)), Discrete(3))),
        "one of": lambda: OneOf((Discrete(3), Box(-1.0, 1.0, (2,)), Text(3, charset="ab"))),
        "one of one": lambda: OneOf((MultiBinary(3),)),
        "one of sequence and graph": lambda: OneOf((Sequence(Discrete(3)), Graph(Discrete(3), None), Dict(a=Discrete(2)))),
        "sequence of one of": lambda: Sequence(OneOf((Discrete(3), Tuple((Discrete(2), MultiBinary(1)))))),
        "sequence of one of, stacked": lambda: Sequence(OneOf((Discrete(3), Box(-1.0, 1.0, (2,)))), stack=True),
        "dict with all": lambda: Dict(
            zeta=Sequence(Discrete(9)),
            alpha=Tuple((Graph(Box(0.0, 1.0, (2,)), Discrete(2)), OneOf((Discrete(2), Sequence(Text(2, charset="xy")))))),
            place=Box(-1.0, 1.0, (2,)),
        ),
    }
)
ALL_SPACES = {**SPACES, **COMPOSITE_SPACES}


def samples(space, rows, seed=0):
    """Values of a space, the same ones every time."""
    space.seed(seed)
    return [space.sample() for _ in range(rows)]
