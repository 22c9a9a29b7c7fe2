"""The people of a participant: they move with their names, roles and pseudonyms, and without anything that signs in.

At the new place each is somebody new, whatever her login was, and gets a link from the operator there. An archive that
could name somebody who has other roles there would lend itself those (threat T109).
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from connector.foundation.errors import Mistake
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx

NAME: Final = "people"
MOST: Final = 10_000


class Person(Struct, frozen=True, kw_only=True):
    """`id` is that of the old place."""

    id: Annotated[str, Meta(max_length=100)]
    login: Annotated[str, Meta(max_length=200)]
    name: Annotated[str, Meta(max_length=200)]
    language: Annotated[str, Meta(max_length=10)]


def of(tx: Tx, slug: str) -> list[Person]:
    """Persons with a role, or who had one and stand in the log under a pseudonym."""
    rows = tx.all(
        "SELECT id, login, name, language FROM person WHERE id IN (SELECT person FROM person_role WHERE participant ="
        " :slug UNION SELECT person FROM person_pseudonym WHERE participant = :slug UNION SELECT person FROM desk_seen"
        " WHERE participant = :slug UNION SELECT person FROM role_proposal WHERE participant = :slug) ORDER BY id",
        slug=slug,
    )
    return [Person(id=row["id"], login=row["login"], name=row["name"], language=row["language"]) for row in rows]


def enter(tx: Tx, slug: str, people: list[Person]) -> dict[str, str]:
    """Adds them; old id -> new id. Who has this login here already is somebody else."""
    shown = all(one.login.isprintable() and one.login.strip() and one.name.isprintable() for one in people)
    if len(people) > MOST or len({one.id for one in people}) != len(people) or not shown:
        raise Mistake("moving.damaged")
    return {one.id: _entered(tx, slug, one) for one in people}


def _entered(tx: Tx, slug: str, one: Person) -> str:
    fresh = new_uuid()
    for login in (one.login, f"{one.login}-{slug}", f"{one.login}-{fresh[:8]}"):
        added = tx.run(
            "INSERT INTO person (id, login, name, password, totp_step, operator, language, created_at)"
            " VALUES (:id, :login, :name, '', 0, 0, :language, :now) ON CONFLICT DO NOTHING",
            id=fresh,
            login=login,
            name=one.name,
            language=one.language if one.language in ("de", "en") else "de",
            now=tx.now,
        )
        if added:
            return fresh
    raise Mistake("moving.row", table="person")


def forget(tx: Tx, ids: list[str]) -> None:
    """Removes persons that were added for a participant that did not arrive."""
    for one in ids:
        tx.run("DELETE FROM person WHERE id = :id AND password = ''", id=one)
