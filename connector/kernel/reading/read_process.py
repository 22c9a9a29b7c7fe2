"""The process that reads what somebody handed over: the file on stdin, its reading as JSON on stdout.

Run by its path and alone (`reader` starts it). It takes its limits before it reads a byte, writes no file, and ends
with what it was asked; whatever a file does to its readers ends here (spec/reading.md 1.1, decision 0072).
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO


def run(file: BinaryIO, path: str, limits: dict[str, int]) -> bytes:
    """The reading, or why there is none."""
    import msgspec

    from connector.kernel.reading.contents import read_contents
    from connector.kernel.reading.model import Limits, Refused

    bounds = Limits(**limits)
    try:
        told = msgspec.json.encode({"reading": read_contents(file, path, bounds)})
        if len(told) > bounds.written:
            return msgspec.json.encode({"error": "exhausted"})
        return told
    except Refused as refused:
        return msgspec.json.encode({"error": refused.code, "facts": refused.facts})
    except (MemoryError, RecursionError):
        return b'{"error":"exhausted"}'


def main() -> None:
    """`argv[1]`: limits as JSON."""
    limits = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    sys.path.insert(0, str(Path(__file__).parents[3]))
    os.environ["PROJ_NETWORK"] = "OFF"
    with open(0, "rb", closefd=False) as file:
        sys.stdout.buffer.write(run(file, "/dev/fd/0", limits))


if __name__ == "__main__":
    main()
