"""Lines of `hanse doctor` about secret files that other users of this machine can read.

The master key has a line of its own. A warning, no fault: in a container nobody else may be there.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from connector.foundation.settings import load as conf
from connector.foundation.settings.load import Settings, value_of

Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]
_ELSEWHERE = "trust.master_key_file"


def lines(settings: Settings, _lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    for key in secret_files():
        path = value_of(settings, key)
        if isinstance(path, Path) and path.is_file() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            yield "warn", "open-secret", {"path": path, "setting": key}


def secret_files() -> tuple[str, ...]:
    """The settings that name a file with a secret, but for the master key."""
    return tuple(key for key in conf.secret_files() if key != _ELSEWHERE)
