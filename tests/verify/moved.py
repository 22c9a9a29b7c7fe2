"""A contract whose provider has moved since: its log goes on under another DID, another origin and other keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

import msgspec

from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.evidence.export import LogEvidence
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.verify.forge import AGREEMENT, DAY, NOW, PROVIDER, Case
from tests.verify.keys import LogKey, PqLogKey, SealKey
from tests.verify.states import both

HEIR = "did:web:localhost%3A20443:neu:musterstadt"
MOVED = NOW + 30 * DAY
EXPORTED = NOW + 40 * DAY


@dataclass
class Story:
    """`case` as it was before the move; `log` goes on in the new place."""

    case: Case = field(default_factory=Case)

    def __post_init__(self) -> None:
        self.key = SealKey(HEIR, self.case.ca)
        self.document = jcs.encode(self.key.document())
        self.old = self.case.log.copy()
        self.log = self.old.copy()
        self.log.did, self.log.epoch, self.log.at = HEIR, 1, MOVED
        self.log.keys = [LogKey(), PqLogKey()]

    def arrived(self) -> "Story":
        """The new place has its own keys, and the log says so."""
        self.log.add("key", None, {"event": "arrived", "document": digest(self.document)})
        self.log.noise(2)
        self.log.at = EXPORTED
        return self

    def listed_with(self, did: str, keys: list[LogKey | PqLogKey]) -> str:
        """The list, with keys of somebody's log."""
        return self.listed(logs={did: keys})

    def listed(self, logs: Mapping[str, list[LogKey | PqLogKey]] = MappingProxyType({}), **more: object) -> str:
        """The list names the successor; `more` are members of its entry."""
        succeeds = {"succeeds": [{"did": PROVIDER, "from": written(MOVED)}]}
        changes: dict[str, Mapping[str, object]] = {
            PROVIDER: {"validUntil": written(MOVED)},
            HEIR: {"validFrom": written(MOVED), **succeeds, **more},
        }
        known = {PROVIDER: self.old.keys, HEIR: self.log.keys, **logs}
        head = {"version": 8, "issued": written(EXPORTED)}
        return self.case.authority.list(known, witnesses=[self.case.witness], changes=changes, head=head)

    def seen_before(self) -> LogEvidence:
        """A witness saw the contract before the move; the records lead to a state of the new place."""
        self.case.witness.at = NOW + 60
        return both(self.old, self.log)

    def seen_since(self) -> LogEvidence:
        """Nobody saw it before the move."""
        self.case.witness.at = EXPORTED
        return self.log.evidence(AGREEMENT)

    def bundle(self, listed: str | None = None, log: LogEvidence | None = None, **parts: object) -> bytes:
        self.case.exporter = self.key
        whole = msgspec.structs.replace(
            self.case.parts,
            trust_list=listed or self.listed(),
            log=log or self.seen_before(),
            exporter_document=self.document,
            **parts,
        )
        return export.bundle(whole, self.case.seal_manifest)

    def judged(self, listed: str | None = None, log: LogEvidence | None = None, **given: object) -> Report:
        return verify_bundle(self.bundle(listed, log), self.case.roots, "en", **given)  # type: ignore[arg-type]


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()
