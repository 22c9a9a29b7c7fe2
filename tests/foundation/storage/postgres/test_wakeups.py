"""What replicas tell each other reaches whoever listens late, too."""

import asyncio
import threading
from typing import Any

import psycopg
import pytest

from connector.foundation.storage.database import Database
from connector.foundation.storage.postgres import wakeups
from connector.foundation.storage.postgres.wakeups import Told, Wakeups
from tests.testkit.patience import PATIENCE_S, eventually


async def test_bug_what_was_told_before_a_replica_listened_was_lost(cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a start goes on before PostgreSQL lets it listen << once it listens it is told to look for what it missed."""
    connect, may = psycopg.connect, threading.Event()

    def late(*given: Any, **named: Any) -> Any:
        assert may.wait(PATIENCE_S)
        return connect(*given, **named)

    heard = list[Told | None]()
    with cluster.database() as urls:
        monkeypatch.setattr(psycopg, "connect", late)
        monkeypatch.setattr(wakeups, "_START_S", 0.0)
        one = Wakeups(urls.app, heard.append)
        one.start()
        assert heard == []
        may.set()
        await eventually(lambda: bool(heard))
        await asyncio.to_thread(one.stop)
    assert heard == [None]


async def test_bug_a_listener_that_came_while_something_was_heard_could_end_the_listening(
    postgres_db: Database,
) -> None:
    """>> signals may have been missed, and a listener comes before that is told << it is among those who look."""
    heard = list[object]()
    postgres_db._heard(None)  # type: ignore[attr-defined]
    postgres_db.listen("topic", heard.append)
    await eventually(lambda: bool(heard))
    assert heard == [None]
