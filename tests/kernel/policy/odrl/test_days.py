"""Days of a steward as instants: midnights in Europe/Berlin."""

from datetime import date, timedelta

import pytest

from connector.kernel.policy.odrl.days import day_of, midnight, read_day

FIRST = date(1997, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(365 * 40)]


def test_each_midnight_is_the_beginning_of_its_day() -> None:
    """There and back, for each day of forty years."""
    assert all(day_of(midnight(day).isoformat()) == day for day in DAYS)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2028-01-01T00:00:00+01:00", date(2028, 1, 1)),
        ("2027-12-31T23:00:00Z", date(2028, 1, 1)),
        ("2027-07-01T22:00:00Z", date(2027, 7, 2)),
        ("2028-01-01T00:00:00Z", None),
        ("2028-01-01T00:00:01+01:00", None),
        ("gestern", None),
    ],
)
def test_an_instant_is_a_day_only_at_its_midnight(text: str, day: date | None) -> None:
    """However the instant is spelled."""
    assert day_of(text) == day


@pytest.mark.parametrize(
    "text", ["", "31.2.2027", "1.1.27", "2027-1-1", "2027-12-31T10:00", "1996-12-31", "9999-01-01"]
)
def test_what_is_no_day(text: str) -> None:
    """Nor a day before the summer time of the EU, nor one whose next midnight has no year."""
    assert read_day(text) is None
