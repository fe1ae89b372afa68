"""Gymnasium environments over gRPC: `gymlink.sidecar` hosts them for a server, `gymlink.client` uses them from Python."""

__version__ = "0.1.0"
