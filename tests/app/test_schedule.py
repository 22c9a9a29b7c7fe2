"""What goes on in the background costs by what is due, not by how many participants there are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWNS = ("adorf", "bdorf", "cdorf", "ddorf")


def rounds(city: City) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """The frequent rounds, as the clockwork begins them or as they run beside it."""
    services = city.services
    return {
        "seal": services.operation.maintenance.seal_logs,
        "forget": services.operation.maintenance.forget,
        "trust-list": services.trust.listing.reload,
        "kept-list": services.trust.listing.catch_up,
        "cosign": services.witness.witnesses.look,
        "crawl": services.federation.crawler.look,
        "notifications": services.notifications.service.look,
        "mail": services.notifications.work.every["mail"][1],
        "compare": services.retention.reconciling.queue,
        "public": services.public.snapshots.sweep,
        "succession": services.contracts.work.every["succession"][1],
        "left": services.offboarding.deletion.notice,
        "leaving": services.offboarding.closing.job,
        "deleting": services.offboarding.deletion.job,
    }


@pytest.mark.parametrize("towns", [1, 4])
async def test_an_idle_round_asks_once_whoever_lives_here(
    space: Space, monkeypatch: pytest.MonkeyPatch, towns: int
) -> None:
    """>> one town, four towns; each round twice << the second one asks nothing in the scope of any of them."""
    space.clock = FakeClock(SystemClock().now())  # between two rounds nothing falls due
    city = await space.city("many", dict.fromkeys(TOWNS[:towns], MUNICIPALITY))
    db, mine = city.services.infra.db, asyncio.current_task()
    units: list[str] = []
    for way in ("read", "write"):
        asked = getattr(db, way)

        def counted(scope: str, *args: Any, asked: Any = asked, **kw: Any) -> Any:
            if asyncio.current_task() is mine:
                units.append(scope)
            return asked(scope, *args, **kw)

        monkeypatch.setattr(db, way, counted)
    for each in rounds(city).values():
        await each()
    found: dict[str, list[str]] = {}
    for name, each in rounds(city).items():
        units.clear()
        await each()
        found[name] = [*units]
    beside = {"cosign"}  # what lies beside a log is compared in turn, a few in each look (decision 0092)
    assert {name: scopes for name, scopes in found.items() if set(scopes) & set(TOWNS) and name not in beside} == {}
    assert max(len(scopes) for name, scopes in found.items() if name not in beside) <= 2
    assert len(set(found["cosign"]) & set(TOWNS)) <= 4
