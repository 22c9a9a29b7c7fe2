"""`hanse demo` in a process of its own, and whether its servers have ended."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PATIENCE_S = 180


def demo(*words: str, **streams: Any) -> "subprocess.Popen[str]":
    """The command in a process of its own, as the installed script starts it."""
    command = [sys.executable, "-m", "connector.cli.main", "demo", *words]
    return subprocess.Popen(command, env=environment(), text=True, **streams)


def environment() -> dict[str, str]:
    """Neither of what is set here may change anything."""
    return {**os.environ, "LANG": "en_US.UTF-8", "HANSE_PEER__PORT": "1"}


def told(*words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, steps by name in their order, and what stood on standard error."""
    with demo("--once", "--json", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        out, err = child.communicate(timeout=PATIENCE_S)
    steps = [json.loads(line) for line in out.splitlines()]
    return child.returncode, {step["step"]: step for step in steps}, err


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not all(map(gone, pids)):
        assert time.monotonic() < until, f"still there: {pids}"
        time.sleep(0.05)
