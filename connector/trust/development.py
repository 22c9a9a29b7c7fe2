"""A data space for laptops and tests: its seal CA certifies every participant, its authority lists it at once.

Only where settings name a development folder; a production start has no such CA and no such key.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.clock import Clock, rfc3339
from connector.trust import devca
from connector.trust.anchors import Entry, TrustList, next_list, read_list
from connector.trust.authority import Authority
from connector.trust.keys import KeyRecord, SoftwareKey
from connector.trust.vault import Vault, master_file

LIFE_MS = 365 * 86_400_000


class DevelopmentSpace:
    """The CA files lie in `folder`, authority and list beside it in `trust/`, as `hanse dev init` makes them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._certs, self._trust, self._clock = folder, folder.parent / "trust", clock

    def seal(self, did: str, key: SoftwareKey, name: str) -> str:
        """A PEM chain for the seal key of a DID."""
        ca = devca.load(self._certs / "seal-ca.pem", self._certs / "seal-ca.key")
        return devca.issue_seal_certificate(ca, did, key.public_key(), name, self._clock)

    def enlist(self, entries: Callable[[str], list[Entry]]) -> None:
        """Issues the next list with `entries(now)` in place of what it said of the same DIDs."""
        with _alone(self._trust / "list.lock"):
            self._enlist(entries)

    def _enlist(self, entries: Callable[[str], list[Entry]]) -> None:
        authority = Authority.open(self._trust / "authority.jwk.enc", Vault(master_file(self._trust / "master.key")))
        place = self._trust / "list.jws"
        before = read_list(place.read_text(encoding="ascii"), authority.public_jwk)
        now = self._clock.now()
        fresh = {entry.did: entry for entry in entries(rfc3339(now - 60_000))}
        known = {entry.did: entry for entry in before.participants}
        listed = self._next(before, authority, now, tuple({**known, **fresh}.values()))
        draft = place.with_name(f"list.{os.getpid()}")
        draft.write_text(authority.issue(listed), encoding="ascii")
        draft.replace(place)

    def _next(self, before: TrustList, authority: Authority, now: int, entries: tuple[Entry, ...]) -> TrustList:
        return next_list(before, authority=authority.id, now=now, life_ms=LIFE_MS, participants=entries)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Processes of one space that start together take turns: each list must build on the one before."""
    with place.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(*, did: str, name: str, operator: str, kind: str, valid_from: str, keys: tuple[KeyRecord, ...]) -> Entry:
    """What the list says of a participant: its log keys are for verifiers (contracts.md 6)."""
    logs = tuple(dict(key.public_jwk) for key in keys if key.purpose in ("log", "log-pq"))
    return Entry(
        did=did,
        name=name,
        operator=operator,
        kind=kind,
        groups=(),
        state="active",
        valid_from=valid_from,
        log_keys=logs,
    )
