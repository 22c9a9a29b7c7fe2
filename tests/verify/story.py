"""A contract that is sealed in two steps, days apart, and the states of the log in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.verify.bundle import verify_bundle
from connector.verify.checks import logbook
from connector.verify.report import Report
from tests.verify.forge import AGREEMENT, DAY, NOW, PROVIDER, Case, Log
from tests.verify.judge import changed
from tests.verify.states import tree_of

FIRST, BETWEEN, SECOND = NOW + 60, NOW + 3 * DAY, NOW + 10 * DAY


def digest(data: bytes | str) -> str:
    return sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@dataclass
class Story:
    """The exporter's log: its key, the contract that one side sealed, what happened since, the countersignature."""

    case: Case
    log: Log
    size: int
    """Leaves after the first agreement record."""

    @classmethod
    def of(cls, case: Case, *between: Mapping[str, object], exporter: str = PROVIDER) -> "Story":
        """`between` are bodies of key events."""
        log, parts = case.new_log(exporter), case.parts
        own = parts.provider_document if exporter == PROVIDER else parts.consumer_document
        log.noise(3)
        head = log.add("key", None, {"document": digest(own)})
        log.add("agreement", AGREEMENT, cls.names(case, head, None))
        size = len(log.rows)
        for body in between:
            head = log.add("key", None, body)
        log.noise(2)
        story = cls(case, log, size)
        log.at = SECOND
        log.add("agreement", AGREEMENT, cls.names(case, head, digest(parts.consumer_jws or "")))
        log.noise(4)
        log.close(AGREEMENT)
        return story

    @staticmethod
    def names(case: Case, head: str, consumer: str | None) -> dict[str, object]:
        """The body of an agreement record."""
        parts = case.parts
        return {
            "agreement": digest(parts.agreement),
            "providerJws": digest(parts.provider_jws),
            "consumerJws": consumer,
            "providerDidDocument": digest(parts.provider_document),
            "consumerDidDocument": digest(parts.consumer_document),
            "keyHead": head,
        }

    def early(self, size: int | None = None, log: Log | None = None) -> str:
        """The note over the log after the first record (or of another size), as the witness saw it then."""
        short = (self.log if log is None else log).copy()
        short.rows = short.rows[: self.size if size is None else size]
        self.case.witness.at = FIRST
        return short.note(tree_of(short))

    def first(self, size: int | None = None) -> bytes:
        grown = tree_of(self.log.close(AGREEMENT)).consistency(self.size if size is None else size)
        return logbook.write_first(len(self.log.rows), grown, self.early(size))

    def evidence(self, first: bytes | None = None, **more: bytes) -> LogEvidence:
        self.case.witness.at = SECOND
        return msgspec.structs.replace(self.log.evidence(AGREEMENT), first=first, **more)

    def judged(self, first: bytes | None = None, **more: object) -> Report:
        """The bundle with this earlier state, or without one."""
        logs = {"trust_list": listed(self.case, self.log), "log": self.evidence(first)} | more
        return verify_bundle(changed(self.case, **logs), self.case.roots, "en")


def listed(case: Case, log: Log, **changes: object) -> str:
    return case.authority.list({log.did: log.keys}, witnesses=[case.witness], **changes)  # type: ignore[arg-type]
