"""Lossless compression of payloads (session.proto, Compression)."""

from gymlink.protocol import schema
from gymlink.sidecar.errors import RequestError, named

# On frames of Atari and CarRacing higher levels gain next to nothing.
_LEVEL = 1
# What is smaller fits into a packet or so anyway.
_LEAST_BYTES = 1024


def compressor(compression, env_id):
    """What compresses the bytes behind a payload's columns.

    Args:
        compression: A COMPRESSION of the schema.
        env_id: Id of the environment, for messages.

    Returns:
        None for COMPRESSION_UNSPECIFIED. Otherwise a function that takes bytes and gives them compressed, or None where they are
        few or would not become fewer.

    Raises:
        RequestError: UNIMPLEMENTED, for another compression than Zstandard, or where its package is missing.
    """
    if compression == schema.COMPRESSION_UNSPECIFIED:
        return None
    if compression != schema.COMPRESSION_ZSTD:
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, f"There is no compression {compression}.")
    compress = _zstandard(env_id).ZstdCompressor(level=_LEVEL).compress

    def compress_if_smaller(data):
        if len(data) < _LEAST_BYTES:
            return None
        compressed = compress(data)
        return compressed if len(compressed) < len(data) else None

    return compress_if_smaller


def _zstandard(env_id):
    # Imported here: a family without the package serves everything else.
    try:
        import zstandard
    except ImportError as error:
        message = (
            f"Compressed observations of {env_id} need the Python package zstandard in the environment's family: {named(error)}. "
            "Open the session without compression, or add the package to the family's requirements."
        )
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message) from error
    return zstandard
