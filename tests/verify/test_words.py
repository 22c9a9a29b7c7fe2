"""What the verifier says of an instant: German time with its zone, or UTC and as such; other texts as they stand."""

import re
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


@pytest.mark.parametrize("lang", ["de", "en"])
def test_bug_a_page_told_people_to_give_a_switch_of_the_command_line(lang: str) -> None:
    """Bug: >> every sentence of the verifier, as a page shows it << one told to "give with --trust-list", one named a
    file of roots to give; what only looked like a switch, in a stranger's text, was cut out. No sentence has a switch
    on a page, all that had one have it on the command line, and what a bundle brings is shown as it is."""
    tables = {name: table for name, table in words._catalogue(lang).items() if name not in ("readme", "help", "line")}
    keys = [(name, key) for name, table in tables.items() for key in table if name != "time"]
    facts = dict.fromkeys(re.findall(r"\{([a-zA-Z0-9_]+)[:}]", str(tables)), "x (--trust)")
    shown = {key: words.say(*key, lang, facts, page=True) for key in keys}
    assert [key for key in keys if "--" in shown[key].replace("x (--trust)", "") or "[[" in shown[key]] == []
    there = [key for key in keys if "--" in words.say(*key, lang, dict.fromkeys(facts, ""))]
    assert len(there) > 15
    assert (
        words.say("fault", "witness-policy", lang, {"line": "7 (--x) [[a|b]]"}, page=True).count("(--x) [[a|b]]") == 1
    )
