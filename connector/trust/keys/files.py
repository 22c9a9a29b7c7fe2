"""Small files written whole or not at all; private ones are never readable by others, not even for a moment."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Replaces the file (mode 0600) in a folder of mode 0700."""
    _write(path, content, 0o600)


def write_public(path: Path, content: bytes) -> None:
    """Replaces the file (mode 0644)."""
    _write(path, content, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
