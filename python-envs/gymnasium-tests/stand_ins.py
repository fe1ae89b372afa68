"""Stand-ins for Gymnasium's vectorisers, to be found by tests that are imported afterwards."""

from gymnasium import vector


class StandIn:
    """Is called as a vectoriser is.

    Args:
        vectoriser: The class that it stands for.
        make: Called with the class, the functions that make sub-environments, and the named arguments.
    """

    def __init__(self, vectoriser, make):
        self.vectoriser, self._make = vectoriser, make
        # Parts of the names of tests.
        self.__name__ = vectoriser.__name__

    def __call__(self, env_fns, **kwargs):
        """Makes a vector environment in the vectoriser's place."""
        return self._make(self.vectoriser, list(env_fns), kwargs)


def put_in_place(make):
    """Has both of Gymnasium's vectorisers be made by `make`."""
    for vectoriser in (vector.AsyncVectorEnv, vector.SyncVectorEnv):
        setattr(vector, vectoriser.__name__, StandIn(vectoriser, make))
