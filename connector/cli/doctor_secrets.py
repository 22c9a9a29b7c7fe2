"""Lines of `hanse doctor` about secret files that other users of this machine can read.

The master key has a line of its own. A warning, no fault: in a container nobody else may be there.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from connector.sections import Secret
from connector.settings import Settings, documented

Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]
_PLAIN = ("peer.tls_key_file",)
"""Private, though the setting is a path alone."""
_ELSEWHERE = "trust.master_key_file"


def lines(settings: Settings, _lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    for key in secret_files():
        section, _, name = key.partition(".")
        path = getattr(getattr(settings, section), name)
        if isinstance(path, Path) and path.is_file() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            yield "warn", "open-secret", {"path": path, "setting": key}


def secret_files() -> tuple[str, ...]:
    """The settings that name a file with a secret."""
    secrets = {setting.key for setting in documented() if get_args(setting.type)[0] is Secret}
    beside = (f"{key}_file" for key in sorted(secrets))
    return (*(key for key in beside if key != _ELSEWHERE), *_PLAIN)
