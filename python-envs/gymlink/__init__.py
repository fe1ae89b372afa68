"""Gymnasium environments for gymlink servers; see `gymlink.sidecar`."""

__version__ = "0.1.0"
