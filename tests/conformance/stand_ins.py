"""What stands in for Java, Maven and the kit: lines that it would print, and programs that print them."""

import time
from pathlib import Path

from tests.conformance import cases, official_kit
from tests.testkit.patience import PATIENCE_S

RESULT = "KIT RESULT: 65 passed, 0 failed, 2 skipped, 0 classes failed"
AT = official_kit.Address(
    "did:web:localhost%3A8282:api:dsp",
    "http://localhost:8282/api/dsp",
    "http://localhost:8282/api/dsp/2025-1",
    "http://localhost:8282/tck/negotiations/requests",
    "http://localhost:8282/tck/transfers/requests",
)
JAVA = 'case "$1" in -version) echo \'openjdk version "17.0.15" 2025\' >&2;; *) echo jdk.compiler@17;; esac'
FETCHED = "for a; do case $a in -DoutputDirectory=*) o=${a#*=};; esac; done"
NOTHING_RESOLVES = (
    "echo '[ERROR] Failed to execute goal on project dsp-tck: Could not resolve dependencies for project"
    " hanse:dsp-tck:pom:1: Could not find artifact a:b:jar:1 in central -> [Help 1]'; exit 1"
)


def case_lines(case: str, how: str = "SUCCESSFUL") -> list[str]:
    """What the kit prints about a case."""
    at = "[2026-11-25T02:54:52.509903662]"
    return ["", f"{at} Started: {case}: Verify something", f"{at} Sending something", f"{at} {how}: {case}"]


def green() -> list[str]:
    """A complete run."""
    return ["Running DSP TCK", *(line for case in cases.EXECUTED for line in case_lines(case)), RESULT]


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def alive(pid: int) -> bool:
    """Whether the process is still there however long one waits; one that nobody has waited for is not."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True
