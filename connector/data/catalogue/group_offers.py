"""SQL of what is offered to a group: published datasets with an offer whose rule names it."""

from collections.abc import Iterable

from connector.foundation.storage.database import Tx


def offered_to(tx: Tx, participant: str, iris: Iterable[str]) -> list[str]:
    """The ids of datasets with a published offer whose rule names one of these IRIs, each once."""
    found = dict[str, None]()
    for iri in iris:
        rows = tx.all(
            "SELECT dataset, policy FROM offer WHERE participant = :participant AND state = 'published'"
            " AND policy LIKE :about ORDER BY dataset",
            participant=participant,
            about=f'%{iri.rpartition("/")[2]}"%',
        )
        found.update((row["dataset"], None) for row in rows if f'"{iri}"' in row["policy"])
    return list(found)
