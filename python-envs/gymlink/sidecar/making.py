"""Making the sub-environments of a worker as an OpenRequest asks."""

import copy

import gymnasium

from gymlink.protocol import schema
from gymlink.protocol.spaces import UnsupportedSpace, describe
from gymlink.protocol.values import text_map
from gymlink.sidecar.arguments import allowed_kwargs, parameters_of
from gymlink.sidecar.errors import RequestError, formatted, named
from gymlink.sidecar.registering import load_entry_point
from gymlink.sidecar.standard_spaces import SpaceRules
from gymlink.sidecar.wrapping import find_wrappers

_MISSING = (gymnasium.error.DependencyNotInstalled, gymnasium.error.DeprecatedEnv, ImportError)


def make(request, first, count, manifest):
    """Makes sub-environments `first` … `first + count - 1` of a session.

    Args:
        request: The OpenRequest.
        first: Number of the first one.
        count: How many.
        manifest: The family's, which names the constructor arguments and wrappers that a client may ask for, and which standard
            spaces stand for those that Gymnasium does not know.

    Returns:
        The environments, wrapped.

    Raises:
        RequestError: The environment is not known, cannot be made here, or not with these arguments.
    """
    env_id = request.get("env_id", "")
    # gymnasium.make would import the module of an id such as `module:Id`.
    if env_id not in gymnasium.registry:
        raise RequestError(schema.ERROR_REASON_UNKNOWN_ENVIRONMENT, f"There is no environment {env_id!r}.")
    allowed = allowed_kwargs(manifest, env_id)
    kwargs = _kwargs(request.get("kwargs", {}), env_id, allowed)
    each = request.get("env_kwargs", [])[first : first + count] or [{}] * count
    own_kwargs = [_kwargs(own, env_id, allowed) for own in each]
    wrappers = find_wrappers(request, manifest.get("wrappers", {}))
    mode = request.get("render_mode")
    if mode == "human":
        message = "render_mode human would open a window on the server: use rgb_array and show the frames at the client."
        raise RequestError(schema.ERROR_REASON_INVALID_KWARGS, message)
    given = {**kwargs, "render_mode": mode} if mode else kwargs
    rules = SpaceRules(manifest)
    envs = []
    try:
        for i, own in enumerate(own_kwargs):
            envs.append(_make_one(env_id, {**given, **own}, request.get("max_episode_steps"), first + i))
            envs[i] = rules.apply(envs[i])
            for wrapper in wrappers:
                envs[i] = rules.apply(_wrap(envs[i], env_id, wrapper, first + i))
        _check(envs, env_id, mode, first)
        _check_spaces(envs, request, first)
    except BaseException:
        close(envs)
        raise
    return envs


def make_vectorised(request, count, manifest, autoreset_mode):
    """Makes the vector environment of a session.

    Args:
        request: The OpenRequest.
        count: Number of sub-environments.
        manifest: The family's, which names the constructor arguments that a client may ask for.
        autoreset_mode: Value of the AutoresetMode of the session. The constructor is told, if it has an argument of that name; of
            DISABLED it is not, where a session only forgoes the autoresets of an engine.

    Returns:
        The ``gymnasium.vector.VectorEnv``.

    Raises:
        RequestError: It cannot be made here, or not with these arguments.
    """
    env_id = request.get("env_id", "")
    spec = gymnasium.spec(env_id)
    given = _kwargs(request.get("kwargs", {}), env_id, allowed_kwargs(manifest, env_id))
    limit = request.get("max_episode_steps")
    try:
        entry_point = spec.vector_entry_point
        constructor = entry_point if callable(entry_point) else load_entry_point(entry_point)
        arguments = {**spec.kwargs, **given}
        takes = parameters_of(constructor)
        if "autoreset_mode" in takes and autoreset_mode != "Disabled":
            arguments["autoreset_mode"] = gymnasium.vector.AutoresetMode(autoreset_mode)
        if limit and "max_episode_steps" not in takes:
            raise TypeError("its constructor has no argument max_episode_steps")
        if limit or (spec.max_episode_steps and "max_episode_steps" in takes):
            arguments["max_episode_steps"] = limit or spec.max_episode_steps
        return constructor(num_envs=count, **arguments)
    except BaseException as error:
        raise _failure(env_id, {**given, "max_episode_steps": limit} if limit else given, 0, error) from error


def close(envs):
    """Closes environments; one that raises does not keep the others open."""
    for env in envs:
        try:
            env.close()
        except BaseException as error:
            print(f"gymlink: close() of a sub-environment raised:\n{formatted(error)}")


def _kwargs(message, env_id, allowed):
    kwargs = text_map(message)
    for name in kwargs:
        if name not in allowed:
            message = f"The argument {name!r} of {env_id} may not be set; allowed are: {', '.join(allowed) or 'none'}."
            raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, message, suggestions=list(allowed))
    return kwargs


def _make_one(env_id, given, max_episode_steps, index):
    limit = {"max_episode_steps": max_episode_steps} if max_episode_steps else {}
    # The bridge itself checks actions, shapes and order; Gymnasium's checkers would do it a second time at every step.
    spec = copy.copy(gymnasium.spec(env_id))
    spec.order_enforce = False
    try:
        return gymnasium.make(spec, disable_env_checker=True, **limit, **given)
    except BaseException as error:
        raise _failure(env_id, given, index, error) from error


def _wrap(env, env_id, wrapper, index):
    name, constructor, kwargs = wrapper
    try:
        return constructor(env, **kwargs)
    except BaseException as error:
        is_missing = isinstance(error, _MISSING)
        reason = schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE if is_missing else schema.ERROR_REASON_INVALID_KWARGS
        arguments = ", ".join(f"{key}={value!r}" for key, value in kwargs.items())
        message = f"The wrapper {name}({arguments}) cannot be put around {env_id}: {named(error)}"
        raise RequestError(reason, message, env_indices=[index], cause=error) from error


def _failure(env_id, given, index, error):
    if isinstance(error, _MISSING):
        message = f"{env_id} cannot be made on this server: {named(error)}"
        return RequestError(schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE, message, env_indices=[index], cause=error)
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    if arguments:
        message = f"{env_id} does not accept {arguments}: {named(error)}"
        return RequestError(schema.ERROR_REASON_INVALID_KWARGS, message, env_indices=[index], cause=error)
    message = f"{env_id} raised in its constructor: {named(error)}"
    return RequestError(schema.ERROR_REASON_ENVIRONMENT_RAISED, message, env_indices=[index], cause=error)


def _check(envs, env_id, mode, first):
    """Raises RequestError for environments that cannot be served."""
    env = envs[0]
    modes = env.metadata.get("render_modes", [])
    if mode and mode not in modes and mode not in [f"{name}_list" for name in modes]:
        message = f"{env_id} has no render mode {mode!r}; it has {', '.join(modes) or 'none'}."
        raise RequestError(schema.ERROR_REASON_INVALID_KWARGS, message, suggestions=[name for name in modes if name != "human"])


def _check_spaces(envs, request, first):
    """Raises RequestError for spaces that cannot be served together; what of them may differ is for the server to check."""
    env_id, is_same = request["env_id"], request.get("observation_mode") != schema.OBSERVATION_MODE_DIFFERENT
    for i, env in enumerate(envs):
        if i == 0 or not is_same:
            _check_described(env, env_id)
        if env.action_space != envs[0].action_space:
            raise _other_space(request, first + i, f"another action space than sub-environment {first}.")
        if is_same and env.observation_space != envs[0].observation_space:
            advice = "If that is intended, open with observation mode DIFFERENT."
            raise _other_space(request, first + i, f"another observation space than sub-environment {first}. {advice}")


def _other_space(request, index, what):
    is_asked = bool(request.get("env_kwargs"))
    reason = schema.ERROR_REASON_INVALID_KWARGS if is_asked else schema.ERROR_REASON_MALFORMED_REPLY
    message = f"Sub-environment {index} of {request['env_id']} has {what}"
    return RequestError(reason, message, env_indices=[index])


def _check_described(env, env_id):
    try:
        describe(env.observation_space)
        describe(env.action_space)
    except UnsupportedSpace as error:
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, f"{env_id} cannot be served: {error}.") from error
