"""Rendered RGB frames as RenderRequest asks for them: scaled, and encoded."""

import io

import numpy as np

from gymlink.protocol import schema
from gymlink.sidecar.errors import RequestError, named

# Pillow's name of the format, and its options.
_FORMATS = {
    schema.FRAME_ENCODING_PNG: ("PNG", {}),
    schema.FRAME_ENCODING_JPEG: ("JPEG", {"quality": 90}),
    schema.FRAME_ENCODING_WEBP: ("WEBP", {"quality": 90}),
}
_RGB_MODES = ("rgb_array", "rgb_array_list")
_MAX_SIDE = 8192


def image_maker(request, env_id, render_mode):
    """What makes an image of a frame as a RenderRequest asks.

    Args:
        request: The RenderRequest.
        env_id: Id of the environment, for messages.
        render_mode: The session's.

    Returns:
        None where frames are wanted as they are. Otherwise a function that takes a frame (uint8, shape [height, width, 3])
        and gives the scaled array, or the bytes of the encoded image; None for anything else than such a frame.

    Raises:
        RequestError: The encoding is not known, the image would be too large, or the frames cannot be had in this form.
    """
    encoding, width = request.get("encoding", 0), request.get("width", 0)
    if not encoding and not width:
        return None
    if encoding and encoding not in _FORMATS:
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, f"There is no frame encoding {encoding}.")
    if render_mode not in _RGB_MODES:
        raise _unavailable(f"The session of {env_id} renders {render_mode}: only RGB frames can be encoded or scaled.")
    _check_side("width", width)
    image = _pillow_image()

    def make(frame):
        if not _is_rgb(frame):
            return None
        scaled = _scaled(image.fromarray(frame), width)
        return _encoded(scaled, encoding) if encoding else np.asarray(scaled)

    return make


def _unavailable(message):
    return RequestError(schema.ERROR_REASON_RENDER_UNAVAILABLE, message)


def _check_side(name, pixels):
    if pixels > _MAX_SIDE:
        message = f"A {name} of {pixels} pixels is over the server's limit max_frame_side, which is {_MAX_SIDE}."
        raise RequestError(schema.ERROR_REASON_LIMIT_EXCEEDED, message)


def _pillow_image():
    # Imported here: a family without Pillow serves everything else.
    try:
        from PIL import Image
    except ImportError as error:
        raise _unavailable(
            f"Encoding and scaling need the Python package Pillow in the environment's family: {named(error)}"
        ) from error
    return Image


def _is_rgb(frame):
    is_array = isinstance(frame, np.ndarray) and frame.dtype == np.uint8
    return is_array and frame.ndim == 3 and frame.shape[2] == 3 and frame.size > 0


def _scaled(image, width):
    if width in (0, image.width):
        return image
    height = max(1, round(image.height * width / image.width))
    _check_side("height", height)
    return image.resize((width, height))


def _encoded(image, encoding):
    name, options = _FORMATS[encoding]
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()
