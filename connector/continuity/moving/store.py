"""SQL of moves, of the side that is left and of the side that is reached."""

import msgspec
from msgspec import Struct

from connector.continuity.moving.machine import Arrival, ArrivalState, Departure, DepartureState
from connector.continuity.moving.target import Target
from connector.foundation.storage.database import Row, Tx, for_update
from connector.identity.trust.keys.jwk import Jwk


class DepartureRow(Struct, frozen=True, kw_only=True):
    """`receipt` and `statement` as they were signed, empty before. Times in milliseconds."""

    participant: str
    move: str
    target: Target
    state: DepartureState
    digest: str
    receipt: str
    statement: str
    began_at: int
    changed_at: int

    @property
    def machine(self) -> Departure:
        return Departure(move=self.move, state=self.state, digest=self.digest)


class Source(Struct, frozen=True, kw_only=True):
    """Whose archive it was: the DID, the key that signed it, and the people who were entered for it. `attempt` is who
    takes it in, or out, at present: of two processes the later one alone."""

    did: str = ""
    name: str = ""
    jwk: dict[str, str] = {}
    people: tuple[str, ...] = ()
    attempt: str = ""


class ArrivalRow(Struct, frozen=True, kw_only=True):
    """`secret` is sealed."""

    move: str
    slug: str
    target: Target
    secret: bytes
    state: ArrivalState
    digest: str
    source: Source
    receipt: str
    statement: str
    began_at: int
    changed_at: int

    @property
    def machine(self) -> Arrival:
        return Arrival(move=self.move, state=self.state, digest=self.digest)


def departure(tx: Tx, slug: str, *, lock: bool = False) -> DepartureRow | None:
    row = tx.one(
        "SELECT * FROM departure WHERE participant = :slug" + (for_update(tx) if lock else ""),  # noqa: S608 constants
        slug=slug,
    )
    return None if row is None else _departure(row)


def put_departure(tx: Tx, one: DepartureRow) -> None:
    """A new one in the place of the last, or the same further on."""
    tx.run(
        "INSERT INTO departure (participant, move, target, state, digest, receipt, statement, began_at, changed_at)"
        " VALUES (:participant, :move, :target, :state, :digest, :receipt, :statement, :began_at, :now)"
        " ON CONFLICT (participant) DO UPDATE SET move = :move, target = :target, state = :state, digest = :digest,"
        " receipt = :receipt, statement = :statement, began_at = :began_at, changed_at = :now",
        **(msgspec.structs.asdict(one) | {"target": msgspec.json.encode(one.target).decode(), "now": tx.now}),
    )


def arrivals(tx: Tx) -> list[ArrivalRow]:
    """All that are not over, the oldest first."""
    rows = tx.all("SELECT * FROM arrival WHERE state IN ('waiting', 'imported') ORDER BY began_at, move")
    return [_arrival(row) for row in rows]


def arrival(tx: Tx, slug: str, *, lock: bool = False) -> ArrivalRow | None:
    """The arrival of the participant that has, or is to have, this short name."""
    row = tx.one(
        "SELECT * FROM arrival WHERE slug = :slug AND state <> 'given-up'" + (for_update(tx) if lock else ""),  # noqa: S608
        slug=slug,
    )
    return None if row is None else _arrival(row)


def arrival_of(tx: Tx, move: str) -> ArrivalRow | None:
    row = tx.one("SELECT * FROM arrival WHERE move = :move", move=move)
    return None if row is None else _arrival(row)


def add_arrival(tx: Tx, one: ArrivalRow) -> bool:
    """False if somebody else is expected under this short name."""
    return bool(
        tx.run(
            "INSERT INTO arrival (move, slug, target, secret, state, digest, source, receipt, statement, began_at,"
            " changed_at) VALUES (:move, :slug, :target, :secret, :state, :digest, :source, :receipt, :statement, :now,"
            " :now) ON CONFLICT DO NOTHING",
            **_plain(tx, one),
        )
    )


def set_arrival(tx: Tx, one: ArrivalRow) -> None:
    tx.run(
        "UPDATE arrival SET secret = :secret, state = :state, digest = :digest, source = :source, receipt = :receipt,"
        " statement = :statement, changed_at = :now WHERE move = :move",
        **{name: value for name, value in _plain(tx, one).items() if name not in ("slug", "target")},
    )


def _plain(tx: Tx, one: ArrivalRow) -> dict[str, object]:
    written = {name: msgspec.json.encode(getattr(one, name)).decode() for name in ("target", "source")}
    whole = {**msgspec.structs.asdict(one), **written, "now": tx.now}
    return {name: value for name, value in whole.items() if name not in ("began_at", "changed_at")}


def _departure(row: Row) -> DepartureRow:
    return msgspec.convert({**row, "target": msgspec.json.decode(row["target"])}, DepartureRow)


def _arrival(row: Row) -> ArrivalRow:
    told = {name: msgspec.json.decode(row[name]) for name in ("target", "source")}
    return msgspec.convert({**row, **told, "secret": bytes(row["secret"])}, ArrivalRow)


def jwk_text(jwk: Jwk) -> dict[str, str]:
    """A public key as it is kept."""
    return {name: str(value) for name, value in jwk.items()}
