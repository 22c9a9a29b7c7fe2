"""What is wrong with a list is told everybody here, whoever of them is just being moved or cannot be written to."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.dataspace.spaces.keeping.alarms import Alarms
from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.storage.at_rest import AtRest
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.pin import Pin

PIN = Pin(authority="urn:a", space="https://kreis.de/space", name="Kreis", jwk={}, list_url="https://kreis.de/list")


class Process:
    """Three participants, of which the second cannot be written to while `fault` is set."""

    def __init__(self, fault: HanseError | None) -> None:
        self.booked, self.fault = list[str](), fault

    async def all(self) -> list[Any]:
        return [SimpleNamespace(participant=SimpleNamespace(id=slug)) for slug in ("amt", "dorf", "stadt")]

    async def write(self, slug: str, *unit: object) -> None:
        if slug == "dorf" and self.fault is not None:
            raise self.fault
        self.booked.append(slug)


@pytest.mark.threat("T163")
async def test_bug_who_was_just_being_moved_kept_an_alarm_from_all_behind_it() -> None:
    """>> a list was rolled back while one of three participants is laid to rest << the two others are told."""
    process = Process(AtRest("moving.at-rest"))
    await Alarms(process, process, AnchorOfSpaces(None)).raised(PIN, "trust.list-rollback", 0)  # type: ignore[arg-type]
    assert process.booked == ["amt", "stadt"]


@pytest.mark.threat("T163")
@pytest.mark.parametrize("since", [0, 1_000])
async def test_bug_one_busy_participant_kept_an_alarm_from_all_behind_it(since: int) -> None:
    """>> a list was rolled back or forked while the row of one of three participants is busy, in five looks << the two
    others are told once, the caller hears of the fault, and who was busy is told by the first look that can."""
    process = Process(Unavailable("storage.busy"))
    alarms = Alarms(process, process, AnchorOfSpaces(None))  # type: ignore[arg-type]
    for _ in range(5):
        with pytest.raises(Unavailable, match="busy"):
            await alarms.raised(PIN, "trust.list-rollback", since)
    assert process.booked == ["amt", "stadt"]
    process.fault = None
    await alarms.raised(PIN, "trust.list-rollback", since)
    assert process.booked == ["amt", "stadt", "dorf"]
    await alarms.raised(PIN, "trust.list-rollback", since)
    assert process.booked[3:] == ["amt", "dorf", "stadt"], "an alarm of its own"
