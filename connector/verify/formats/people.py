"""All who agreed to a contract at one party, as its approval lists them (spec/contracts.md 1.7).

Form alone: a list of two to `MOST`, each exactly a role, a pseudonym and an instant, all of them text. Whether a person
stands there twice, or agreed after the signature, is judged by whoever reads the list.
"""

import re
from datetime import datetime
from typing import NamedTuple

MEMBER = "people"
"""Member of an approval to which more than one has agreed; without it one agreed, or a rule did."""
MOST = 4
"""Who asked for the contract, one or two stewards, data protection, and whoever ordered the signature."""
LONGEST_ROLE = 80
PSEUDONYM = re.compile(r"p-[0-9a-f]{6}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MEMBERS = {"at", "pseudonym", "role"}


class Person(NamedTuple):
    """Sorts by when she agreed; `at` is an instant in whole seconds, UTC."""

    at: str
    pseudonym: str
    role: str


def read(value: object) -> tuple[Person, ...] | None:
    """The people of that member in the order of the list; None for what has not exactly that form."""
    if not (isinstance(value, list) and 2 <= len(value) <= MOST):
        return None
    found = [_person(one) for one in value]
    people = tuple(one for one in found if one is not None)
    return people if len(people) == len(found) else None


def is_instant(text: str) -> bool:
    """Whether it is an instant in whole seconds, UTC: texts of this form sort as the instants do."""
    if _INSTANT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _person(value: object) -> Person | None:
    if not (isinstance(value, dict) and value.keys() == _MEMBERS):
        return None
    at, pseudonym, role = value["at"], value["pseudonym"], value["role"]
    if not (isinstance(at, str) and isinstance(pseudonym, str) and isinstance(role, str)):
        return None
    held = is_instant(at) and PSEUDONYM.fullmatch(pseudonym) and 0 < len(role) <= LONGEST_ROLE and role != "automatic"
    return Person(at, pseudonym, role) if held else None
