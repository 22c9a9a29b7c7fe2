"""A data space for laptops and tests: its seal CA certifies every participant, its authority lists it at once.

Only where settings name a development folder; a production start has no such CA and no such key.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from connector.clock import Clock, rfc3339
from connector.trust import devca
from connector.trust.anchors import Entry, TrustList, Witness, next_list, read_list
from connector.trust.authority import Authority
from connector.trust.keys import KeyRecord, SoftwareKey
from connector.trust.vault import Vault, master_file

_PQ = ("seal-pq", "active")
LIFE_MS = 365 * 86_400_000


class DevelopmentSpace:
    """The CA files lie in `folder`, authority and list beside it in `trust/`, as `hanse dev init` makes them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._certs, self._trust, self._clock = folder, folder.parent / "trust", clock

    def seal(self, did: str, key: SoftwareKey, name: str) -> str:
        """A PEM chain for the seal key of a DID."""
        ca = devca.load(self._certs / "seal-ca.pem", self._certs / "seal-ca.key")
        return devca.issue_seal_certificate(ca, did, key.public_key(), name, self._clock)

    def enlist(self, entries: Callable[[str], list[Entry]], witness: Witness | None = None) -> None:
        """Issues the next list with `entries(now)` in place of what it said of the same DIDs, and with this witness."""
        with _alone(self._trust / "list.lock"):
            self._enlist(entries, witness)

    def _enlist(self, entries: Callable[[str], list[Entry]], witness: Witness | None) -> None:
        authority = Authority.open(self._trust / "authority.jwk.enc", Vault(master_file(self._trust / "master.key")))
        place = self._trust / "list.jws"
        before = read_list(place.read_text(encoding="ascii"), authority.public_jwk)
        now = self._clock.now()
        fresh = {entry.did: entry for entry in entries(rfc3339(now - 60_000))}
        known = {entry.did: entry for entry in before.participants}
        listed = self._next(before, authority, now, tuple({**known, **fresh}.values()), witness)
        draft = place.with_name(f"list.{os.getpid()}")
        draft.write_text(authority.issue(listed), encoding="ascii")
        draft.replace(place)

    def _next(
        self, before: TrustList, authority: Authority, now: int, entries: tuple[Entry, ...], witness: Witness | None
    ) -> TrustList:  # fmt: skip
        return next_list(
            before, authority=authority.id, now=now, life_ms=LIFE_MS, participants=entries, witness=witness
        )  # fmt: skip


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Processes of one space that start together take turns: each list must build on the one before."""
    with place.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(*, did: str, name: str, operator: str, kind: str, valid_from: str, keys: tuple[KeyRecord, ...]) -> Entry:
    """What the list says of a participant: its log keys and its seal certificates (contracts.md 6), and the keys by
    which peers may go on at once where a stolen key left without overlap."""
    seals = [digest for key in keys if key.purpose == "seal" and (digest := _unnamed(did, key)) is not None]
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
        seal_certificates=tuple(seals),
        keys=tuple(key.kid.partition("#")[2] for key in keys if key.purpose in ("peer", "seal")),
        seal_key_pq=next((dict(key.public_jwk) for key in keys if (key.purpose, key.state) == _PQ), None),
    )


def _unnamed(did: str, key: KeyRecord) -> str | None:
    """SHA-256 (hex) of a certificate that only the list can tie to the DID: at L1 it names the DID and is for ES256."""
    if key.certificate is None:
        return None
    leaf = x509.load_pem_x509_certificates(key.certificate.encode("ascii"))[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if did in names.get_values_for_type(x509.UniformResourceIdentifier) and key.public_jwk.get("alg") == "ES256":
        return None
    return leaf.fingerprint(SHA256()).hex()
