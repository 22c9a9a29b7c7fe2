"""Persons, what they may do where, and who is signed in (spec/accounts.md 1).

A person belongs to the process: the provider's employee who helps three towns is one person with three sets of roles.
`operator` is no role of a participant: it runs the process and reads no data of anybody.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Literal, get_args

import msgspec

Role = Literal["steward", "publisher", "auditor", "protection", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
STRONG: frozenset[Role] = frozenset({"steward", "admin"})
"""Bind the participant or decide who may: only after a second factor, and granted by two persons."""
LOGIN_MOST, NAME_MOST = 200, 120


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `person` without its secrets. `second`: a second factor is set up; `password`: she has
    chosen one; `external`: an identity provider
    knows her, and she has no password here."""

    id: str
    login: str
    name: str
    operator: bool
    second: bool
    password: bool
    external: bool
    language: str
    created_at: int
    seen_at: int | None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in with which session.

    `roles` and `operator` are what counts now; `withheld` is what would count with a second factor (of the process:
    under the empty name). `pseudonyms` is what the logs of participants call her. `form_key` is a secret of the
    session from which the tokens of forms are made; `session` names the session in the list of her own.
    """

    person: str
    name: str
    roles: Mapping[str, frozenset[Role]]
    operator: bool
    form_key: bytes
    withheld: Mapping[str, frozenset[str]] = {}
    pseudonyms: Mapping[str, str] = {}
    language: str = ""
    session: str = ""
    strong: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its owner sees it: `agent` is what kind of browser it was opened with."""

    id: str
    agent: str
    created_at: int
    touched_at: int
    ends_at: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person with roles at one participant; `proposed` wait for the word of a second person.

    `named_by` is the pseudonym of who has confirmed the name that she has now, empty: nobody.
    """

    person: Person
    pseudonym: str
    roles: frozenset[Role]
    proposed: Mapping[Role, str] = {}
    """Who proposed it, by role."""
    named_by: str = ""


def unconfirmed(members: Iterable[Member], pseudonyms: Container[str]) -> list[str]:
    """Of these people the names that nobody but the person herself stands for."""
    found = (one.person.name for one in members if one.pseudonym in pseudonyms and not one.named_by)
    return list(dict.fromkeys(found))


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Not used yet. `invited_by` is a person, or empty: the operator's command line."""

    id: str
    participant: str
    name: str
    roles: frozenset[Role]
    invited_by: str
    created_at: int
    ends_at: int


Scope = Literal["read", "publish", "fetch", "decide", "records", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class ProgramKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for programs, without its secret. `owner` is the name of its person; no `participant`: of the process."""

    id: str
    participant: str | None
    person: str
    owner: str
    label: str
    scopes: frozenset[Scope]
    created_at: int
    ends_at: int
    used_at: int | None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A program: what its key may do now, at that participant or for the process (None), and for whom it acts."""

    person: str
    participant: str | None
    scopes: frozenset[Scope]
    pseudonyms: Mapping[str, str]
