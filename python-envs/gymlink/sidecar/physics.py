"""Exact copies of MuJoCo's data."""

import ctypes
import sys

import numpy as np

# Where positions and forces of the last step are kept: environments read them before the next one, and computing them anew gives
# other bits, because a step computes them before it moves.
# fmt: off
_DERIVED = [
    "xpos", "xquat", "xmat", "xipos", "xiquat", "ximat", "xanchor", "xaxis", "geom_xpos", "geom_xquat", "geom_xmat", "site_xpos",
    "site_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir", "subtree_com", "cdof", "cinert", "crb", "actuator_length",
    "actuator_moment", "actuator_velocity", "ten_length", "ten_velocity", "cvel", "cdof_dot", "qfrc_bias", "qfrc_passive",
    "qfrc_spring", "qfrc_damper", "qfrc_gravcomp", "qfrc_fluid", "qfrc_adhesion", "subtree_linvel", "subtree_angmom",
    "qfrc_actuator", "actuator_force", "qfrc_smooth", "qacc_smooth", "qfrc_constraint", "qfrc_inverse", "cacc", "cfrc_int",
    "cfrc_ext", "qacc", "sensordata", "energy", "act_dot",
]
# fmt: on
_PLACES = {name: place for place, name in enumerate(_DERIVED)}
# Of MuJoCo's arrays in memory, in bytes.
_ALIGNMENT = 64
_CACHE = "_gymlink_physics"


def _runs(data):
    """Views of the data's own memory, which stays where it is: one of each run of arrays without another array in between.

    What pads an array to MuJoCo's alignment is copied with it, because every further piece takes as long as kilobytes.
    """
    arrays = [(name, getattr(data, name, None)) for name in dir(data) if not name.startswith("_")]
    found = sorted((a.ctypes.data, a.nbytes, name) for name, a in arrays if isinstance(a, np.ndarray) and a.size)
    runs, end = [], None
    for address, size, name in found:
        place = _PLACES.get(name)
        if place is not None and end is not None and 0 <= address - end < _ALIGNMENT:
            runs[-1][2] = address + size
        elif place is not None:
            runs.append([place, address, address + size])
        end = None if place is None else address + size
    # Not all are in one block of memory, and blocks lie in any order.
    floats = [(ctypes.c_double * ((stop - begin) // 8)).from_address(begin) for _, begin, stop in sorted(runs)]
    return [np.frombuffer(one, np.float64) for one in floats]


class Physics:
    """MuJoCo's data of one environment."""

    def __init__(self, module, model, data):
        self._module, self._model, self.data = module, model, data
        self._spec = module.mjtState.mjSTATE_INTEGRATION
        self._size = module.mj_stateSize(model, self._spec)
        self._views = _runs(data)
        self._total = sum(view.size for view in self._views)

    def copy(self):
        """Float64 arrays: what integration begins with (MuJoCo's mjSTATE_INTEGRATION), and what the last step derived."""
        state = np.empty(self._size)
        self._module.mj_getState(self._model, self.data, state, self._spec)
        return state, np.concatenate(self._views)

    def put(self, copied):
        """Puts a copy back."""
        state, derived = copied
        self._module.mj_setState(self._model, self.data, state, self._spec)
        begin = 0
        for view in self._views:
            end = begin + view.size
            view[:] = derived[begin:end]
            begin = end

    def fits(self, copied):
        """Whether plain data from elsewhere is a copy of data of this model."""
        sizes = [self._size, self._total]
        arrays = isinstance(copied, tuple) and all(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in copied)
        return arrays and [array.shape for array in copied] == [(size,) for size in sizes]


def physics_of(layer):
    """The Physics of an environment that holds MuJoCo's data; None for others."""
    attributes = vars(layer)
    data = attributes.get("data")
    mujoco = sys.modules.get("mujoco")
    if mujoco is None or not isinstance(data, mujoco.MjData):
        return None
    physics = attributes.get(_CACHE)
    if physics is None or physics.data is not data:
        physics = attributes[_CACHE] = Physics(mujoco, attributes["model"], data)
    return physics
