"""Which participants have work due: one statement for all of them, so that a round does not ask each.

Rounds ask in the scope of the worker, which on PostgreSQL sees of most tables only whose a row is and when it is due
(threat T114). What a round then does with a row it does in the scope of the participant, and looks again there.
"""

from connector.foundation.storage.database import Tx

_HERE = "FROM participant p WHERE p.state NOT IN ('deleting', 'deleted', 'moving', 'moved', 'arriving')"


def having(tx: Tx, condition: str, **values: object) -> list[str]:
    """Participants that work here and for which `condition` holds, SQL over `p.id` that an index answers."""
    rows = tx.all(f"SELECT p.id {_HERE} AND ({condition}) ORDER BY p.id", **values)
    return [str(row["id"]) for row in rows]


def numbered(tx: Tx, number: str, condition: str, **values: object) -> dict[str, int]:
    """The same with a number of each, SQL over `p.id` as well."""
    rows = tx.all(f"SELECT p.id, ({number}) AS number {_HERE} AND ({condition}) ORDER BY p.id", **values)
    return {str(row["id"]): int(row["number"]) for row in rows}
