"""What is wrong with a list is told everybody here, whoever of them is just being moved."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.dataspace.spaces.keeping.alarms import Alarms
from connector.foundation.storage.at_rest import AtRest
from connector.identity.trust.members.anchors import Anchors
from connector.identity.trust.members.pin import Pin

PIN = Pin(authority="urn:a", space="https://kreis.de/space", name="Kreis", jwk={}, list_url="https://kreis.de/list")


class Process:
    """Three participants, of which the second is laid to rest between the list of all of them and its own row."""

    def __init__(self) -> None:
        self.booked = list[str]()

    async def all(self) -> list[Any]:
        return [SimpleNamespace(participant=SimpleNamespace(id=slug)) for slug in ("amt", "dorf", "stadt")]

    async def write(self, slug: str, *unit: object) -> None:
        if slug == "dorf":
            raise AtRest("moving.at-rest")
        self.booked.append(slug)


@pytest.mark.threat("T163")
async def test_bug_who_was_just_being_moved_kept_an_alarm_from_all_behind_it() -> None:
    """>> a list was rolled back while one of three participants is laid to rest << the two others are told."""
    process = Process()
    await Alarms(process, process, Anchors(None)).raised(PIN, "trust.list-rollback", 0)  # type: ignore[arg-type]
    assert process.booked == ["amt", "stadt"]
