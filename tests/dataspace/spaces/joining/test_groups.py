"""How a town learns which groups of its spaces want it, whatever their authorities answer."""

from types import SimpleNamespace
from typing import Any

from connector.dataspace.spaces.joining.groups import AGAIN_MS, EVERY_MS, GroupsElsewhere
from connector.foundation.clock import FakeClock
from connector.foundation.http.outbound import Answer
from tests.dataspace.spaces.conftest import TOWN, County, joined
from tests.testkit.cities import City


async def test_bug_who_was_not_answered_asked_again_after_a_quarter_of_an_hour(county: County, town: City) -> None:
    """>> the authority has had enough of questions; is asked again, and says no << after a minute; then with the next
    round of all."""
    await joined(town, TOWN, county)
    answers, asked, clock = [(429, b""), (403, b'{"code":"trust.not-listed"}'), (200, b"[]")], list[int](), FakeClock()

    async def read(*_: object) -> Answer:
        asked.append(clock.steady())
        status, body = answers.pop(0)
        return Answer(status, {}, body)

    services, begun = town.services, clock.steady()
    only_read: Any = SimpleNamespace(read=read)
    theirs, widening = services.spaces.groups, services.approvals.widening
    own = GroupsElsewhere(services.infra.db, clock, services.participants, only_read, theirs, widening)
    for _ in range(EVERY_MS // 1000 + 1):
        await own.work()
        clock.advance(1000)
    assert asked == [begun, begun + AGAIN_MS, begun + EVERY_MS]
