"""The process that checks what somebody dropped: anchors, list and bundle on stdin, the report as JSON on stdout.

Run by its path and alone (`checking` starts it). It takes its limits before it reads a byte and writes no file:
whatever a bundle does to its verifier ends here (threat T95).
"""

import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

MEMORY = 1 << 30
CPU_S = 30


def main() -> None:
    """`argv[1]`: language and the sizes of anchors and list, as JSON."""
    asked = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    sys.path.insert(0, str(Path(__file__).parents[4]))
    from connector.verify.bundle import verify_bundle

    stdin = sys.stdin.buffer
    anchors, listed, bundle = stdin.read(asked["anchors"]), stdin.read(asked["list"]), stdin.read()
    now = datetime.now(UTC)
    at = int(now.timestamp())
    report = verify_bundle(bundle, anchors, asked["lang"], trust_list=listed or None, now=at, page=True)
    sys.stdout.write(json.dumps(report.value(now.strftime("%Y-%m-%dT%H:%M:%SZ"))))


if __name__ == "__main__":
    main()
