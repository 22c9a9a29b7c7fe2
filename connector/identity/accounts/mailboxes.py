"""Where a person wants to be written to, and how often. The address stands here alone: never in a log or a queue."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Row, Tx
from connector.identity.accounts import store

Wanted = Literal["off", "daily", "at-once"]
WANTED: tuple[Wanted, ...] = ("off", "daily", "at-once")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])")
"""RFC 5321 without quotes, comments, and address literals: nothing in it can end a line or a command."""


class Mailbox(Struct, frozen=True, kw_only=True):
    """`refusal` is what the mail server said of the last mail that it did not take, at `refused_at` (ms)."""

    person: str
    address: str
    wanted: Wanted
    language: str = ""
    refused_at: int | None = None
    refusal: str = ""


class Mailboxes:
    """Mailboxes of the persons of the process; runs in the caller's transaction."""

    def put(self, tx: Tx, person: str, address: str, wanted: str) -> None:
        """Her own wish; an empty address takes it away. Raises Mistake for what is no address."""
        said = address.strip()
        chosen = next((one for one in WANTED if one == wanted), None)
        if chosen is None or (said and not _ADDRESS.fullmatch(said)):
            raise Mistake("accounts.mail-address", address=plain(said, 80))
        if not said and chosen != "off":
            raise Mistake("accounts.mail-missing")
        tx.run("DELETE FROM person_mailbox WHERE person = :person", person=person)
        if said:
            tx.run(
                "INSERT INTO person_mailbox (person, address, wanted, changed_at, refusal)"
                " VALUES (:person, :address, :wanted, :now, '')",
                person=person,
                address=said,
                wanted=chosen,
                now=tx.now,
            )

    def of(self, tx: Tx, person: str) -> Mailbox | None:
        row = tx.one("SELECT * FROM person_mailbox WHERE person = :person", person=person)
        return None if row is None else _mailbox(row, store.person(tx, person).language)

    def at(self, tx: Tx, slug: str) -> Mapping[str, tuple[Mailbox, frozenset[str]]]:
        """Mailboxes of persons with a role at the participant who want mail: by pseudonym, with the roles."""
        found = ((one, self.of(tx, one.person.id)) for one in store.members(tx, slug) if one.roles)
        return {
            member.pseudonym: (box, frozenset(member.roles))
            for member, box in found
            if box is not None and box.wanted != "off"
        }

    def refused(self, tx: Tx, person: str, words: str) -> None:
        """The mail server did not take a mail for her, in its words."""
        tx.run(
            "UPDATE person_mailbox SET refused_at = :now, refusal = :words WHERE person = :person",
            now=tx.now,
            person=person,
            words=plain(words, 500),
        )

    def taken(self, tx: Tx, person: str) -> None:
        """The mailbox took a mail."""
        tx.run("UPDATE person_mailbox SET refused_at = NULL, refusal = '' WHERE person = :person", person=person)


def _mailbox(row: Row, language: str) -> Mailbox:
    return Mailbox(
        person=row["person"],
        address=row["address"],
        wanted=row["wanted"],
        language=language,
        refused_at=row["refused_at"],
        refusal=row["refusal"],
    )
