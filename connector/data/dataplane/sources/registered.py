"""The table `source`: what a steward registered, and how a row becomes a source that can be opened."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, assert_never, cast

import msgspec

from connector.data.dataplane.sources import Description, Source
from connector.data.dataplane.sources.files import FileSource
from connector.data.dataplane.sources.proxied import ProxiedSource
from connector.foundation.errors import Defect
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import Row, Tx

Kind = Literal["file", "http"]
_COLUMNS = "id, kind, location, name, media_type, bytes, sha256"


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `location`: path inside the participant's folder, or the https address."""

    id: str
    kind: Kind
    location: str
    description: Description


def register(tx: Tx, *, participant: str, source: Registered) -> None:
    """Adds a source; the same id again replaces what it points to."""
    what = source.description
    tx.run(
        f"INSERT INTO source (participant, {_COLUMNS}, created_at)"  # noqa: S608
        " VALUES (:participant, :id, :kind, :location, :name, :media_type, :bytes, :sha256, :now)"
        " ON CONFLICT (participant, id) DO UPDATE SET kind = excluded.kind, location = excluded.location,"
        " name = excluded.name, media_type = excluded.media_type, bytes = excluded.bytes, sha256 = excluded.sha256",
        participant=participant,
        id=source.id,
        kind=source.kind,
        location=source.location,
        name=what.name,
        media_type=what.media_type,
        bytes=what.bytes,
        sha256=what.sha256,
        now=tx.now,
    )


def find(tx: Tx, participant: str, source: str) -> Registered | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM source WHERE participant = :participant AND id = :id",  # noqa: S608
        participant=participant,
        id=source,
    )
    return None if row is None else of_row(row)


def of_row(row: Row) -> Registered:
    """Reads a row that has the columns of the table under their own names."""
    if row["kind"] not in ("file", "http"):
        raise Defect("dataplane.source-kind", kind=row["kind"])
    description = Description(name=row["name"], media_type=row["media_type"], bytes=row["bytes"], sha256=row["sha256"])
    return Registered(id=row["id"], kind=cast(Kind, row["kind"]), location=row["location"], description=description)


class Sources:
    """Opens registered sources: `folder` names a participant's folder, `secrets` the headers for an http source."""

    def __init__(
        self,
        folder: Callable[[str], Path],
        client: SafeClient,
        secrets: Callable[[str, str], Mapping[str, str]] = lambda participant, source: {},
    ) -> None:
        self._folder, self._client, self._secrets = folder, client, secrets

    def source(self, participant: str, row: Registered, *, pinned: bool = False) -> Source:
        """`pinned`: the ETag of a file is its digest (`FileSource`)."""
        match row.kind:
            case "file":
                return FileSource(self._folder(participant), row.location, row.description, pinned=pinned)
            case "http":
                secrets = self._secrets(participant, row.id)
                return ProxiedSource(self._client, row.location, row.description, secrets)
        assert_never(row.kind)
