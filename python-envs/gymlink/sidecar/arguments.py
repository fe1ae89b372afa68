"""Constructor arguments: which a client may set, and what their constructor says of them."""

import inspect
from fnmatch import fnmatchcase

from gymlink.protocol.values import to_value


def allowed_kwargs(manifest, env_id):
    """The constructor arguments of an environment that a client may set: those of all of the manifest's patterns that match."""
    lists = [names for pattern, names in manifest.get("kwargs", {}).items() if fnmatchcase(env_id, pattern)]
    return list(dict.fromkeys(name for names in lists for name in names))


def describe_arguments(constructor, names, registered):
    """What a constructor says of some of its arguments, as ConstructorArgument messages.

    Args:
        constructor: A class or function.
        names: The arguments.
        registered: Values that the environment's registration gives to arguments.

    Returns:
        A message for each of `names`; one with the name alone where no signature has it.
    """
    found = parameters_of(constructor) if names else {}
    return [_describe(name, found.get(name), registered) for name in names]


def unnamed_arguments(constructor, names):
    """Those of some argument names that no signature of a constructor has; ``**kwargs`` may take them all the same."""
    found = parameters_of(constructor)
    return [name for name in names if name not in found]


def parameters_of(constructor):
    """The parameters by name, those included that ``**kwargs`` hands on to base classes."""
    functions = [constructor]
    if isinstance(constructor, type):
        functions = [kind.__dict__["__init__"] for kind in constructor.__mro__ if "__init__" in kind.__dict__]
    found = {}
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return found
        for parameter in parameters:
            found.setdefault(parameter.name, parameter)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return found
    return found


def _describe(name, parameter, registered):
    message = {"name": name}
    if parameter is not None and parameter.annotation is not parameter.empty:
        message["type"] = _type_text(parameter.annotation)
    default = registered.get(name, inspect.Parameter.empty if parameter is None else parameter.default)
    if default is not inspect.Parameter.empty:
        unsupported = set()
        value = to_value(default, unsupported)
        if not unsupported:
            message["default"] = value
    elif parameter is not None:
        message["required"] = True
    return message


def _type_text(annotation):
    if isinstance(annotation, str):
        return annotation
    return inspect.formatannotation(annotation).replace("typing.", "")
