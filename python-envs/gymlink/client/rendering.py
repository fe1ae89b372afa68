"""Frames of `render`."""

import operator

from gymnasium import logger

from gymlink.client.errors import failure
from gymlink.client.indices import chosen
from gymlink.protocol import schema
from gymlink.protocol.values import from_value, text_map

# Gymnasium's render modes other than `human`.
MODES = ["rgb_array", "ansi", "rgb_array_list", "ansi_list", "depth_array", "rgbd_tuple"]
_ENCODINGS = {
    None: schema.FRAME_ENCODING_UNSPECIFIED,
    "png": schema.FRAME_ENCODING_PNG,
    "jpeg": schema.FRAME_ENCODING_JPEG,
    "webp": schema.FRAME_ENCODING_WEBP,
}


def metadata(opened):
    """The metadata of an OpenedResponse."""
    found = text_map(opened.get("metadata", {}))
    found["render_modes"] = [mode for mode in found.get("render_modes", ()) if mode != "human"]
    return found


def render(env, session, encoding=None, width=None, env_indices=None):
    """What `render` of some sub-environments gave, as list; None, with a warning, if the environment has no render mode.

    Args:
        env: The environment.
        session: Its session.
        encoding: ``png``, ``jpeg`` or ``webp`` for the bytes of an image file; None for frames as they are.
        width: Width in pixels to scale to; None for the frame's own.
        env_indices: The sub-environments, ascending; None for all.

    Raises:
        GymlinkError: INVALID_ARGUMENT, if an option is not of this form.
    """
    if encoding not in _ENCODINGS:
        known = ", ".join(name for name in _ENCODINGS if name)
        raise failure("INVALID_ARGUMENT", f"There is no encoding {encoding!r}; there are {known}.")
    if width is not None and not 1 <= operator.index(width) < 1 << 32:
        raise failure("INVALID_ARGUMENT", f"width must be a whole number from 1 on, not {width}.")
    request = {"env_indices": chosen(env_indices), "encoding": _ENCODINGS[encoding], "width": operator.index(width or 0)}
    if env.render_mode is None:
        logger.warn(
            f"render of {env} was called without a render mode; give one when making it, such as render_mode='rgb_array'."
        )
        return None
    return [_frames(rendering) for rendering in session.request("render", request, "rendered").get("renderings", ())]


def _frames(message):
    frames = [from_value(frame) for frame in message.get("frames", ())]
    if message.get("is_list"):
        return frames
    if len(frames) != 1:
        raise failure("MALFORMED_REPLY", f"The server broke the protocol: a rendering has {len(frames)} frames.")
    return frames[0]
