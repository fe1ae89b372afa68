"""Frames of `render`."""

from gymnasium import logger

from gymlink.client.errors import failure
from gymlink.protocol.values import from_value, text_map

# Gymnasium's render modes other than `human`.
MODES = ["rgb_array", "ansi", "rgb_array_list", "ansi_list", "depth_array", "rgbd_tuple"]


def metadata(opened):
    """The metadata of an OpenedResponse."""
    found = text_map(opened.get("metadata", {}))
    found["render_modes"] = [mode for mode in found.get("render_modes", ()) if mode != "human"]
    return found


def render(env, session):
    """What `render` of each sub-environment gave, as list; None, with a warning, if the environment has no render mode."""
    if env.render_mode is None:
        logger.warn(
            f"render of {env} was called without a render mode; give one when making it, such as render_mode='rgb_array'."
        )
        return None
    return [_frames(rendering) for rendering in session.request("render", {}, "rendered").get("renderings", ())]


def _frames(message):
    frames = [from_value(frame) for frame in message.get("frames", ())]
    if message.get("is_list"):
        return frames
    if len(frames) != 1:
        raise failure("MALFORMED_REPLY", f"The server broke the protocol: a rendering has {len(frames)} frames.")
    return frames[0]
