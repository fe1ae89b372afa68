"""Fixtures of `npm run test:sb3`: the server of the tests of the Python client."""

from tests.conftest import address, gymlink_server

__all__ = ["address", "gymlink_server"]
