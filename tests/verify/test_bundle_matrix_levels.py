"""What the dishonest can do at other levels, with a former key, and where an authority was restored.

Each row of the specification (spec/contracts.md 9.4) is a bundle that is made here, and the best of all ways counts.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from cryptography import x509

from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Verdict
from tests.testkit.places import ROOT
from tests.verify.endings import digest
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, Case, Log, SealCa, SealKey
from tests.verify.judge import changed
from tests.verify.partner import Partner, ended
from tests.verify.responder import Responder
from tests.verify.states import both

pytestmark = pytest.mark.threat("T170")
PAGE = ROOT / "connector" / "docs" / "spec" / "contracts.md"
QUALIFIED = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), bytes.fromhex("3014" + "3008060604008e460101" + "3008060604008e460104")
)
SEEN, AFTER = NOW + 60, NOW + 2 * DAY
WORDS = {Verdict.PASSED: "can", Verdict.INDETERMINATE: "open", Verdict.FAILED: "FAILED"}


class Level:
    """A contract at that level: the certificates are of a trust service (`case.ca`), the list names them, and the trust
    service answers whether they are withdrawn."""

    def __init__(self, level: str) -> None:
        more = [QUALIFIED] if level == "L3" else []
        self.case, self.level = Case(), level
        self.case.provider, self.case.consumer = (
            SealKey(did, self.case.ca, uris=[], more=more) for did in (PROVIDER, CONSUMER)
        )
        self.case.exporter = self.case.provider
        self.listed = [self.case.provider, self.case.consumer]
        """What the list names for the provider and for the consumer."""
        self.customer = SealKey("did:web:aufsicht.example", self.case.ca, uris=[], more=more)
        """What anybody gets of a trust service: a certificate in the own name."""

    def made(
        self,
        *,
        provider: SealKey | None = None,
        consumer: SealKey | None = None,
        log_listed: bool = True,
        answers: bool = True,
        at: int = SEEN + DAY,
        periods: Mapping[str, str] | None = None,
    ) -> str:
        """What becomes of the contract that these keys seal, in the provider's log."""
        case, own = self.case, (self.case.provider, self.case.consumer, self.case.exporter)
        case.provider, case.consumer = provider or own[0], consumer or own[1]
        case.exporter, case.log = case.provider, case.new_log(PROVIDER)
        try:
            case.parts = case.make()
            files = {
                f"{role}.ocsp": Responder(case.ca).answer(key.certificate, at=at)
                for role, key in (("provider", case.provider), ("consumer", case.consumer))
                if answers and key.certificate.issuer == case.ca.name
            }
            seals = {key.did: [{"sha256": key.fingerprint, **(periods or {})}] for key in self.listed}
            keys = case.log.keys if log_listed else Log(PROVIDER).keys
            listed = case.authority.list({PROVIDER: keys}, seals, witnesses=[case.witness])
            report = verify_bundle(changed(case, more=files, trust_list=listed), case.roots, "en", now=AFTER)
            if report.verdict is Verdict.PASSED and consumer is None:
                assert report.stated["levels"] == {"provider": self.level, "consumer": self.level}
            return WORDS[report.verdict]
        finally:
            case.provider, case.consumer, case.exporter = own

    def as_customer(self, did: str) -> SealKey:
        """Its own certificate, with a key in the document of that party."""
        key = SealKey(did, self.case.ca, uris=[], key=self.customer.key)
        key.certificate = self.customer.certificate
        return key

    def listing(self) -> str:
        """The authority lists a certificate of its own for both."""
        self.listed = [self.as_customer(PROVIDER), SealKey(CONSUMER, self.case.ca, uris=[])]
        return self.made(provider=self.listed[0], consumer=self.listed[1])


def of_level(level: str) -> dict[tuple[str, str], Callable[[], str]]:
    def other(did: str, **more: Any) -> SealKey:
        return SealKey(did, SealCa("Eigene CA"), uris=[], **more)

    def unlisted() -> str:
        world = Level(level)
        return world.made(consumer=SealKey(CONSUMER, world.case.ca, uris=[]))

    def issued() -> str:
        world = Level(level)
        return world.made(consumer=SealKey(CONSUMER, world.case.ca))

    def alone() -> str:
        world = Level(level)
        return world.made(
            provider=SealKey(PROVIDER, world.case.ca), consumer=SealKey(CONSUMER, world.case.ca), log_listed=False
        )

    return {
        ("provider's operator", "forges, a certificate of nobody in the consumer's place"): lambda: Level(level).made(
            consumer=other(CONSUMER)
        ),
        ("provider's operator", "forges, an own certificate of the trust service in the consumer's place"): unlisted,
        ("both operators", "forge"): lambda: Level(level).made(),
        ("both operators", "forge without answers of the trust service"): lambda: Level(level).made(answers=False),
        ("both operators", "forge with answers of the day before"): lambda: Level(level).made(at=NOW - DAY),
        ("both operators", "forge with certificates that the list calls ended"): lambda: Level(level).made(
            periods={"validUntil": written(NOW - 1)}
        ),
        ("trust service", "forges"): alone,
        ("trust service + provider's operator", "forge in the consumer's name, at L1"): issued,
        ("authority", "forges with a certificate in its own name"): lambda: Level(level).listing(),
    }


class Former:
    """The provider has a new key since; who has the former one works with the consumer's operator."""

    def __init__(self) -> None:
        self.case = Case()
        self.partner = Partner(self.case)
        log, later = self.case.log.copy(), SealKey(PROVIDER, self.case.ca)
        later.kid = f"{PROVIDER}#next"
        document = jcs.encode(later.document())
        log.add("key", None, {"event": "rotated seal", "document": digest(document)})
        log.add("key", None, {"event": "key-revoked", "kid": self.case.provider.kid, "from": written(NOW + 90)})
        log.at, self.case.witness.at, self.case.exporter = NOW + DAY, SEEN, later
        self.honest = changed(
            self.case, log=both(self.case.log, log), trust_list=self.partner.trust_list, exporter_document=document
        )
        self.case.witness.at = NOW + DAY

    def forged(self, title: str = "Straßenbäume", *, log_listed: bool = True) -> bytes:
        case = self.case
        other = Case(ca=case.ca, authority=case.authority, witness=case.witness)
        other.provider, other.consumer, other.exporter = case.provider, case.consumer, case.consumer
        other.log = other.new_log(CONSUMER)
        if log_listed:
            other.log.keys = self.partner.log.keys
        other.parts = other.make(title)
        return changed(other, trust_list=self.partner.trust_list)

    def ended(self) -> bytes:
        return self.partner.bundle(*ended(self.case, self.partner.log.copy()))

    def judged(self, bundle: bytes, beside: bytes | None = None) -> str:
        report = verify_bundle(bundle, self.case.roots, "en", beside=beside, now=AFTER)
        return WORDS[report.verdict]


def of_former() -> dict[tuple[str, str], Callable[[], str]]:
    def beside(make: Callable[[Former], bytes], *, honest_first: bool) -> Callable[[], str]:
        def tried() -> str:
            one = Former()
            pair = (one.honest, make(one)) if honest_first else (make(one), one.honest)
            return one.judged(*pair)

        return tried

    def alone(make: Callable[[Former], bytes]) -> Callable[[], str]:
        def tried() -> str:
            one = Former()
            return one.judged(make(one))

        return tried

    key, more = "former key", "former key + consumer's operator"
    return {
        (key, "forges"): alone(lambda one: one.forged(log_listed=False)),
        (more, "forge"): alone(Former.forged),
        (more, "end the contract"): alone(Former.ended),
        (more, "end the contract, beside the provider's copy"): beside(Former.ended, honest_first=False),
        (more, "change the contract, beside the provider's copy"): beside(
            lambda one: one.forged("gegen Entgelt"), honest_first=False
        ),
        (more, "deny the provider's copy by an end"): beside(Former.ended, honest_first=True),
        (more, "deny the provider's copy by another contract"): beside(
            lambda one: one.forged("gegen Entgelt"), honest_first=True
        ),
        ("nobody", "exports the provider's copy"): alone(lambda one: one.honest),
    }


def of_restored() -> dict[tuple[str, str], Callable[[], str]]:
    """The authority was restored from a backup of version 7; 8 and 9 are lost, and members hold them still."""
    suspended = {CONSUMER: {"state": "suspended", "suspendedSince": written(NOW - 12 * DAY)}}
    days = {7: NOW - 20 * DAY, 8: NOW - 10 * DAY, 9: NOW - 5 * DAY, 10: NOW - 100}

    def tried(own: int, given: int | None = None, *, lost: bool = False, late: bool = False) -> Callable[[], str]:
        """The bundle has list `own`, the auditor `given`. `lost`: 8 and 9 suspended the consumer, and 10 does not know
        of it; `late`: 10 is of after the seal."""

        def made() -> str:
            case = Case()
            case.provider = case.exporter = SealKey(PROVIDER, case.ca)
            case.log = case.new_log(PROVIDER)
            case.parts = case.make()

            def listed(version: int, again: bool = False) -> str:
                day = SEEN + DAY if late and version == 10 else days[version]
                head = {"version": version, "issued": written(day), "nextUpdate": written(day + 60 * DAY)}
                changes = suspended if lost and version in (8, 9) and not again else {}
                name = {CONSUMER: {"name": "wieder"}} if again and not changes else {}
                return case.authority.list(
                    {PROVIDER: case.log.keys}, witnesses=[case.witness], changes={**name, **changes}, head=head
                )

            data = changed(case, trust_list=listed(own, again=own == given))
            auditors = None if given is None else listed(given).encode()
            report = verify_bundle(data, case.roots, "en", trust_list=auditors, now=AFTER)
            return WORDS[report.verdict]

        return made

    return {
        ("nobody", "an honest contract under a lost list, by a list above it"): tried(9, 10, late=True),
        ("nobody", "an honest contract under the list of the backup, by a list above it"): tried(7, 10, late=True),
        ("restored authority", "signs a lost number again: an honest contract by the other list"): tried(9, 9),
        ("both operators", "a contract of a member whose suspension is lost"): tried(10, lost=True),
        ("both operators", "such a contract, by the lost list that suspends it"): tried(10, 9, lost=True),
        ("both operators", "such a contract under the list of the backup, by the lost list"): tried(7, 9, lost=True),
    }


def of_both() -> dict[tuple[str, str], Callable[[], str]]:
    """At L2 and at L3, which are alike."""

    def alike(two: Callable[[], str], three: Callable[[], str]) -> Callable[[], str]:
        return lambda: " and ".join(sorted({two(), three()}))

    higher = of_level("L3")
    return {name: alike(act, higher[name]) for name, act in of_level("L2").items()}


TABLES = {"L2, L3": of_both(), "former key": of_former(), "restored": of_restored()}


def rows() -> Iterator[list[str]]:
    chapter = PAGE.read_text(encoding="utf-8").partition("### 9.4")[2]
    for line in chapter.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_says_what_comes_of_other_levels_former_keys_and_a_restored_authority() -> None:
    """Each row of the specification, and no other."""
    head, *found = rows()
    assert head == ["Where", "Who", "What", "Outcome"]
    made = [[where, who, what, act()] for where, table in TABLES.items() for (who, what), act in table.items()]
    assert found == made
