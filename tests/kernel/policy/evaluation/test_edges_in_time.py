"""The instants at which time alone changes something: windows in Berlin's calendar, and what needs a world to know."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.policy.evaluation.edges_in_time import day_end, month_end
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.kernel.policy.worlds import DAILY, DAY, NOW, TOWN, UNTIL, H, at, atom

BERLIN = ZoneInfo("Europe/Berlin")
MAY = World(now=NOW, participant=TOWN, uses={"": 1, "P1D": 1, "P1M": 1})


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        ("2026-11-24T12:00:00+01:00", "2026-11-25T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("2026-11-24T23:59:59.999+01:00", "2026-11-25T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("2026-11-25T00:00:00+01:00", "2026-11-26T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("2026-12-31T23:30:00+01:00", "2027-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("2026-12-31T23:30:00+00:00", "2027-01-02T00:00:00+01:00", "2027-02-01T00:00:00+01:00"),
        ("2027-03-28T01:59:00+01:00", "2027-03-29T00:00:00+02:00", "2027-04-01T00:00:00+02:00"),
        ("2027-10-31T02:30:00+02:00", "2027-11-01T00:00:00+01:00", "2027-11-01T00:00:00+01:00"),
        ("2027-10-30T23:00:00+02:00", "2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
    ],
)
def test_when_a_window_ends(now: str, day: str, month: str) -> None:
    """Midnight and the first of the month in Berlin, on days of 23 and 25 hours too."""
    assert (day_end(ms(now)), month_end(ms(now))) == (ms(day), ms(month))


@given(st.integers(ms("1997-01-01T00:00:00+00:00"), ms("2037-12-31T00:00:00+00:00")))
def test_as_the_time_zone_database_has_it(now: int) -> None:
    """The rule of the directive gives the midnights of the database (which ends in 2037)."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(BERLIN).date()
    tomorrow = datetime.combine(local + timedelta(days=1), datetime.min.time(), BERLIN)
    first = datetime((local.year * 12 + local.month) // 12, local.month % 12 + 1, 1, tzinfo=BERLIN)
    assert day_end(now) == int(tomorrow.timestamp() * 1000)
    assert month_end(now) == int(first.timestamp() * 1000)


def changes(document: dict[str, Any], **members: Any) -> int | None:
    return compile(parse(document)).next_change(replace(MAY, **members))


def use(*constraints: object, **members: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints)} | members]}


DUE = atom(H + "dueBy", "lt", at(NOW + DAY))
ELAPSED = atom("odrl:elapsedTime", "lteq", "PT5S")
MONTHLY = {"and": [atom("odrl:count", "lteq", "9"), atom("odrl:timeInterval", "eq", "P1M")]}


@pytest.mark.parametrize(
    ("document", "members", "change"),
    [
        (use(UNTIL), {}, NOW + DAY),
        (use(UNTIL), {"now": NOW + DAY}, None),
        (use(DAILY), {}, day_end(NOW)),
        (use(MONTHLY), {}, month_end(NOW)),
        (use(DAILY, UNTIL), {}, min(day_end(NOW), NOW + DAY)),
        (use(DAILY), {"now": 10**18}, None),
        (use(DAILY), {"now": -(10**18)}, None),
        (use(ELAPSED), {"agreement_at": NOW - 3000}, NOW + 2001),
        (use(ELAPSED), {"agreement_at": NOW - 9000}, None),
        (use(ELAPSED), {}, None),
        (use(duty={"action": "odrl:delete", "constraint": DUE}), {}, NOW + DAY),
        (use(duty={"action": "odrl:compensate", "constraint": UNTIL}), {}, NOW + DAY),
        ({"obligation": [{"action": "odrl:delete", "constraint": DUE}]}, {}, NOW + DAY),
        ({"prohibition": [{"action": "use", "constraint": UNTIL}]}, {}, NOW + DAY),
        (use(assignee={"@type": "PartyCollection", "source": "urn:t", "refinement": UNTIL}), {}, NOW + DAY),
        ({"permission": [{"action": {"value": "use", "refinement": [UNTIL]}}]}, {}, NOW + DAY),
        (use(atom(H + "dueBy", "lt", at(NOW + DAY))), {}, None),
    ],
    ids=str,
)
def test_what_changes_by_time_alone(document: dict[str, Any], members: dict[str, Any], change: int | None) -> None:
    """Edges of clauses wherever they stand, deadlines, ends of counting windows; nothing that was and is over."""
    assert changes(document, **members) == change
