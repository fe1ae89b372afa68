"""Compressed payloads (session.proto, TransitionPart.uncompressed_bytes)."""

from gymlink.client.errors import failure, malformed
from gymlink.protocol import schema
from gymlink.protocol.layout import columns_bytes

COMPRESSIONS = {"zstd": schema.COMPRESSION_ZSTD}


def decompressor(request):
    """What gives the whole payload of a compressed TransitionPart of a session.

    Args:
        request: The OpenRequest.

    Returns:
        A function that takes the part and raises GymlinkError MALFORMED_REPLY where its payload is broken; None where the request
        asks for no compression.

    Raises:
        GymlinkError: INVALID_ARGUMENT, if the package for it is missing.
    """
    if not request.get("compression"):
        return None
    # Imported here: only who asks for compression needs the package.
    try:
        import zstandard
    except ImportError as error:
        message = "compression needs the Python package zstandard here: install it, or leave compression out."
        raise failure("INVALID_ARGUMENT", message) from error
    decompress, longest = zstandard.ZstdDecompressor().decompress, request["max_message_bytes"]

    def whole(part):
        payload, columns, length = part.get("payload", b""), columns_bytes(part.get("rows", 0)), part["uncompressed_bytes"]
        frame, rest = memoryview(payload)[columns:], length - columns
        try:
            # Checked first: a frame must not decide how much memory is taken.
            if rest < 1 or length > longest or zstandard.frame_content_size(frame) != rest:
                raise malformed(f"a compressed payload is not of {length} bytes")
            return b"".join((payload[:columns], decompress(frame)))
        except zstandard.ZstdError as error:
            raise malformed(f"a payload cannot be decompressed: {error}") from error

    return whole
