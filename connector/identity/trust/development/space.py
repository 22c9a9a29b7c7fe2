"""A data space for laptops and tests: its seal CA certifies every participant, its authority lists it at once.

Only where settings name a development folder; a production start has no such CA and no such key.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from connector.foundation.clock import Clock, rfc3339
from connector.foundation.small_files import replaced
from connector.identity.trust.development import dev_ca
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.keys.vault import Vault, master_file
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import continued
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.trust_list import Entry, TrustList, Witness

LIFE_MS = 365 * 86_400_000


class DevelopmentSpace:
    """The CA files lie in `folder`, authority and list beside it in `trust/`, as `hanse dev init` makes them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._certs, self._trust, self._clock = folder, folder.parent / "trust", clock
        self._last: tuple[bytes, TrustList] | None = None
        """The file that was read or written last (its SHA-256), and what it says."""

    def made(self, list_file: Path) -> bool:
        """Whether that list is its own: a process that goes by none, or by another one, is not to be on it."""
        return list_file.resolve() == (self._trust / "list.jws").resolve()

    def now(self) -> int:
        """What its clock says (milliseconds)."""
        return self._clock.now()

    def seal(self, did: str, key: SoftwareKey, name: str) -> str:
        """A PEM chain for the seal key of a DID."""
        return dev_ca.issue_seal_certificate(self._ca, did, key.public_key(), name, self._clock)

    def enlist(self, entries: Callable[[str], list[Entry]], witness: Witness | None = None) -> None:
        """Issues the next list with `entries(now)` in place of what it said of the same DIDs, and with this witness."""
        with _alone(self._trust / "list.lock"):
            self._enlist(entries, witness)

    def _enlist(self, entries: Callable[[str], list[Entry]], witness: Witness | None) -> None:
        place, authority = self._trust / "list.jws", self._authority
        before = self._read(place.read_bytes())
        now = self._clock.now()
        begin, known = rfc3339(now - 60_000), {entry.did: entry for entry in before.participants}
        fresh = {entry.did: continued(known.get(entry.did), entry, begin, now) for entry in entries(begin)}
        listed = self._next(before, authority, now, tuple({**known, **fresh}.values()), witness)
        written = authority.issue(listed).encode("ascii")
        replaced(place, written, 0o644)
        self._last = sha256(written).digest(), listed

    @cached_property
    def _authority(self) -> Authority:
        return Authority.open(self._trust / "authority.jwk.enc", Vault(master_file(self._trust / "master.key")))

    @cached_property
    def _ca(self) -> dev_ca.Ca:
        return dev_ca.load(self._certs / "seal-ca.pem", self._certs / "seal-ca.key")

    @cached_property
    def _reader(self) -> ListReader:
        return ListReader(self._authority.public_jwk)

    def _read(self, text: bytes) -> TrustList:
        """What another process of the space has written is verified, once; what we wrote ourselves is at hand."""
        digest = sha256(text).digest()
        if self._last is None or self._last[0] != digest:
            self._last = digest, self._reader.read(text.decode("ascii"))
        return self._last[1]

    def _next(
        self, before: TrustList, authority: Authority, now: int, entries: tuple[Entry, ...], witness: Witness | None
    ) -> TrustList:
        return next_list(
            before, authority=authority.id, now=now, life_ms=LIFE_MS, participants=entries, witness=witness
        )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Processes of one space that start together take turns: each list must build on the one before."""
    with place.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
