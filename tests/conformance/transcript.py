"""What was exchanged while a case ran, as people read it, and what is kept of a run."""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conformance.subject import Message

SHOWN = 3000
_SLACK_S = 0.1
_KEPT = ("*.log", "*.jsonl", "*.properties")


def during(exchanged: Iterable[Message], began: float, ended: float) -> list[Message]:
    return [one for one in exchanged if began - _SLACK_S <= one.at <= ended + _SLACK_S]


def shown(message: Message) -> dict[str, Any]:
    """The facts of the sentence `cli.conformance.message`."""
    at = datetime.fromtimestamp(message.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    cut = {name: getattr(message, name)[:SHOWN] or "–" for name in ("body", "answer")}
    arrow = "→" if message.direction == "out" else "←"
    return {"at": at, "arrow": arrow, "method": message.method, "url": message.url, "status": message.status, **cut}


def keep(folder: Path, where: Path) -> None:
    """Logs, messages and properties of a run."""
    where.mkdir(parents=True, exist_ok=True)
    for pattern in _KEPT:
        for path in folder.glob(pattern):
            shutil.copy(path, where)
