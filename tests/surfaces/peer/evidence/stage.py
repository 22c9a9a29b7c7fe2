"""A witness and a log that asks it, at the witness's own address."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from connector.dataspace.witness import cosign
from connector.foundation.http.outbound import Answer
from connector.identity.audit import merkle, sealer
from connector.identity.audit.sealer import Batch
from tests.testkit.cities import City

SLUG = "musterstadt"
CALM = {"HANSE_WORKER__SEAL_EVERY_S": "3600"}


class Stage(NamedTuple):
    """A running process; `origin` is the log of a member whose keys the test holds too."""

    city: City
    folder: Path
    origin: str

    def signers(self) -> list[sealer.LogSigner]:
        signers = self.city.services.participants.held(SLUG).signers
        return [signer for purpose, signer in signers.items() if purpose in ("log", "log-pq")]

    async def ask(
        self,
        old: int,
        size: int,
        branch: bytes = b"",
        *,
        origin: str = "",
        proof: Sequence[bytes] | None = None,
        keys: Sequence[sealer.LogSigner] | None = None,
        later_s: int = 0,
    ) -> Answer:
        """What the door answers to a checkpoint of a made-up log."""
        whole = tree(size, branch)
        batch = Batch(
            participant=SLUG,
            size=size,
            root=whole.root(),
            frontier=merkle.NOTHING,
            checkpoint=None,
            at=self.city.services.infra.clock.now() + later_s * 1000,
        )
        note = sealer.sign(batch, origin or self.origin, self.signers() if keys is None else keys)
        return await self.post(cosign.write(old, whole.consistency(old) if proof is None else proof, note))

    async def post(self, body: bytes) -> Answer:
        return await self.city.services.infra.http.post(f"{self.city.services.witness.keys.url}/add-checkpoint", body)

    def alarms(self) -> list[dict[str, object]]:
        """What the participant's own log says of others' logs."""
        with closing(sqlite3.connect(self.folder / "hanse.db")) as connection:
            rows = connection.execute("SELECT record FROM audit_entry WHERE type = 'alarm' ORDER BY id").fetchall()
        return [json.loads(row[0])["body"] for row in rows]


def tree(size: int, branch: bytes = b"") -> merkle.Tree:
    return merkle.Tree([merkle.leaf_hash(bytes([at]) + branch) for at in range(size)])
