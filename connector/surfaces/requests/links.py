"""Links to a received file, for programs that cannot sign in: QGIS, a spreadsheet, a script (spec/desk.md 3.4).

Whoever has the address has the file, so a link is short-lived, of one file alone, and can be taken back. Its key is 256
random bits that are shown once; only their SHA-256 is kept. It opens nothing once the contract has ended, the file is
gone, or the participant is closed; a wrong key, one that is over and one of another participant look the same.
"""

import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.http.pace import Pace, place
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database, Tx
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import is_active, require_active
from connector.identity.participants.service import Participants
from connector.surfaces.requests import link_store as store
from connector.surfaces.requests.link_store import LinkRow

DAYS: Final[Sequence[int]] = (1, 7, 30)
"""How long a link may last, at most to the end of the contract."""
DAY_MS: Final = 86_400_000
MOST: Final = 200
"""Links of one participant that open something at a time."""
BURST: Final = 120
PER_S: Final = 5
"""Of one link: a map reads a file in pieces, a program that asks more often does something wrong."""
GUESSES: Final = 30
"""Wrong keys from one address, then one a second; a right one is never held up by the wrong ones of others."""
SWEEP_S: Final = 3600.0
KEPT_MS: Final = 30 * DAY_MS
"""How long a link that has ended is still shown."""
_LENGTH: Final = len(secrets.token_urlsafe(32))


class Made(NamedTuple):
    """The key, which nobody can read again, and the link."""

    key: str
    link: LinkRow


class Opened(NamedTuple):
    """A received file, and what it is called."""

    file: Path
    link: LinkRow


class Links:
    """`file_of` is where the file of a transfer lies, None if there is none (any more)."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        contracts: Contracts,
        transfers: Transfers,
        file_of: Callable[[str, str], Path | None],
    ) -> None:
        self._db, self._clock, self._participants = db, clock, participants
        self._contracts, self._transfers, self._file_of = contracts, transfers, file_of
        self._pace = Pace(clock, burst=BURST, per_s=PER_S)
        self._strangers = Pace(clock, burst=GUESSES, per_s=1)

    async def make(self, slug: str, transfer: str, days: int) -> Made:
        """Raises Mistake for another number of days and for what gives no file, Unknown for no such transfer."""
        if days not in DAYS:
            raise Mistake("requests.link-days", days=", ".join(map(str, DAYS)))
        return await self._db.write(slug, self._made, slug, transfer, days)

    async def revoke(self, slug: str, link_id: str) -> LinkRow:
        """Taken back; a second time nothing happens. Raises Unknown."""
        return await self._db.write(slug, self._revoked, slug, link_id)

    def all(self, tx: Tx, slug: str, transfer: str) -> list[LinkRow]:
        """Those of a transfer, the youngest first."""
        return store.of_transfer(tx, slug, transfer)

    async def open(self, slug: str, key: str, address: str) -> Opened:
        """What the link opens now; `address` is whose guesses are counted. Raises Unknown, TooMany."""
        hosted = [one.participant.id for one in await self._participants.all()]
        possible = slug in hosted and len(key) == _LENGTH and key.isascii()
        found = await self._db.read(slug, self._found, slug, _hashed(key)) if possible else None
        file = None if found is None else self._file_of(slug, found.transfer)
        if found is None or file is None:
            self._strangers.spend(place(address))
            raise Unknown("requests.no-link")
        self._pace.spend((slug, found.id))
        await self._db.write(slug, store.used, slug, found.id)
        return Opened(file, found)

    async def sweep(self) -> None:
        """Forgets links that ended a month ago."""
        for hosted in await self._participants.all():
            await self._db.write(hosted.participant.id, store.sweep, self._clock.now() - KEPT_MS)

    def _made(self, tx: Tx, slug: str, name: str, days: int) -> Made:
        require_active(tx, slug)
        transfer = self._transfers.get(tx, slug, name)
        agreement = self._agreement(tx, transfer)
        if agreement is None or self._file_of(slug, transfer.id) is None:
            raise Mistake("requests.link-nothing")
        if store.standing(tx, slug) >= MOST:
            raise Mistake("requests.link-many", most=MOST)
        ends = tx.now + days * DAY_MS
        key = secrets.token_urlsafe(32)
        row = LinkRow(
            participant=slug,
            id=new_uuid(),
            transfer=transfer.id,
            agreement=agreement.id,
            made_by=tx.actor,
            created_at=tx.now,
            expires_at=ends if agreement.end is None else min(ends, agreement.end),
            revoked_at=None,
            uses=0,
            used_at=None,
        )
        store.insert(tx, row, _hashed(key))
        self._log(tx, row, "made")
        return Made(key, row)

    def _revoked(self, tx: Tx, slug: str, link_id: str) -> LinkRow:
        before = store.by_id(tx, slug, link_id)
        if before is None:
            raise Unknown("requests.no-link")
        if store.revoke(tx, slug, link_id):
            self._log(tx, before, "revoked")
        return store.by_id(tx, slug, link_id) or before

    def _found(self, tx: Tx, slug: str, key: str) -> LinkRow | None:
        found = store.by_key(tx, slug, key)
        if found is None or not found.holds(tx.now):
            return None
        try:
            transfer = self._transfers.get(tx, slug, found.transfer)
            return found if is_active(tx, slug) and self._agreement(tx, transfer) is not None else None
        except Unknown:  # erased meanwhile
            return None

    def _agreement(self, tx: Tx, transfer: TransferRow) -> Agreement | None:
        """Under which the file may still be used; None for what we did not receive or is over."""
        if transfer.outcome != "received":
            return None
        agreement = self._contracts.agreements.named(tx, transfer.participant, transfer.agreement)
        over = agreement.end is not None and agreement.end <= tx.now
        return agreement if agreement.in_force and agreement.role == "consumer" and not over else None

    def _log(self, tx: Tx, row: LinkRow, action: str) -> None:
        body: dict[str, object] = {
            "link": row.id,
            "action": action,
            "transfer": row.transfer,
            "agreement": row.agreement,
            "until": rfc3339(row.expires_at),
        }
        did = self._participants.held(row.participant).participant.did
        audit.append(tx, row.participant, "decision", None, "system", body, did=did)


def _hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()
