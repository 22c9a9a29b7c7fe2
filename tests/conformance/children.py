"""Programs that a command starts: each in a group of its own, and gone with whoever started it.

Ctrl-C and SIGTERM reach the command, which ends its children on the way out. Where the command is killed outright, its
end of their standard input closes, and those that listen to it end by themselves.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

LISTENING_S = 3.0
GRACE_S = 10.0


@contextmanager
def child(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    stdout: int | IO[str] = subprocess.DEVNULL,
    stderr: int | IO[str] = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[str]]:
    """The running program; with the context it and all that it started have ended."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Close its input, which ends those that listen to it in good order; then ask, then insist."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    try:
        if not _over(process, LISTENING_S):
            _signal(process, signal.SIGTERM)
            _over(process, GRACE_S)
    finally:
        kill(process)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _over(process: subprocess.Popen[str], within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill(process: subprocess.Popen[str]) -> None:
    """At once; whoever reads its output sees the end of it."""
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    """To the whole group, also when its first process has gone already."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextmanager
def ended_politely() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the command like Ctrl-C does, so that its children end as well."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
