"""Tests of the sidecar as a whole, and what they share."""
