import io
import sys

import numpy as np
import pytest
from PIL import Image

from gymlink.protocol import schema
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.images import image_maker

PNG, JPEG, WEBP = schema.FRAME_ENCODING_PNG, schema.FRAME_ENCODING_JPEG, schema.FRAME_ENCODING_WEBP
# A red left half, a blue right half.
FRAME = np.zeros((40, 60, 3), np.uint8)
FRAME[:, :30, 0] = FRAME[:, 30:, 2] = 250


def made(frame=FRAME, mode="rgb_array", **request):
    return image_maker(request, "Some-v0", mode)(frame)


def read(data):
    image = Image.open(io.BytesIO(data))
    return image.format, np.asarray(image.convert("RGB"))


def test_nothing_is_made_of_frames_that_are_wanted_as_they_are():
    assert image_maker({"encoding": 0, "width": 0}, "Some-v0", "ansi") is None


@pytest.mark.parametrize("mode", ["rgb_array", "rgb_array_list"])
def test_a_png_has_every_pixel(mode):
    name, pixels = read(made(mode=mode, encoding=PNG))
    assert name == "PNG"
    assert (pixels == FRAME).all()


@pytest.mark.parametrize(
    "frame", [FRAME[::-1], FRAME[:, :, ::-1], np.asfortranarray(FRAME), np.broadcast_to(FRAME[0], FRAME.shape)]
)
def test_frames_may_lie_in_memory_as_they_like(frame):
    assert (read(made(frame, encoding=PNG))[1] == frame).all()
    assert (made(frame, width=60) == frame).all()


@pytest.mark.parametrize(("encoding", "name"), [(JPEG, "JPEG"), (WEBP, "WEBP")])
def test_a_lossy_image_looks_like_the_frame(encoding, name):
    found, pixels = read(made(encoding=encoding))
    assert found == name
    # Colours bleed over the edge in the middle.
    far = np.abs(np.arange(60) - 29.5) > 9
    assert np.abs(pixels.astype(int) - FRAME)[:, far].max() < 20


@pytest.mark.parametrize(("width", "shape"), [(30, (20, 30, 3)), (120, (80, 120, 3)), (60, (40, 60, 3)), (1, (1, 1, 3))])
def test_frames_are_scaled_in_proportion(width, shape):
    scaled = made(width=width)
    assert (scaled.dtype, scaled.shape) == (np.uint8, shape)
    assert read(made(encoding=PNG, width=width))[1].tolist() == scaled.tolist()
    if width > 1:
        assert (scaled[0, 0].tolist(), scaled[-1, -1].tolist()) == ([250, 0, 0], [0, 0, 250])


@pytest.mark.parametrize(
    "frame", [None, "text", FRAME[:, :, 0], FRAME.astype(np.float32), FRAME[:, :0], np.zeros((2, 2, 4), np.uint8), [FRAME]]
)
def test_nothing_is_made_of_what_is_no_rgb_frame(frame):
    assert made(frame, encoding=PNG) is None


@pytest.mark.parametrize(
    ("mode", "request_", "reason", "says"),
    [
        ("ansi", {"encoding": PNG}, "RENDER_UNAVAILABLE", "Some-v0 renders ansi: only RGB frames can be encoded or scaled"),
        ("depth_array", {"width": 9}, "RENDER_UNAVAILABLE", "depth_array"),
        ("rgb_array", {"encoding": 4}, "UNIMPLEMENTED", "no frame encoding 4"),
        ("rgb_array", {"width": 8193}, "LIMIT_EXCEEDED", "A width of 8193 pixels is over the server's limit max_frame_side"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_rendered(mode, request_, reason, says):
    with pytest.raises(RequestError, match=says) as raised:
        image_maker(request_, "Some-v0", mode)
    assert raised.value.reason == getattr(schema, f"ERROR_REASON_{reason}")


def test_an_image_that_would_be_too_high_is_refused():
    with pytest.raises(RequestError, match="A height of 30000 pixels is over") as raised:
        made(np.zeros((300, 1, 3), np.uint8), width=100)
    assert raised.value.reason == schema.ERROR_REASON_LIMIT_EXCEEDED


def test_a_family_without_pillow_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RequestError, match="need the Python package Pillow") as raised:
        made(encoding=PNG)
    assert raised.value.reason == schema.ERROR_REASON_RENDER_UNAVAILABLE
    assert image_maker({}, "Some-v0", "rgb_array") is None
