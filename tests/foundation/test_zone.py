"""Instants as people read them: local time with its zone, and nothing that is no instant."""

import pytest

from connector.foundation.language import day_text, local_end, local_text, local_time, say

WINTER, SUMMER = 1_830_294_000_000, 1_814_486_403_999


@pytest.mark.parametrize(
    ("at", "lang", "text"),
    [
        (WINTER, "de", "01.01.2028, 00:00:00 Uhr (MEZ)"),
        (WINTER, "en", "01 Jan 2028, 00:00:00 (CET)"),
        (SUMMER, "de", "02.07.2027, 02:00:03 Uhr (MESZ)"),
        (SUMMER, "en", "02 Jul 2027, 02:00:03 (CEST)"),
        (10**17, "de", str(10**17)),
    ],
)
def test_an_instant_is_said_in_local_time_with_its_zone(at: int, lang: str, text: str) -> None:
    """Winter and summer, German and English; what no calendar reaches stays a number."""
    assert local_time(at, lang) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2027-12-31T23:00:00Z", "01.01.2028, 00:00:00 Uhr (MEZ)"),
        ("2028-01-01T04:00:00+05:00", "01.01.2028, 00:00:00 Uhr (MEZ)"),
        ("2027-12-31T23:00:00", "2027-12-31T23:00:00"),
        ("2027-12-31", "2027-12-31"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("gestern Tag", "gestern Tag"),
    ],
)
def test_only_an_instant_with_an_offset_becomes_local(text: str, said: str) -> None:
    """A bare day stays a day, and nobody guesses an offset."""
    assert local_text(text, "de") == said


@pytest.mark.parametrize(
    ("end", "lang", "text"),
    [
        (WINTER, "de", "einschließlich 31.12.2027"),
        (WINTER, "en", "31 Dec 2027 inclusive"),
        (WINTER - 3_600_000, "de", "31.12.2027, 23:00:00 Uhr (MEZ)"),
        (-62_135_600_000_000, "de", "-62135600000000"),
    ],
)
def test_an_end_at_midnight_is_said_as_the_last_day(end: int, lang: str, text: str) -> None:
    """The same moment as in the clause that sets it, so that nobody has to compare two ways of saying it."""
    assert local_end(end, lang) == text
    assert "einschließlich 31.12.2027" in say("cli.agreement.expires", "de", through="2027-12-31T23:00:00Z")


def test_a_sentence_never_shows_utc_to_people_who_live_elsewhere() -> None:
    """>> a sentence with an instant for a machine  << the same sentence in local time."""
    told = say("error.dataplane.expired", "de", until="2027-06-30T22:00:00Z")
    assert "01.07.2027, 00:00:00 Uhr (MESZ)" in told
    told = say("cli.restore.done", "de", folder="x", made="2026-11-27T19:03:49Z")
    assert told.endswith("27.11.2026, 20:03:49 Uhr (MEZ).")


@pytest.mark.parametrize(
    ("text", "lang", "said"),
    [
        ("2027-12-31T23:00:00Z", "de", "01.01.2028"),
        ("2027-12-31T23:00:00Z", "en", "01 Jan 2028"),
        ("2027-12-31", "de", "31.12.2027"),
        ("31.12.2027", "de", "31.12.2027"),
        ("0001-01-01T00:00:00+14:00", "de", "0001-01-01T00:00:00+14:00"),
        ("–", "de", "–"),
    ],
)
def test_a_day_is_that_of_the_space_as_people_write_it(text: str, lang: str, said: str) -> None:
    """An instant has the day of the space, a day stays that day, what is neither stays as it is."""
    assert day_text(text, lang) == said
    assert say("cli.group.ended", lang, day=text).endswith(f" {said}")
