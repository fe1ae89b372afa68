"""Lets tests import the family's modules, as its sidecar does."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "notifications"))
