"""The access token of a remote keeper, as its file says it now: such tokens end after an hour or a day.

Whoever renews them (an agent beside this process) writes the file anew; nothing has to be started again. Without a file
the token is the one of the settings.
"""

import re
from pathlib import Path
from typing import Final

from connector.foundation.errors import Unavailable
from connector.foundation.settings.sections import Secret

LONGEST: Final = 16_384
_TOKEN: Final = re.compile(r"[!-~]+")


def token(kept: Secret, file: Path | None) -> str:
    """The token, fit for a header; Unavailable `signers.token` if it cannot be one. Never part of any message.

    Read here and not in a thread: a few bytes, while all threads may be waiting for this very seal (`evidence`).
    """
    text = kept.reveal() if file is None else _read(file, kept)
    if not fit(text):
        raise Unavailable("signers.token", file="" if file is None else file.name)
    return text


def fit(text: str) -> bool:
    """Whether it can stand in a header and is no longer than tokens are."""
    return len(text) <= LONGEST and _TOKEN.fullmatch(text) is not None


def _read(file: Path, kept: Secret) -> str:
    """What the start read while the file is away or half-written; an empty file is no token."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LONGEST + 1)
        text = data.decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return kept.reveal()
    return text if len(data) <= LONGEST and text else kept.reveal()
