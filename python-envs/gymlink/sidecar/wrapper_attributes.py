"""Attributes of wrapped environments, by the rules of Gymnasium 1.1 in every version of it."""

from gymnasium import Env, Wrapper

# What these are in 1.0 looks past methods of wrappers in between; 0.29 has none. From 1.1 on they take `force`.
_BEFORE_1_1 = [
    method
    for method in (getattr(cls, "set_wrapper_attr", None) for cls in (Env, Wrapper))
    if method is None or "force" not in (method.__kwdefaults__ or {})
]


def has_wrapper_attr(env, name):
    """Whether an environment, or one that it wraps, has an attribute."""
    if hasattr(type(env), "has_wrapper_attr"):
        return env.has_wrapper_attr(name)
    try:
        env.get_wrapper_attr(name)
    except AttributeError:
        return False
    return True


def set_wrapper_attr(env, name, value, **force):
    """Sets an attribute on the outermost of an environment and those that it wraps that has it, else on the innermost.

    Args:
        env: The environment.
        name: Name of the attribute.
        value: Its value.
        **force: `force=False` where it is not to be set if nothing has it; Gymnasium 1.1 and newer pass it on.

    Returns:
        Whether it was set, which only Gymnasium 1.1 and newer tell.
    """
    if getattr(type(env), "set_wrapper_attr", None) not in _BEFORE_1_1:
        return env.set_wrapper_attr(name, value, **force)
    # Not by hasattr: in 0.29 a wrapper has what is inside it, with a warning.
    if isinstance(env, Wrapper) and name not in dir(env):
        return set_wrapper_attr(env.env, name, value)
    setattr(env, name, value)
    return True
