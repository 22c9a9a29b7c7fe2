"""Lists that an operator adds: recorded, known from then on, and refused if they are wrong, huge or hostile."""

import hashlib
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake, PeerError
from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.lists import updates
from connector.kernel.metadata.lists.code_lists import FILE_TYPE, LANGUAGE, code_lists
from connector.kernel.metadata.lists.updates import FOLDER, add_lists, known_lists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.reading import Limits
from tests.testkit.places import SHARED

AT = "2026-11-28T00:00:00Z"
EDITION = f"""
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<{LANGUAGE}> <http://www.w3.org/2002/07/owl#versionInfo> "20261101-0" ; skos:prefLabel "Sprachen der EU"@de .
<{LANGUAGE}/LAT> skos:inScheme <{LANGUAGE}> ; skos:notation "LAT" ; skos:prefLabel "Latein"@de, "latine"@la .
<{LANGUAGE}/DEU> skos:inScheme <{LANGUAGE}> ; skos:prefLabel "Deutsch"@de .
""".encode()
LATIN = f"{LANGUAGE}/LAT"


def test_values_of_a_newer_list_are_known_from_then_on(tmp_path: Path) -> None:
    """>> an edition with Latin << recorded with hash, day and edition; a dataset in Latin conforms."""
    taken = add_lists(tmp_path, "languages.ttl", EDITION, AT)
    assert (taken.file, taken.sha256, taken.at) == ("languages.ttl", hashlib.sha256(EDITION).hexdigest(), AT)
    (one,) = taken.lists
    assert (one.scheme, one.edition, one.values, one.new) == (LANGUAGE, "20261101-0", 2, 1)
    known = known_lists(tmp_path)
    assert known.has(LANGUAGE, LATIN)
    assert known.label(LATIN, "de") == "Latein"
    assert known.label(f"{LANGUAGE}/FRA", "en") == "French"
    assert not code_lists().has(LANGUAGE, LATIN)


def test_a_check_with_the_lists_of_the_folder_knows_them(tmp_path: Path) -> None:
    from pyoxigraph import NamedNode, Triple

    from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF

    file = NamedNode("https://town.example/file")
    told = Graph([Triple(file, RDF.type, DCAT.Distribution), Triple(file, DCT.language, NamedNode(LATIN))])
    rule = "de-Distribution-dct-language-list"
    assert rule in {one.rule for one in check(told, Profile.DE)}
    add_lists(tmp_path, "languages.ttl", EDITION, AT)
    assert rule not in {one.rule for one in check(told, Profile.DE, known_lists(tmp_path))}


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    first = add_lists(tmp_path, "languages.ttl", EDITION, AT)
    assert add_lists(tmp_path, "again.ttl", EDITION, "2027-01-01T00:00:00Z") == first
    assert updates.updates(tmp_path) == [first]


def test_nothing_of_ours_is_lost(tmp_path: Path) -> None:
    """>> an official table without endings and with one type << all types, and the endings of ours."""
    base = f"<{FILE_TYPE}/CSV> <http://www.w3.org/2004/02/skos/core#inScheme> <{FILE_TYPE}> .\n"
    add_lists(tmp_path, "types.nt", base.encode(), AT)
    known = known_lists(tmp_path)
    assert len(known.values(FILE_TYPE)) == len(code_lists().values(FILE_TYPE))
    csv = known.file_type_of("trees.csv")
    assert csv is not None
    assert csv.media_type == "text/csv"


@pytest.mark.threat("T74")
def test_no_name_of_ours_comes_to_mean_another_value(tmp_path: Path) -> None:
    """>> a table that has our file type CSV, and calls another one CSV, too << CSV still means ours."""
    text = f"""
    @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
    <{FILE_TYPE}/CSV> skos:inScheme <{FILE_TYPE}> ; skos:notation "CSV" .
    <{FILE_TYPE}/OTHER> skos:inScheme <{FILE_TYPE}> ; skos:notation "csv" .
    """
    add_lists(tmp_path, "types.ttl", text.encode(), AT)
    known = known_lists(tmp_path)
    assert known.has(FILE_TYPE, f"{FILE_TYPE}/OTHER")
    ours = code_lists().value(f"{FILE_TYPE}/CSV")
    assert known.by_code(FILE_TYPE, "CSV") == known.file_type("csv") == ours


def test_a_list_of_which_we_have_none_is_taken_too(tmp_path: Path) -> None:
    keys = "http://dcat-ap.de/def/politicalGeocoding/municipalityKey"
    text = f"<{keys}/05315000> <http://www.w3.org/2004/02/skos/core#inScheme> <{keys}> .\n"
    (one,) = add_lists(tmp_path, "keys.nt", text.encode(), AT).lists
    assert (one.scheme, one.title, one.new) == (keys, "municipalityKey", 1)
    assert known_lists(tmp_path).has(keys, f"{keys}/05315000")


@pytest.mark.threat("T74")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<https://town.example/a> <https://town.example/b> <https://town.example/c> .", "vocab.no-list"),
        (EDITION.decode().replace(f"<{LANGUAGE}/LAT>", "<https://town.example/LAT>"), "vocab.strange-value"),
        (EDITION.decode().replace(f"<{LANGUAGE}>", "<urn:list>"), "vocab.strange-value"),
    ],
    ids=["no list", "a value of another place", "a list of no place"],
)
def test_a_file_that_is_wrong_is_refused_and_leaves_nothing(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Mistake) as refused:
        add_lists(tmp_path, "wrong.ttl", text.encode(), AT)
    assert refused.value.code == code
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.threat("T74")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rdf:RDF/>', "rdf.entities"),
        (b"<html><body>404</body></html>", "rdf.html"),
        (b"@prefix broken", "rdf.syntax"),
        (b"x" * 2_000, "rdf.too-large"),
    ],
    ids=["entities", "a web page", "no RDF", "too large"],
)
def test_a_file_that_is_huge_or_hostile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, code: str
) -> None:
    monkeypatch.setattr(updates, "LIMITS", Limits(bytes=1_000))
    with pytest.raises(PeerError) as refused:
        add_lists(tmp_path, "list.rdf" if data.startswith(b"<") else "list.ttl", data, AT)
    assert refused.value.code == code
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.threat("T74")
def test_lists_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more values, more files than are taken << refused, what was there stays."""
    monkeypatch.setattr(updates, "MOST_VALUES", 1)
    with pytest.raises(Mistake, match=r"vocab\.too-large"):
        add_lists(tmp_path, "languages.ttl", EDITION, AT)
    monkeypatch.setattr(updates, "MOST_VALUES", 2)
    monkeypatch.setattr(updates, "MOST_UPDATES", 1)
    add_lists(tmp_path, "languages.ttl", EDITION, AT)
    with pytest.raises(Mistake, match=r"vocab\.too-many"):
        add_lists(tmp_path, "other.ttl", EDITION + b"# another", AT)
    assert known_lists(tmp_path).has(LANGUAGE, LATIN)


@pytest.mark.threat("T74")
@pytest.mark.parametrize("ending", ["nt", "json"])
def test_what_was_changed_since_is_noticed(tmp_path: Path, ending: str) -> None:
    """>> a byte of the kept list, of the record << a sentence; no value is known by it."""
    digest = add_lists(tmp_path, "languages.ttl", EDITION, AT).sha256
    place = tmp_path / FOLDER / f"{digest}.{ending}"
    place.write_bytes(place.read_bytes().replace(b"LAT", b"XXL") if ending == "nt" else b"{}")
    with pytest.raises(Mistake, match=r"vocab\.damaged"):
        known_lists(tmp_path)


def test_half_of_a_take_counts_for_nothing(tmp_path: Path) -> None:
    """>> the process died before the record was written << the list is not known; taking it again is whole."""
    digest = add_lists(tmp_path, "languages.ttl", EDITION, AT).sha256
    (tmp_path / FOLDER / f"{digest}.json").unlink()
    assert not known_lists(tmp_path).has(LANGUAGE, LATIN)
    add_lists(tmp_path, "languages.ttl", EDITION, AT)
    assert known_lists(tmp_path).has(LANGUAGE, LATIN)


def test_half_of_a_take_does_not_hinder_the_next(tmp_path: Path) -> None:
    """>> a list with a blank node, which has another name in each reading; the process died << it is taken again."""
    text = EDITION + f"<{LANGUAGE}> <http://purl.org/dc/terms/source> [ <urn:a> 1 ] .".encode()
    digest = add_lists(tmp_path, "languages.ttl", text, AT).sha256
    (tmp_path / FOLDER / f"{digest}.json").unlink()
    add_lists(tmp_path, "languages.ttl", text, AT)
    assert known_lists(tmp_path).has(LANGUAGE, LATIN)


@pytest.mark.threat("T74")
def test_a_list_with_names_that_are_none_does_not_hinder_later_commands(tmp_path: Path) -> None:
    """>> a value with a blank and a bracket in its IRI << taken as it is, and everything can still be looked up."""
    odd = f"{LANGUAGE}/L A"
    text = EDITION.decode() + f"<{odd}> skos:inScheme <{LANGUAGE}> ; skos:broader <{LANGUAGE}/\\u003E> ."
    add_lists(tmp_path, "languages.ttl", text.encode(), AT)
    known = known_lists(tmp_path)
    assert known.has(LANGUAGE, odd)
    assert known.has(LANGUAGE, LATIN)
    assert known.value(odd).broader == f"{LANGUAGE}/>"  # type: ignore[union-attr]


def test_official_tables_are_taken_as_they_are_published(tmp_path: Path) -> None:
    """>> the full table of themes, that of contributors << all their values, none of them new."""
    folder = SHARED / "dcat" / "vocab"
    if not folder.is_dir():
        pytest.skip(f"the official lists are not at hand: {folder}")
    for name, count, edition in (
        ("berlin-data-theme-skos-ap-act.ttl", 14, "20161225-1"),
        ("dcat-ap-de-contributors.rdf", 69, "20251021"),
    ):
        (one,) = add_lists(tmp_path, name, (folder / name).read_bytes(), AT).lists
        assert (one.values, one.new, one.edition) == (count, 0, edition)
