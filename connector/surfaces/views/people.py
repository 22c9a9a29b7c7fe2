"""Persons who sign in, their roles and keys for programs, as operators see them; never a secret but one just made."""

from collections.abc import Mapping, Sequence

import msgspec

from connector.identity.accounts.model import Person, ProgramKey
from connector.surfaces.views.fields import Time, time


class PersonAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """`roles` by participant; `second_factor` is set up; `external`: an identity provider signs her in.

    `name_confirmed` are participants at which somebody else has confirmed the name.
    """

    login: str
    name: str
    operator: bool
    second_factor: bool
    external: bool
    roles: dict[str, list[str]]
    seen: Time | None
    name_confirmed: list[str]


class PeopleView(msgspec.Struct, frozen=True):
    people: list[PersonAccountView]


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """`url` opens once, until then; nobody sees it again."""

    url: str
    minutes: int


class KeyMadeView(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is shown now and never again."""

    key: str
    days: int


class ProgramKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`id` are the eight digits in the key; `participant` null: of the process."""

    id: str
    participant: str | None
    owner: str
    label: str
    scopes: list[str]
    created: Time | None
    ends: Time | None
    used: Time | None


class ProgramKeysView(msgspec.Struct, frozen=True):
    keys: list[ProgramKeyView]


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """What the person may now do there."""

    login: str
    participant: str | None
    roles: list[str]


def account(person: Person, roles: Mapping[str, frozenset[str]], confirmed: Sequence[str] = ()) -> PersonAccountView:
    return PersonAccountView(
        login=person.login,
        name=person.name,
        operator=person.operator,
        second_factor=person.second,
        external=person.external,
        roles={slug: sorted(some) for slug, some in sorted(roles.items())},
        seen=time(person.seen_at),
        name_confirmed=list(confirmed),
    )


def program_key(key: ProgramKey) -> ProgramKeyView:
    return ProgramKeyView(
        id=key.id,
        participant=key.participant,
        owner=key.owner,
        label=key.label,
        scopes=sorted(key.scopes),
        created=time(key.created_at),
        ends=time(key.ends_at),
        used=time(key.used_at),
    )
