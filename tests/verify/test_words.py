"""What the verifier says of an instant: German time with its zone, or UTC and as such; other texts as they stand."""

from zoneinfo import ZoneInfoNotFoundError

import pytest

from connector.foundation.language import local_text
from connector.verify import words

AT = "2027-06-30T22:00:00Z"


@pytest.mark.parametrize("lang", ["de", "en"])
def test_an_instant_is_said_as_everywhere_else(lang: str) -> None:
    """Local time with its zone, by the same pattern as in the connector's own sentences."""
    assert local_text(AT, lang) in words.say("note", "checked", lang, {"at": AT})


def test_without_a_time_zone_database_it_says_that_it_means_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a machine that knows no zones  << the same moment, named as UTC."""

    def absent(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    words._zone.cache_clear()
    monkeypatch.setattr(words, "ZoneInfo", absent)
    try:
        assert "30.06.2027, 22:00:00 Uhr (UTC)" in words.say("note", "checked", "de", {"at": AT})
    finally:
        words._zone.cache_clear()


@pytest.mark.parametrize("text", ["soon", "2027-06-30", "2027-06-30T22:00:00", "0001-01-01T00:00:00+14:00", "T", "7T7"])
def test_what_is_no_instant_is_said_as_it_stands(text: str) -> None:
    """A bundle may claim anything; nothing of it makes the verifier stumble or invent a zone."""
    assert text in words.say("note", "checked", "de", {"at": text})
