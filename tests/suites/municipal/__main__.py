"""`python -m tests.suites.municipal [FOLDER]`: writes the municipal suite, by default where it is kept."""

import sys
from pathlib import Path

from tests.suites.municipal.suite import place, write

if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else place()
    sys.stdout.write(f"{write(target)} files in {target}\n")
