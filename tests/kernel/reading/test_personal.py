"""Hints on persons: each kind is found by what stands in a column, and harmless columns are left in peace."""

import pytest

from connector.kernel.reading.model import PersonalHint
from connector.kernel.reading.personal import is_iban
from tests.kernel.reading.files import contents
from tests.testkit.bounded import ends


def hints(text: str) -> list[PersonalHint]:
    return list(contents(text.encode()).hints)


def told(text: str) -> dict[str, str]:
    return {hint.column: hint.kind for hint in hints(text)}


def test_names_whatever_the_column_is_called() -> None:
    people = "Sabine Müller\nDr. Hans-Peter Schmidt\nAylin Yılmaz\nMax Mustermann\nKarl von Amsberg\n"
    assert told("Ansprechpartner\n" + people) == {"Ansprechpartner": "name"}
    assert told("Spalte 3\n" + people) == {"Spalte 3": "name"}
    found = hints("Nr;Sachbearbeitung\n1;Müller, S.\n2;Yılmaz\n")
    assert [(hint.kind, hint.count, hint.looked_at, hint.named) for hint in found] == [("name", 2, 2, True)]


def test_a_name_of_a_thing_is_none() -> None:
    assert told("Name;Art\nKarl-Marx-Allee;Straße\nGrundschule Nord;Schule\nStadtpark;Park\nRathaus;Haus\n") == {}
    assert told("Ortsteil\nMarienberg\nPetersdorf\nSankt Martin\nHeide\n") == {}


def test_mail_telephone_account_and_plate() -> None:
    text = (
        "Bemerkung;Erreichbar;Konto;Fahrzeug\n"
        "bitte an erika.muster@example.org;0171 1234567;DE89 3704 0044 0532 0130 00;DA-AB 123\n"
        "kein Eintrag;06151/13-1;leer;F-XY 7\n"
        "auch keiner;+49 6151 132045;leer;M-A 1234\n"
    )
    assert told(text) == {"Bemerkung": "email", "Erreichbar": "phone", "Konto": "iban", "Fahrzeug": "plate"}
    assert [hint.count for hint in hints(text)] == [1, 3, 1, 3]


def test_the_address_of_an_office_is_nobodys() -> None:
    assert told("Kontakt\ninfo@musterstadt.example\npoststelle@musterstadt.example\n") == {}


def test_numbers_are_no_telephones() -> None:
    assert told("Flurstück;Betrag\n06123456;1.234,50\n06123457;0,5\n06123458;17\n") == {}


def test_dates_of_birth() -> None:
    assert told("Geburtsdatum;Ort\n01.02.1980;A\n3.4.1975;B\n") == {"Geburtsdatum": "birth"}
    days = "".join(f"Anna Müller;{day:02}.03.{1950 + 3 * day}\n" for day in range(1, 15))
    assert told("Wer;Datum\n" + days) == {"Wer": "name", "Datum": "birth"}
    planted = "".join(f"Linde;{day:02}.03.{1950 + 3 * day}\n" for day in range(1, 15))
    assert told("Art;Datum\n" + planted) == {}
    assert told("Gebäude;Gebiet\n01.02.1980;01.02.1980\n") == {}


def test_an_address_with_one_household() -> None:
    single = "".join(f"Hauptstraße {number};{number * 100}\n" for number in range(1, 8))
    (hint,) = hints("Anschrift;Verbrauch\n" + single)
    assert (hint.kind, hint.column, hint.count, hint.looked_at, hint.named) == ("address", "Anschrift", 7, 7, True)
    parted = "Straße;Hausnummer;Verbrauch\n" + "".join(f"Ring;{number};1\n" for number in range(1, 8))
    assert [(hint.kind, hint.column) for hint in hints(parted)] == [("address", "Straße, Hausnummer")]
    together = "".join(f"Hauptstraße 1;{number}\nHauptstraße 2;{number}\n" for number in range(8))
    assert hints("Anschrift;Wert\n" + together) == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("DE89370400440532013000", True),
        ("DE89 3704 0044 0532 0130 00", True),
        ("DE88370400440532013000", False),
        ("GB82WEST12345698765432", True),
        ("DE", False),
    ],
)
def test_an_account_proves_itself(text: str, fits: bool) -> None:
    assert is_iban(text) is fits


@pytest.mark.threat("T182")
def test_bug_gaps_between_words_multiplied_the_ways_to_read_a_name() -> None:
    """>> a column of words with wide gaps and an end that is none << told at once; names may have such gaps."""
    gap = " " * 48
    with ends():
        assert hints("Wer\n" + f"Anna{gap}B{gap}C{gap}D !\n" * 1_000) == []
    assert told("Wer\n" + f"Anna{gap}von{gap}Muster\n" * 5) == {"Wer": "name"}
