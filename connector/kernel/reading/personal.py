"""Hints that columns tell of persons: names, e-mail, telephone, IBAN, dates of birth, addresses of one household.

A hint, never a proof: it is asked of whoever publishes, and the answer is kept. It looks at what a column is called
and at what stands in it, so that a column with a harmless name is asked about too (spec/reading.md 2.1). Pure.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from connector.kernel.reading.columns import Profile, is_birth
from connector.kernel.reading.model import NAME, PersonalHint, PersonalKind
from connector.kernel.reading.values import EMAIL, day_of

FEW = 3
"""Values that are enough for a hint in a column whose name says nothing."""
SHARE = 0.3
LIVING = date(1915, 1, 1)
_WORDS = re.compile(r"[a-zäöüß]+")
_NAMES = frozenset(
    {
        "vorname",
        "nachname",
        "familienname",
        "zuname",
        "rufname",
        "geburtsname",
        "name",
        "personenname",
        "ansprechpartner",
        "ansprechpartnerin",
        "ansprechperson",
        "kontaktperson",
        "eigentümer",
        "eigentümerin",
        "halter",
        "halterin",
        "besitzer",
        "sachbearbeiter",
        "sachbearbeiterin",
        "sachbearbeitung",
        "antragsteller",
        "antragstellerin",
        "inhaber",
        "inhaberin",
        "pate",
        "patin",
        "baumpate",
        "mieter",
        "mieterin",
        "vermieter",
        "bewohner",
        "bearbeiter",
        "bearbeiterin",
        "leiter",
        "leiterin",
        "leitung",
        "schüler",
        "schülerin",
        "kind",
        "mutter",
        "vater",
        "elternteil",
        "hundehalter",
        "firstname",
        "lastname",
        "surname",
        "fullname",
    }
)
_PHONES = frozenset(
    {"tel", "telefon", "telefonnummer", "telefonnr", "mobil", "mobilnummer", "handy", "fon", "phone", "rufnummer"}
)
_PLATES = frozenset({"kennzeichen", "kfz", "nummernschild"})
_STREETS = frozenset(
    {"straße", "strasse", "str", "anschrift", "adresse", "wohnort", "street", "address", "straßenname"}
)
_NUMBERS = frozenset({"hausnummer", "hausnr", "hnr", "nr", "haus"})
_FIRST_NAMES = frozenset(
    {
        "alexander",
        "ali",
        "andrea",
        "andreas",
        "angela",
        "anja",
        "anke",
        "anna",
        "annette",
        "anton",
        "astrid",
        "axel",
        "barbara",
        "bastian",
        "beate",
        "ben",
        "benjamin",
        "bernd",
        "bernhard",
        "bettina",
        "birgit",
        "björn",
        "brigitte",
        "carl",
        "carmen",
        "carola",
        "carsten",
        "charlotte",
        "christa",
        "christian",
        "christiane",
        "christina",
        "christine",
        "christoph",
        "claudia",
        "clara",
        "cornelia",
        "daniel",
        "daniela",
        "david",
        "dennis",
        "detlef",
        "dieter",
        "dietmar",
        "dirk",
        "dominik",
        "doris",
        "edith",
        "elena",
        "elisabeth",
        "elke",
        "ella",
        "emil",
        "emilia",
        "emma",
        "erich",
        "erika",
        "ernst",
        "erwin",
        "eva",
        "fabian",
        "fatma",
        "felix",
        "finn",
        "florian",
        "frank",
        "franz",
        "franziska",
        "friedrich",
        "fritz",
        "gabriele",
        "georg",
        "gerd",
        "gerda",
        "gerhard",
        "gertrud",
        "gisela",
        "günter",
        "günther",
        "hanna",
        "hannah",
        "hannelore",
        "hans",
        "harald",
        "hedwig",
        "heike",
        "heinrich",
        "heinz",
        "helga",
        "helmut",
        "herbert",
        "hermann",
        "hildegard",
        "holger",
        "horst",
        "ida",
        "ilse",
        "ines",
        "inge",
        "ingeborg",
        "ingrid",
        "irene",
        "iris",
        "jan",
        "jana",
        "jens",
        "joachim",
        "johann",
        "johanna",
        "johannes",
        "jonas",
        "josef",
        "judith",
        "julia",
        "jürgen",
        "kai",
        "karin",
        "karl",
        "karsten",
        "katharina",
        "katja",
        "katrin",
        "kerstin",
        "klaus",
        "konrad",
        "kristina",
        "kurt",
        "lara",
        "laura",
        "lea",
        "lena",
        "leon",
        "leonie",
        "lisa",
        "luca",
        "luis",
        "luisa",
        "lukas",
        "lutz",
        "manfred",
        "manuela",
        "marco",
        "maria",
        "marie",
        "marina",
        "mario",
        "marion",
        "markus",
        "martha",
        "martin",
        "martina",
        "mathias",
        "matthias",
        "max",
        "maximilian",
        "mehmet",
        "melanie",
        "mia",
        "michael",
        "michaela",
        "mohammed",
        "monika",
        "mustafa",
        "nadine",
        "nicole",
        "niklas",
        "nina",
        "noah",
        "norbert",
        "olaf",
        "oliver",
        "oskar",
        "otto",
        "patrick",
        "paul",
        "paula",
        "peter",
        "petra",
        "philipp",
        "rainer",
        "ralf",
        "ramona",
        "rebecca",
        "regina",
        "reinhard",
        "renate",
        "rené",
        "richard",
        "rita",
        "robert",
        "roland",
        "rolf",
        "rosemarie",
        "rudolf",
        "ruth",
        "sabine",
        "sabrina",
        "sandra",
        "sara",
        "sarah",
        "sebastian",
        "siegfried",
        "silke",
        "silvia",
        "simon",
        "simone",
        "sofia",
        "sonja",
        "sophie",
        "stefan",
        "stefanie",
        "steffen",
        "stephan",
        "susanne",
        "sven",
        "svenja",
        "tanja",
        "theo",
        "theresa",
        "thomas",
        "thorsten",
        "tim",
        "tobias",
        "tom",
        "torsten",
        "udo",
        "ulrich",
        "ulrike",
        "ursula",
        "ute",
        "uwe",
        "vanessa",
        "vera",
        "verena",
        "veronika",
        "volker",
        "walter",
        "waltraud",
        "werner",
        "wilhelm",
        "willi",
        "wolfgang",
        "yvonne",
    }
)
_OFFICES = frozenset(
    {
        "amt",
        "buero",
        "büro",
        "bürgerbuero",
        "buergerbuero",
        "datenschutz",
        "geschaeftsstelle",
        "geoportal",
        "gemeinde",
        "hotline",
        "info",
        "kontakt",
        "landratsamt",
        "mail",
        "museum",
        "office",
        "ordnungsamt",
        "poststelle",
        "post",
        "presse",
        "rathaus",
        "redaktion",
        "schule",
        "sekretariat",
        "service",
        "stadt",
        "stadtplanung",
        "stadtverwaltung",
        "support",
        "tourismus",
        "umweltamt",
        "umwelt",
        "verwaltung",
        "vhs",
        "webmaster",
        "zentrale",
    }
)
"""What stands before the @ of an address that belongs to nobody."""
_PERSON = re.compile(
    r"(?:(?:Herr|Frau|Dr\.|Prof\.)\s+)*[A-ZÄÖÜ][\wäöüß.-]*(?:,?\s+(?:von|van|de|zu)?\s*[A-ZÄÖÜ][\wäöüß-]+){1,3}"
)
_PHONE = re.compile(r"(?:\+\d{1,3}|00\d{2}|0)[\s/()-]*[1-9]\d{0,4}(?:[\s/()-]+\d{1,}){1,6}|\+\d{8,14}|01[5-7]\d{8,9}")
_IBAN = re.compile(r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30})\b")
_PLATE = re.compile(r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} ?\d{1,4}[EH]?")
_HOUSE = re.compile(
    r"(?:[A-ZÄÖÜ][\wäöüß.-]*\s+){0,4}?[A-ZÄÖÜ]?[\wäöüß.-]*(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer|stieg|hof)\s*\d{1,4}\s?[a-z]?",
    re.IGNORECASE,
)
_HOUSE_NUMBER = re.compile(r"\d{1,4}\s?[a-zA-Z]?(?:\s?[-/]\s?\d{1,4}\s?[a-zA-Z]?)?")


def hints(profile: Profile, table: str = "") -> list[PersonalHint]:
    """What is to be asked about the columns of one table, in their order."""
    found: list[PersonalHint] = []
    for number, name in enumerate(profile.titles):
        values = profile.texts(number)
        if values:
            found += _of_column(table, name, values)
    named = {one.column for one in found if one.kind in ("name", "email")}
    found += _births(profile, table, bool(named), {one.column for one in found})
    return found + list(_addresses(profile, table))


def _of_column(table: str, name: str, values: Sequence[str]) -> Iterator[PersonalHint]:
    """At most one: the first that fits."""
    words = set(_WORDS.findall(name.casefold()))
    for kind, count, named in (
        ("iban", sum(map(_has_iban, values)), False),
        ("email", sum(map(_has_email, values)), False),
        ("phone", _phones(words, values), bool(words & _PHONES)),
        ("plate", _plates(words, values), bool(words & _PLATES)),
        ("name", *_names(words, values)),
    ):
        if count:
            yield PersonalHint(
                table=table[:NAME],
                column=name,
                kind=_kind(kind),
                count=count,
                looked_at=len(values),
                named=named,
            )
            return


def _kind(kind: str) -> PersonalKind:
    known: dict[str, PersonalKind] = {
        "iban": "iban",
        "email": "email",
        "phone": "phone",
        "plate": "plate",
        "name": "name",
        "birth": "birth",
        "address": "address",
    }
    return known[kind]


def _has_email(value: str) -> bool:
    return "@" in value and any(not _is_office(found[0]) for found in EMAIL.finditer(value))


def _is_office(address: str) -> bool:
    return address.partition("@")[0].casefold() in _OFFICES


def _has_iban(value: str) -> bool:
    return any(is_iban(found[1]) for found in _IBAN.finditer(value)) if len(value) >= 15 else False


def is_iban(text: str) -> bool:
    """By its check digits (ISO 13616)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def _phones(words: set[str], values: Sequence[str]) -> int:
    count = sum(1 for value in values if _PHONE.fullmatch(value))
    if words & _PHONES:
        return count or sum(1 for value in values if sum(map(str.isdigit, value)) >= 6)
    return count if count >= FEW and count >= SHARE * len(values) else 0


def _plates(words: set[str], values: Sequence[str]) -> int:
    count = sum(1 for value in values if _PLATE.fullmatch(value))
    return count if count and (words & _PLATES or (count >= FEW and count >= 0.8 * len(values))) else 0


def _names(words: set[str], values: Sequence[str]) -> tuple[int, bool]:
    """How many values look like persons, and whether the column's name says so; `Name` alone says nothing."""
    likely = sum(1 for value in values if _is_person(value))
    known = words & _NAMES
    if known - {"name"}:
        return likely or len(values), True
    enough = FEW if known else max(FEW, SHARE * len(values))
    return (likely, bool(known)) if likely >= min(enough, len(values)) and likely >= 0.2 * len(values) else (0, False)


def _is_person(value: str) -> bool:
    """Two capitalised words with a first name among them, or a first name alone."""
    words = [word.strip(".,").casefold() for word in value.split()]
    if not 1 <= len(words) <= 5 or any(sign.isdigit() for sign in value):
        return False
    known = any(part in _FIRST_NAMES for word in words for part in word.split("-"))
    return known and (len(words) == 1 or _PERSON.fullmatch(" ".join(value.split())) is not None)


def _births(profile: Profile, table: str, with_names: bool, taken: set[str]) -> Iterator[PersonalHint]:
    """A column called so; beside names, any column of days on which people who live were born."""
    for number, name in enumerate(profile.titles):
        if name in taken:
            continue
        days = [found for value in profile.texts(number) if (found := day_of(value)) is not None]
        named = is_birth(name)
        old = len(days) >= FEW and sum(1 for day in days if LIVING <= day <= date(2010, 1, 1)) > 0.8 * len(days)
        spread = len({day.year for day in days}) > min(10, len(days) // 2)
        if days and (named or (with_names and old and spread)):
            yield PersonalHint(
                table=table[:NAME],
                column=name,
                kind="birth",
                count=len(days),
                looked_at=len(profile.texts(number)),
                named=named,
            )


def _addresses(profile: Profile, table: str) -> Iterator[PersonalHint]:
    """Addresses with one row each: what is said of such an address is said of one household.

    In one column (`Hauptstr. 12`), or in two that lie beside each other.
    """
    for number, name in enumerate(profile.titles):
        values = profile.texts(number)
        whole = [" ".join(value.split()).casefold() for value in values if _HOUSE.fullmatch(value)]
        title = name
        if len(whole) < max(FEW, SHARE * len(values)):
            whole, title = _joined(profile, number)
        single = sum(1 for times in Counter(whole).values() if times == 1)
        if single >= FEW:
            yield PersonalHint(
                table=table[:NAME],
                column=title[:NAME],
                kind="address",
                count=single,
                looked_at=len(whole),
                named=bool(set(_WORDS.findall(name.casefold())) & _STREETS),
            )


def _joined(profile: Profile, street: int) -> tuple[list[str], str]:
    """A column of streets with that of house numbers: all addresses, and the names of both columns."""
    if not _matching(profile.names[street], _STREETS):
        return [], ""
    number = next((at for at, name in enumerate(profile.names) if at != street and _matching(name, _NUMBERS)), None)
    if number is None:
        return [], ""
    pairs = [
        f"{cells[street].strip()} {cells[number].strip()}".casefold()
        for _, cells in profile.kept
        if cells[street].strip() and _HOUSE_NUMBER.fullmatch(cells[number].strip())
    ]
    return pairs, f"{profile.titles[street]}, {profile.names[number]}"


def _matching(name: str, known: frozenset[str]) -> bool:
    return bool(set(_WORDS.findall(name.casefold())) & known)
