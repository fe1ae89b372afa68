"""Has tests import the family's own modules as its processes do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
