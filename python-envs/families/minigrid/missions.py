"""The standard spaces that missions of MiniGrid behave as: Text of printable ASCII characters."""

from gymnasium.spaces import Text

_CHARACTERS = "".join(map(chr, range(32, 127)))
# The longest missions of BabyAI join four instructions such as "put the purple ball in front of you next to the yellow box on
# your right": 321 characters.
_LONGEST_OF_BABYAI = 512


def from_template(space):
    """The Text space of a minigrid.core.mission.MissionSpace, as long as the longest mission that its template makes."""
    placeholders = space.ordered_placeholders or []
    longest = space.mission_func(*(max(choices, key=len) for choices in placeholders))
    # MiniGrid-Playground-v0 has no mission.
    return Text(max(len(longest), 1), min_length=0, charset=_CHARACTERS)


def from_grammar(_space):
    """The Text space of a BabyAIMissionSpace, which itself admits any text."""
    return Text(_LONGEST_OF_BABYAI, min_length=0, charset=_CHARACTERS)
