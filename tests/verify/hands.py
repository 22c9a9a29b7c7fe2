"""Who holds which keys of a contract, and what they make with them: each attack is built with those keys alone.

What a hand lacks it makes up: a key of its own in the place of one that it does not hold. Where it holds no witness the
honest one answers, which sees a state now, of a listed log, and never a second history of one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import msgspec

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Verdict
from tests.verify.endings import digest, statement
from tests.verify.forge import (
    AGREEMENT,
    CONSUMER,
    DAY,
    NOW,
    PROVIDER,
    STRANGER,
    Authority,
    Case,
    Log,
    SealCa,
    SealKey,
    Witness,
    root_of,
)
from tests.verify.keys import LogKey, PqLogKey

SEEN = NOW + 60
"""When the honest witness sees a log."""
AFTER = NOW + 200
"""When the auditor looks."""
EARLIER, LATER = NOW - DAY // 2, NOW + DAY
ACTORS: Mapping[str, frozenset[str]] = {
    "provider": frozenset({f"seal {PROVIDER}"}),
    "provider's operator": frozenset({f"seal {PROVIDER}", f"log {PROVIDER}"}),
    "consumer": frozenset({f"seal {CONSUMER}"}),
    "consumer's operator": frozenset({f"seal {CONSUMER}", f"log {CONSUMER}"}),
    "witness": frozenset({"witness"}),
    "authority": frozenset({"list", "certificates"}),
}
"""At level L1 an operator keeps the keys of its town, and the authority issues the certificates."""


Attack = Callable[["Hand"], bytes]


class World:
    """An honest contract in the log of either party, its list and its witness; keys are made once."""

    def __init__(self) -> None:
        self.case = Case()
        self.logs = {PROVIDER: self.case.log.keys, CONSUMER: Log(CONSUMER).keys}
        self.false_ca, self.false_witness = SealCa("Eigene CA"), Witness("did:web:eigen.example")
        self.false_logs: dict[str, list[LogKey | PqLogKey]] = {did: [LogKey(), PqLogKey()] for did in self.logs}
        self.list = self.listed(self.logs, [self.case.witness])

    def listed(
        self, logs: Mapping[str, Sequence[LogKey | PqLogKey]], witnesses: Sequence[Witness], **more: object
    ) -> str:
        """`more` are members of the entry of a third party, which is listed with a log of its own then."""
        other = {CONSUMER: {"operator": "did:web:betrieb-b.example"}, STRANGER: more}
        third = {STRANGER: self.false_logs[PROVIDER]} if more else {}
        return self.case.authority.list({**logs, **third}, witnesses=witnesses, changes=other)

    @cached_property
    def heirs(self) -> dict[bool, SealKey]:
        """Keys of a third party, with a certificate of the true issuer or a false one."""
        return {True: SealKey(STRANGER, self.case.ca), False: SealKey(STRANGER, self.false_ca)}

    @cached_property
    def false_seals(self) -> dict[tuple[str, bool], SealKey]:
        """Keys that are nobody's, in the names of the parties; with a certificate of the true issuer or a false one."""
        issuers = {True: self.case.ca, False: self.false_ca}
        return {(did, true): SealKey(did, ca) for did in self.logs for true, ca in issuers.items()}


class Hand:
    """The keys of some actors, and their own for the rest."""

    def __init__(self, world: World, actors: Sequence[str], side: str = PROVIDER, *, restored: bool = False) -> None:
        self.world, self.side, self.restored = world, side, restored
        """`side`: in whose log it writes; `restored`: under a new origin, as after a restore, for which a witness
        vouches like for any other.
        """
        self.keys = frozenset[str]().union(*(ACTORS[one] for one in actors))

    def seal(self, did: str) -> SealKey:
        if f"seal {did}" in self.keys:
            return self.world.case.provider if did == PROVIDER else self.world.case.consumer
        return self.world.false_seals[did, "certificates" in self.keys]

    def writes(self, did: str) -> bool:
        """Its log has keys that are listed."""
        return bool(self.keys & {f"log {did}", "list"})

    def log(self, rows: Log | None = None) -> Log:
        """Its log, empty or going on from those rows."""
        log = Log(self.side)
        if rows is not None:
            log.rows, log.heads = [*rows.rows], {**rows.heads}
        true = f"log {self.side}" in self.keys
        log.epoch = int(self.restored)
        log.keys = (self.world.logs if true else self.world.false_logs)[self.side]
        return log

    def trust_list(self, **more: object) -> str:
        """The list in its bundle: its own if it can sign one, else the honest one."""
        if "list" not in self.keys:
            return self.world.list
        logs = {did: [*keys, *self.world.false_logs[did]] for did, keys in self.world.logs.items()}
        return self.world.listed(logs, [self.world.case.witness, self.world.false_witness], **more)

    def witnesses(self, at: int, *, second_history: bool = False) -> list[Witness]:
        """Who vouches for its log: a witness of its own at any time, the honest one now and for one history alone."""
        own = self.world.case.witness if "witness" in self.keys else self.world.false_witness
        if self.keys & {"witness", "list"}:
            own.at = at
            return [own]
        self.world.case.witness.at = SEEN
        return [] if (second_history and not self.restored) or not self.writes(self.side) else [self.world.case.witness]


class Draft(Case):
    """A contract as a hand makes it, at any time."""

    def __init__(self, hand: Hand, at: int = NOW, *, log: Log | None = None, second_history: bool = False) -> None:
        self.hand, self.at, self.one_sided = hand, at, False
        honest = hand.world.case
        self.ca, self.authority, self.witness = honest.ca, honest.authority, honest.witness
        self.provider, self.consumer = hand.seal(PROVIDER), hand.seal(CONSUMER)
        self.log = hand.log() if log is None else log
        self.log.at = at
        self.log.witnesses = hand.witnesses(at + SEEN - NOW, second_history=second_history)
        self.exporter = self.provider if hand.side == PROVIDER else self.consumer

    def seal(self, key: SealKey, references: Sequence[sealing.Reference], iat: int = NOW) -> str:
        return super().seal(key, references, self.at if iat == NOW else iat)

    def listed(self, **_: object) -> str:  # type: ignore[override]
        return self.hand.trust_list()

    def packed(self, **parts: object) -> bytes:
        return export.bundle(msgspec.structs.replace(self.parts, **parts), self.seal_manifest)

    def made(self, title: str = "Straßenbäume") -> "Draft":
        self.parts = self.make(title)
        return self


def forged(hand: Hand) -> bytes:
    """A contract in both names, made today, which nobody but the hand knows of."""
    return Draft(hand).made().packed()


def back_dated(hand: Hand) -> bytes:
    """Such a contract, dated back by half a day."""
    return Draft(hand, EARLIER).made().packed()


def forward_dated(hand: Hand) -> bytes:
    """Such a contract, dated a day ahead of the auditor's clock."""
    return Draft(hand, LATER).made().packed()


def changed(hand: Hand, second_history: bool = False) -> bytes:
    """The text of the honest contract, changed; both seals anew, behind the honest ones or in their place."""
    draft = Draft(hand, second_history=second_history) if second_history else kept(hand)
    return draft.made("Straßenbäume gegen Entgelt").packed()


def sealed_alone(hand: Hand) -> bytes:
    """Another text under the IRI of the honest contract, by the provider's seal alone, in a log of its own."""
    draft = Draft(hand)
    draft.one_sided = True
    return draft.made("Straßenbäume gegen Entgelt").packed()


def kept(hand: Hand, *, second_history: bool = False, one_sided: bool = False, log: Log | None = None) -> Draft:
    """The honest contract, sealed as it was, in a log of the hand; whoever exports it without its key brings one."""
    draft, honest = Draft(hand, log=log, second_history=second_history), hand.world.case.parts
    documents = [honest.provider_document, honest.consumer_document]
    draft._record(honest.agreement, honest.provider_jws, None if one_sided else honest.consumer_jws, documents)
    draft.parts = msgspec.structs.replace(honest, trust_list=hand.trust_list())
    own = jcs.encode(draft.exporter.document())
    if own not in documents:
        draft.log.add("key", None, {"event": "arrived", "document": digest(own)})
        draft.parts = msgspec.structs.replace(draft.parts, exporter_document=own)
    return draft


def stripped(hand: Hand, second_history: bool = True) -> bytes:
    """The honest contract without its countersignature, in a second history of the log."""
    draft = kept(hand, second_history=second_history, one_sided=True)
    return draft.packed(consumer_jws=None, approval_consumer=None, log=draft.log.evidence(AGREEMENT))


def hidden(hand: Hand) -> bytes:
    """An end that the log held already is left out: a second history of it, as after a restore."""
    draft = kept(hand, second_history=True)
    return draft.packed(log=draft.log.evidence(AGREEMENT))


def withheld(hand: Hand) -> bytes:
    """An end that the partner told is never written down."""
    draft = kept(hand)
    return draft.packed(log=draft.log.evidence(AGREEMENT))


def approval_dropped(hand: Hand, second_history: bool = False) -> bytes:
    """The consumer's approval names somebody else; its seal anew, behind the honest one or in its place."""
    draft, honest = kept(hand, second_history=second_history), hand.world.case.parts
    approval = jcs.encode({"role": "automatic", "rule": "r-2", "side": "consumer"})
    references = sealing.references(
        honest.agreement,
        AGREEMENT,
        provider_root=root_of(PROVIDER),
        signer_root=root_of(CONSUMER),
        text=honest.text,
        profile=honest.profile,
        dataset=honest.dataset,
        approval=approval,
        provider_jws=honest.provider_jws,
    )
    seal, document = draft.seal(draft.consumer, references), jcs.encode(draft.consumer.document())
    if second_history:
        draft.log.rows, draft.log.heads = [], {}
    draft._record(honest.agreement, honest.provider_jws, seal, [honest.provider_document, document])
    return draft.packed(
        approval_consumer=approval, consumer_jws=seal, consumer_document=document, log=draft.log.evidence(AGREEMENT)
    )


def ended_by(role: str, at: int = NOW + 100, *, replayed: bool = False) -> Attack:
    """The honest contract with an end in the name of that side, dated `at`; `replayed`: that party's own, of another
    contract.
    """

    def attack(hand: Hand) -> bytes:
        draft, honest = kept(hand), hand.world.case.parts
        signer = draft.provider if role == "provider" else draft.consumer
        about = {"agreement": digest(b"another")} if replayed else {}
        signer = hand.world.case.provider if replayed else signer
        said = statement(draft, role, at=written(at), **about)
        found = sealing.Reference(sealing.address(root_of(signer.did), said), said, "application/json")
        whole = sealing.Reference(AGREEMENT, honest.agreement, "application/json")
        token = draft.seal(signer, [whole, found], at).encode()
        draft.log.at = NOW + 100
        draft.log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": role})
        for one in draft.log.witnesses:
            one.at = NOW + 160
        files = {f"termination-{role}.json": said, f"termination-{role}.jws": token}
        return draft.packed(more=files, log=draft.log.evidence(AGREEMENT))

    return attack


def taken_over(hand: Hand) -> bytes:
    """The honest contract, told by a third party that says it has taken the provider's place."""
    heir, log = hand.world.heirs["certificates" in hand.keys], Log(STRANGER)
    log.keys = hand.world.false_logs[PROVIDER]
    draft = kept(hand, log=log)
    own = jcs.encode(heir.document())
    draft.exporter = heir
    log.add("key", None, {"event": "arrived", "document": digest(own)})
    listed = hand.trust_list(succeeds=[{"did": PROVIDER, "from": written(NOW + 10)}])
    return draft.packed(exporter_document=own, trust_list=listed, log=log.evidence(AGREEMENT))


def in_its_place(attack: Callable[[Hand, bool], bytes]) -> Attack:
    return lambda hand: attack(hand, True)


ATTACKS: Mapping[str, Sequence[Attack]] = {
    "forge": [forged],
    "back-date": [back_dated],
    "forward-date": [forward_dated],
    "change": [changed, in_its_place(changed)],
    "strip": [stripped, lambda hand: stripped(hand, False)],
    "approval": [approval_dropped, in_its_place(approval_dropped)],
    "provider ends": [ended_by("provider")],
    "consumer ends": [ended_by("consumer")],
    "hide": [hidden],
    "withhold": [withheld],
    "end early": [ended_by("provider", NOW - 400)],
    "replay": [ended_by("provider", replayed=True)],
    "take over": [taken_over],
}
"""By the heading of the column in the specification: all ways that were found, of which the best one counts."""
ANEW = frozenset({"change", "strip", "approval", "hide"})
"""What puts another history in the place of one that a witness saw."""
BEST = ("can", "today", "open", "FAILED")


def outcome(world: World, attack: str, actors: Sequence[str], **given: object) -> str:
    """What these actors reach at most: `can` (PASSED), `open` (not proven) or `FAILED`.

    `today`: PASSED, but the report gives the honest time instead of the one that was made up.
    """
    again = (False, True) if attack in ANEW else (False,)
    hands = [Hand(world, actors, side, restored=one) for side in (PROVIDER, CONSUMER) for one in again]
    return min((_reached(hand, way, **given) for hand in hands for way in ATTACKS[attack]), key=BEST.index)


def _reached(hand: Hand, way: Attack, **given: object) -> str:
    report = verify_bundle(way(hand), hand.world.case.roots, "en", now=AFTER, **given)  # type: ignore[arg-type]
    if report.verdict is not Verdict.PASSED:
        return "FAILED" if report.verdict is Verdict.FAILED else "open"
    return "today" if way is back_dated and str(report.stated["trusted_time"]) >= written(SEEN) else "can"


DENIALS: Mapping[str, Sequence[Attack]] = {
    did: (changed, ended_by(role), ended_by(role, NOW - 300), approval_dropped, sealed_alone)
    for did, role in ((PROVIDER, "provider"), (CONSUMER, "consumer"))
}
"""What is laid beside an honest bundle of that party so that it passes no more; an end dated early, too."""
WORST = ("FAILED", "open", "holds")


def denied(world: World, actors: Sequence[str], whose: str = PROVIDER) -> str:
    """What becomes at most of that party's honest bundle beside anything that these actors can make."""
    operator = "provider's operator" if whose == PROVIDER else "consumer's operator"
    honest = withheld(Hand(world, (operator,), whose))
    copies = (way(Hand(world, actors, side)) for side in (PROVIDER, CONSUMER) for way in DENIALS[whose])
    left = set[str]()
    for copy in copies:
        left.add(_left(world, honest, beside=copy))
        if "FAILED" in left:
            break
    return min(left, key=WORST.index)


def disowned(world: World, actors: Sequence[str]) -> str:
    """What becomes of it by a newer list that these actors can sign, in which the consumer's key is struck off."""
    key = world.case.consumer
    listed = Authority() if "authority" not in actors else world.case.authority
    struck = {"sha256": key.fingerprint, "validUntil": written(NOW - DAY), "struckSince": written(NOW - DAY)}
    given = listed.list(
        world.logs,
        {CONSUMER: [struck]},
        witnesses=[world.case.witness],
        head={"version": 8, "issued": written(NOW)},
        changes={CONSUMER: {"operator": "did:web:betrieb-b.example"}},
    )
    return _left(world, withheld(Hand(world, ("provider's operator",))), trust_list=given.encode())


def _left(world: World, honest: bytes, **given: bytes) -> str:
    report = verify_bundle(honest, world.case.roots, "en", now=AFTER, **given)  # type: ignore[arg-type]
    return {Verdict.PASSED: "holds", Verdict.INDETERMINATE: "open", Verdict.FAILED: "FAILED"}[report.verdict]
