"""Persons in the database of a test, who are known by their id."""

from connector.foundation.storage.database import Tx


def add_person(tx: Tx, name: str) -> None:
    tx.run(
        "INSERT INTO person (id, login, name, password, totp_step, operator, language, created_at)"
        " VALUES (:id, :id, :id, '', 0, 0, 'de', 0)",
        id=name,
    )
