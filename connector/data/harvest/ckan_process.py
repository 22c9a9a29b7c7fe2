"""The process that reads an answer of CKAN: JSON on stdin, its packages as N-Triples on stdout, a report on stderr.

Run by its path and alone (`ckan_answer` starts it). It takes its limits before it reads a byte and ends with what it
was asked: a parser of JSON lets nothing else run until it is through (spec/metadata-import.md 1.1, decision 0060).
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

MOST = 2**53
"""Whatever a portal says to have, more than that nobody counts."""


def run(content: bytes, portal: str, limits: dict[str, int], out: BinaryIO) -> dict[str, Any]:
    """Writes package after package; the report says how many bytes each has, or why nothing was read."""
    from connector.data.harvest import ckan
    from connector.foundation.errors import PeerError
    from connector.kernel.metadata.rdf.writing import n_triple

    try:
        answer = ckan.packages(content, limits["values"])
        packages, left = [], limits["written"]
        for name, package in answer.packages.items():
            before = left
            for triple in ckan.dataset(package, portal):
                said = n_triple(triple)
                left -= len(said)
                if left < 0:
                    return {"error": "rdf.exhausted"}
                out.write(said)
            packages.append((name, before - left))
    except PeerError as refused:
        return {"error": refused.code, "facts": refused.facts}
    except (MemoryError, RecursionError):
        return {"error": "rdf.exhausted"}
    count = min(int(answer.count), MOST)
    return {"packages": packages, "count": count, "searched": answer.searched, "values": ckan.values(content)}


def main() -> None:
    """`argv[1]`: the address of the portal and limits as JSON."""
    asked = json.loads(sys.argv[1])
    limits = asked["limits"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    sys.path.insert(0, str(Path(__file__).parents[3]))
    report = run(sys.stdin.buffer.read(), asked["portal"], limits, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    sys.stderr.write(json.dumps(report))


if __name__ == "__main__":
    main()
