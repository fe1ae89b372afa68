"""Observations and infos as JSON, for tests that compare them to the bit. Runs in every family: needs NumPy alone."""

import base64

import numpy as np


def plain(value):
    """Turns any observation or info into JSON; floats keep their bits."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {"map": {key: plain(item) for key, item in value.items()}}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    return value
