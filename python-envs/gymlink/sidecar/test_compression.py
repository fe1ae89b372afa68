import sys

import numpy as np
import pytest
import zstandard

from gymlink.protocol import schema
from gymlink.sidecar.compression import compressor
from gymlink.sidecar.errors import RequestError


def test_bytes_are_compressed_only_where_that_makes_them_fewer():
    compress = compressor(schema.COMPRESSION_ZSTD, "X-v0")
    frames = np.zeros(5000, np.uint8)
    assert zstandard.ZstdDecompressor().decompress(compress(memoryview(frames))) == frames.tobytes()
    assert zstandard.frame_content_size(compress(memoryview(frames))) == 5000
    assert compress(memoryview(frames)[:1000]) is None
    assert compress(np.random.default_rng(0).bytes(5000)) is None


def test_without_compression_there_is_nothing_to_do():
    assert compressor(schema.COMPRESSION_UNSPECIFIED, "X-v0") is None


def test_other_compressions_are_refused():
    with pytest.raises(RequestError, match="no compression 2") as raised:
        compressor(schema.COMPRESSION_LZ4, "X-v0")
    assert raised.value.reason == schema.ERROR_REASON_UNIMPLEMENTED


def test_a_family_without_the_package_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(RequestError, match="of X-v0 need the Python package zstandard in the environment's family") as raised:
        compressor(schema.COMPRESSION_ZSTD, "X-v0")
    assert raised.value.reason == schema.ERROR_REASON_UNIMPLEMENTED
