"""A contract in the logs of both sides, whose bundles are laid beside each other; and an end by the provider."""

import json

from connector.exchange.contracts.document import sealing
from connector.verify.bundle import verify_bundle
from connector.verify.checks.contract import Role
from connector.verify.checks.trusted_time import written
from connector.verify.report import Report
from tests.verify.endings import digest, statement
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, Log, root_of
from tests.verify.judge import changed

Files = dict[str, bytes]


def ended(case: Case, log: Log | None = None, role: Role = "provider", at: int = NOW + 100) -> tuple[Log, Files]:
    """A log that knows of an end, with some things before and after it, told again; and the statement of it."""
    key = case.provider if role == "provider" else case.consumer
    said = statement(case, role, at=written(at))
    place = sealing.address(root_of(key.did), said)
    token = case.seal(key, [sealing.Reference(place, said, "application/json")], at).encode()
    whole = case.log.copy() if log is None else log
    whole.at = at
    body = {"event": "stated", "by": role, "statement": digest(said), "jws": digest(token)}
    whole.add("termination", AGREEMENT, body)
    whole.noise(2)
    whole.add("termination", AGREEMENT, {"event": "ended", "by": role})
    whole.add("transfer", AGREEMENT, {"bytes": 7})
    whole.noise(1)
    whole.close(AGREEMENT)
    return whole, {f"termination-{role}.json": said, f"termination-{role}.jws": token}


class Partner:
    """The same contract as the consumer's log has it; both logs are on the list."""

    def __init__(self, case: Case) -> None:
        self.case, self.log = case, case.new_log(CONSUMER)
        parts = case.parts
        head = self.log.add("key", None, {"document": digest(parts.consumer_document)})
        self.bound = json.loads(next(data for data, _ in case.log.rows if b'"type":"agreement"' in data))["body"]
        self.log.add("agreement", AGREEMENT, {**self.bound, "keyHead": head})
        self.trust_list = case.authority.list(
            {PROVIDER: case.log.keys, CONSUMER: self.log.keys}, witnesses=[case.witness]
        )

    def bundle(self, log: Log, files: Files | None = None) -> bytes:
        """By whoever keeps that log."""
        self.case.exporter = self.case.provider if log.did == PROVIDER else self.case.consumer
        return changed(self.case, log=log.evidence(AGREEMENT), more=files or {}, trust_list=self.trust_list)

    def silent(self, log: Log) -> bytes:
        """Told a day later, by when whoever states an end has booked it, as if nothing had happened."""
        later = log.copy()
        later.at = NOW + DAY
        later.noise(1)
        self.case.witness.at = NOW + DAY + 60
        return self.bundle(later)

    def sealed_otherwise(self, seals: dict[str, str], at: int = NOW) -> bytes:
        """By the consumer, whose log names these seals instead of the honest ones, told at that time."""
        log = self.case.new_log(CONSUMER)
        log.keys = self.log.keys
        head = log.add("key", None, {"document": digest(self.case.parts.consumer_document)})
        named = {name.replace("_jws", "Jws"): digest(seal.encode()) for name, seal in seals.items()}
        log.add("agreement", AGREEMENT, {**self.bound, "keyHead": head, **named})
        log.at, self.case.witness.at = at, max(at, self.case.witness.at)
        self.case.exporter = self.case.consumer
        return changed(self.case, log=log.evidence(AGREEMENT), trust_list=self.trust_list, **seals)

    def compared(self, first: bytes, second: bytes) -> tuple[str, Report]:
        report = verify_bundle(first, self.case.roots, "en", beside=second)
        return next(check.code for check in report.checks if check.name == "beside"), report
