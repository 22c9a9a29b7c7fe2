"""`python -m tests.suites.municipal DIR` writes the municipal suite; without DIR it renews the digest that is kept."""

import sys
from pathlib import Path

from tests.suites.municipal.suite import DIGEST, cases, digest, write
from tests.suites.municipal.writing import files

if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(f"{write(Path(sys.argv[1]))} files in {sys.argv[1]}\n")
    else:
        DIGEST.write_text(digest(files(cases())) + "\n", encoding="utf-8")
