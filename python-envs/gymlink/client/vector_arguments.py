"""What callers give a vector environment, checked; messages are Gymnasium's."""

import operator

import numpy as np
from gymnasium import Space

from gymlink.client.opening import arguments, seed_message
from gymlink.protocol import schema

_OBSERVATION_MODES = {"same": schema.OBSERVATION_MODE_SAME, "different": schema.OBSERVATION_MODE_DIFFERENT}


def read_observation_mode(given):
    """``(ObservationMode, None)``, or for spaces of the caller's own ``(ObservationMode, those)``.

    Raises:
        TypeError: A tuple of two is not of spaces.
        ValueError: It is something else.
    """
    if isinstance(given, tuple) and len(given) == 2:
        if not all(isinstance(space, Space) for space in given):
            raise TypeError(f"Expected both elements of observation_mode to be Spaces, got {type(given[0])} and {type(given[1])}")
        return schema.OBSERVATION_MODE_DIFFERENT, given
    if not isinstance(given, str) or given not in _OBSERVATION_MODES:
        raise ValueError(
            "Invalid `observation_mode`, expected: 'same' or 'different' or tuple of single and batch observation space, "
            f"actual got {given}"
        )
    return _OBSERVATION_MODES[given], None


def check_count(what, items, num_envs):
    """Raises ValueError unless there are as many items as sub-environments."""
    if len(items) != num_envs:
        raise ValueError(f"If {what} are passed as a list the length must match num_envs={num_envs} but got length={len(items)}.")


def reset_request(seed, options, all_envs):
    """``(sub-environments, ResetRequest)`` of a reset.

    Args:
        seed: A seed, or one or None for each sub-environment, or None.
        options: Options for all, perhaps with ``reset_mask``; or a list with those of each; or None.
        all_envs: Array of all sub-environments.

    Raises:
        GymlinkError: INVALID_SEED or INVALID_ARGUMENT.
        TypeError: A seed is no int, or the mask no bool array.
        ValueError: The number of seeds or options or the shape of the mask is wrong, or the mask names nothing.
    """
    envs, request = all_envs, {}
    if isinstance(options, (list, tuple)):
        check_count("options", options, len(all_envs))
        request["env_options"] = [arguments(item, "reset option") for item in options]
    elif options is not None:
        options = dict(options)
        if "reset_mask" in options:
            envs = _masked(options.pop("reset_mask"), all_envs)
            request["env_indices"] = envs.tolist()
        request["options"] = arguments(options, "reset option")
    if seed is not None:
        request.update(_seeds(seed, envs, len(all_envs)))
    return envs, request


def _masked(mask, envs):
    """The sub-environments that a reset mask names."""
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"`options['reset_mask']` must be a numpy array, got {type(mask)}")
    if mask.shape != envs.shape:
        raise ValueError(f"`options['reset_mask']` must have shape `{envs.shape}`, got {mask.shape}")
    if mask.dtype != np.bool_:
        raise TypeError(f"`options['reset_mask']` must have `dtype=np.bool_`, got {mask.dtype}")
    if not mask.any():
        raise ValueError(
            f"`options['reset_mask']` must contain a boolean array with at least one True value, got reset_mask={mask}"
        )
    return envs[mask]


def _seeds(seed, envs, num_envs):
    """The seed fields of a ResetRequest."""
    if not isinstance(seed, (list, tuple, np.ndarray)):
        return {"seed": seed_message(operator.index(seed))}
    if len(seed) != num_envs:
        raise ValueError(f"If seeds are passed as a list the length must match num_envs={num_envs} but got length={len(seed)}.")
    chosen = [seed[env] for env in envs.tolist()]
    return {"env_seeds": [{} if item is None else {"seed": seed_message(operator.index(item))} for item in chosen]}
