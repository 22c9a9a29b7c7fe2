"""A catalogue reads a room with the first of its keys, and is whole for whoever asks for all."""

from pathlib import Path
from threading import Thread

import pytest

import connector.foundation.language
from connector.foundation.language import LANGUAGES
from connector.foundation.language.rooms import Catalogue

FOLDER = Path(connector.foundation.language.__file__).parent


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rooms that were read, in their order."""
    rooms: list[str] = []
    as_it_is = Path.read_text

    def noted(path: Path, encoding: str | None = None) -> str:
        rooms.append(path.stem)
        return as_it_is(path, encoding)

    monkeypatch.setattr(Path, "read_text", noted)
    return rooms


def test_a_key_reads_the_room_that_is_named_like_a_part_of_it(read: list[str]) -> None:
    """>> the mark of a step << one room is read, and once."""
    german = Catalogue(FOLDER / "de")
    assert read == []
    assert german["policy.tree.mark-yes"] == german["policy.tree.mark-yes"]
    assert read == ["policy"]


def test_a_key_is_found_in_whichever_room_it_stands() -> None:
    """>> the keys of three rooms, each asked of a catalogue that has read nothing << the text that all have."""
    whole = dict(Catalogue(FOLDER / "en"))
    for last in list(whole)[:: len(whole) // 3]:
        assert Catalogue(FOLDER / "en")[last] == whole[last]


def test_an_unknown_key_is_unknown_and_nothing_is_read_again_for_it(read: list[str]) -> None:
    """>> a key that no room has, twice << never a text; every room was read once."""
    german = Catalogue(FOLDER / "de")
    for _ in range(2):
        assert "no.such.key" not in german
        with pytest.raises(KeyError):
            german["no.such.key"]
    assert sorted(read) == sorted(path.stem for path in (FOLDER / "de").glob("*.toml"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_whoever_asks_for_all_gets_all(lang: str) -> None:
    """>> count and list after one message << as many as the rooms have, whatever was read before."""
    some, whole = Catalogue(FOLDER / lang), Catalogue(FOLDER / lang)
    assert some["policy.tree.mark-no"]
    assert len(some) == len(whole) == len(list(some))


def test_threads_that_ask_at_once_all_get_it() -> None:
    """>> eight threads, one key each, one catalogue << eight texts."""
    whole = Catalogue(FOLDER / "de")
    keys, shared, found = list(whole)[::700][:8], Catalogue(FOLDER / "de"), dict[str, str]()

    def ask(key: str) -> None:
        found[key] = shared[key]

    threads = [Thread(target=ask, args=(key,)) for key in keys]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == {key: whole[key] for key in keys}
