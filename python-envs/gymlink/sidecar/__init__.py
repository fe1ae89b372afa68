"""Processes that hold environments for a gymlink server (proto/gymlink/worker/v1/worker.proto)."""
