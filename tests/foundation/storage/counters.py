"""A table of one participant to write something into, for tests of the port."""

from connector.foundation.storage import Tx

TOWN = "musterstadt"


def add(tx: Tx, name: str, uses: int = 1) -> None:
    tx.run(
        "INSERT INTO counter (participant, agreement, name, period, uses) VALUES (:p, 'a', :name, '', :uses)",
        p=tx.scope,
        name=name,
        uses=uses,
    )


def names(tx: Tx) -> list[str]:
    rows = tx.all("SELECT name FROM counter WHERE participant = :participant ORDER BY name", participant=tx.scope)
    return [row["name"] for row in rows]
