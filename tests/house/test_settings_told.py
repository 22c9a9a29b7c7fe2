"""Every setting says what it does in both languages; the English is the text that stands at the setting itself."""

from connector.foundation.language import catalogue
from connector.foundation.settings.load import documented


def test_every_setting_is_told_in_both_languages() -> None:
    """>> a new setting without its German sentence << its key, so that whoever adds it writes one."""
    known = {f"settings.{one.key}" for one in documented()}
    for lang in ("de", "en"):
        said = {key for key in catalogue(lang) if key.startswith("settings.")}
        assert (known - said, said - known) == (set(), set()), lang


def test_the_english_is_that_of_the_setting() -> None:
    told = catalogue("en")
    assert {one.key: told[f"settings.{one.key}"] for one in documented()} == {one.key: one.text for one in documented()}


def test_the_german_is_not_the_english() -> None:
    """Bug: `doctor --settings` told all of it in English, whatever language was asked for."""
    german = catalogue("de")
    assert [one.key for one in documented() if german[f"settings.{one.key}"] == one.text] == []
