"""Where tests find the checkout, and the official material beside it; without that, tests of it skip by name."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
DSP = SHARED / "dsp"
