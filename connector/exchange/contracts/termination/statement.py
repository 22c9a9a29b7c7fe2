"""An agreement ends before its time: a sealed statement by either side, and what follows from it (spec/contracts.md 6).

The agreement itself is never edited. A statement counts from when it is booked, or from the date it gives notice for;
both sides may state the end, and both statements are kept, also if a side later ends it sooner. What it says of whom
is fixed by the seal over both.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import ending as agreement_end
from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.agreement.termination_store import Side, Succession, Termination
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.document.sealing import Reference, digest
from connector.exchange.contracts.model import Agreement, EvidenceObject
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError, Unavailable, Unknown
from connector.foundation.language.reasons import Reason, because, plain
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ProcessRef, answered, ask, ask_once, errand, review, timer
from connector.identity.participants.service import Participants
from connector.kernel.policy.odrl.days import midnight, read_day
from connector.kernel.policy.odrl.values import instant
from connector.verify.formats import jades, key_binding
from connector.verify.formats.faults import Fault

DELIVER = "deliver-ending"
"""Errand: our statement goes to the partner."""
UNDELIVERED, REFUSED = "ending-undelivered", "ending-refused"
"""Questions to a person about that delivery."""
SKEW_MS = 300_000
"""By how much two clocks may differ, and a seal be made after what it seals."""
FRESH_MS = 240_000
"""How old a statement of ours may be when it is booked: behind `SKEW_MS` no verifier believes its time (4.4)."""
DAY_MS = 86_400_000
LATEST_MS = 20 * 366 * DAY_MS
"""The longest notice that is believed to be meant."""
LONGEST = 2_000
STATEMENT, SEAL, DOCUMENT = "termination-{side}.json", "termination-{side}.jws", "did-termination-{side}.json"
Sentence = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Sentences = Annotated[tuple[Sentence, ...], Meta(min_length=1, max_length=4)]
Moment = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]


class Doubled(PeerError):
    """Another statement of the same side, which ends it no sooner: what was stated stands."""

    status = 409


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason in both languages, in sentences."""

    de: Sentences
    en: Sentences


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed. `agreement` is the SHA-256 of the agreement's bytes; times are RFC 3339 in UTC, whole seconds.

    `notice`: the agreement ends then; None: at once.
    """

    v: Literal[1] = 1
    kind: Literal["termination"] = "termination"
    agreement: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    by: Side
    reason: Why
    notice: Moment | None
    at: Moment

    @property
    def notice_ms(self) -> int | None:
        return None if self.notice is None else _millis(self.notice)

    @property
    def at_ms(self) -> int:
        return _millis(self.at)


class SealedStatement(NamedTuple):
    """A statement as it came: what it says, its canonical bytes and the seal over them."""

    statement: Statement
    body: bytes
    jws: str


class Over(NamedTuple):
    """Why nothing is possible under an agreement any more: a code for machines, sentences for people."""

    code: str
    reason: Reason


class StatementVerifier(NamedTuple):
    """`document`: the partner's DID document in canonical form, as it was when its statement came.

    `check` (agreement's bytes, its IRI, statement): Fault unless the seal is the partner's and over exactly these.
    """

    document: bytes
    check: Callable[[bytes, str, SealedStatement], None]


def read(value: object) -> SealedStatement:
    """The body of a delivery, `{"statement": {...}, "jws": "..."}`; PeerError names what is wrong with it."""
    match value:
        case {"statement": dict() as stated, "jws": str(jws), **more} if not more:
            try:
                statement = msgspec.convert(stated, Statement)
                if {"v", "kind"} - stated.keys() or not _exact(statement):
                    raise PeerError("endings.statement")
            except (msgspec.ValidationError, ValueError) as cause:
                raise PeerError("endings.statement") from cause
            return SealedStatement(statement, sealing.canonical(stated), jws)
        case _:
            raise PeerError("endings.statement")


def references(agreement: bytes, iri: str, root: str, body: bytes) -> list[Reference]:
    """What the seal of a statement covers: the agreement, and the statement below the root of whoever states it."""
    kind = "application/json"
    return [Reference(iri, agreement, kind), Reference(sealing.address(root, body), body, kind)]


def covers(seal: jades.Seal, expected: Sequence[Reference]) -> None:
    """Fault unless it refers to exactly these, in their order: a replay of another agreement's statement does not."""
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def day_of_notice(text: str, now: int) -> int:
    """A day (its last second counts, in Europe/Berlin) or an instant as milliseconds; Mistake if it is not ahead."""
    if (day := read_day(text)) is not None:
        found = int(midnight(day + timedelta(days=1)).timestamp() * 1000) - 1000  # a day may have 23 or 25 hours
    else:
        span = instant(text)
        found = -1 if span is None else span.start // 1000 * 1000
    if not now < found < now + LATEST_MS:
        raise Mistake("endings.notice", value=text[:40])
    return found


def over(tx: Tx, agreement: Agreement) -> Over:
    """What a peer or a person is told about an agreement that is not in force."""
    if agreement.state != "ended":
        return Over("agreement", because("transfer.agreement-over"))
    found = next(iter(termination_store.terminations(tx, agreement.participant, agreement.id)), None)
    if found is None or found.effective > (agreement.ended_at or 0):  # replaced before the day of notice
        return Over("replaced", because("endings.replaced"))
    said = reason_of(found)
    ended = because(f"endings.ended-by-{found.side}")
    return Over("ended", {lang: [*ended[lang], *said[lang]] for lang in ended})


def reason_of(ending: Termination) -> Reason:
    """Its sentences, as people may see them."""
    why = msgspec.json.decode(ending.statement, type=Statement).reason
    return {"de": [plain(one, LONGEST) for one in why.de], "en": [plain(one, LONGEST) for one in why.en]}


class Terminations:
    """Statements of all participants; every method names the participant."""

    def __init__(self, participants: Participants, agreements: Agreements) -> None:
        self._participants, self._agreements = participants, agreements

    def draft(self, tx: Tx, slug: str, name: str, reason: Reason, notice: int | None) -> tuple[Agreement, bytes]:
        """The statement that we are to seal; Mistake if the agreement is not in force, or by our word ends as early."""
        agreement = self._agreements.named(tx, slug, name)
        if not agreement.in_force:
            raise Mistake("endings.not-in-force", state=agreement.state)
        known = termination_store.ending(tx, slug, agreement.id, _side(agreement))
        if known is not None and not termination_store.sooner(tx, known, notice, tx.now):
            raise _stands(known)
        if any(len(one) > LONGEST for said in reason.values() for one in said):
            raise Mistake("endings.long-reason", limit=LONGEST)
        lines = {lang: [said for one in reason[lang] if (said := plain(one, LONGEST))] for lang in ("de", "en")}
        if not all(lines.values()):
            raise Mistake("endings.no-reason")
        stated = {
            "v": 1,
            "kind": "termination",
            "agreement": agreement.digest,
            "by": _side(agreement),
            "reason": lines,
            "notice": None if notice is None else rfc3339(notice),
            "at": rfc3339(tx.now),
        }
        return agreement, sealing.canonical(stated)

    def declare(self, tx: Tx, slug: str, agreement_id: str, body: bytes, jws: str, document: bytes) -> Termination:
        """Books our sealed statement; it goes to the partner, and takes effect now or when its day comes.

        `document` is our DID document, which names the key of the seal. Unavailable if the seal took too long: then the
        statement has to be made anew, with another time.
        """
        termination_store.hold(tx, slug, agreement_id)
        agreement = self._agreements.get(tx, slug, agreement_id)
        if not agreement.in_force:
            raise Mistake("endings.not-in-force", state=agreement.state)
        told = SealedStatement(msgspec.json.decode(body, type=Statement), body, jws)
        if not -SKEW_MS <= tx.now - told.statement.at_ms <= FRESH_MS:
            raise Unavailable("endings.late")
        ending = _ending(tx, agreement, told, "waiting")
        if not termination_store.entered(tx, agreement, ending, _names(ending.side)):
            raise _stands(termination_store.ending(tx, slug, agreement_id, ending.side) or ending)
        self._booked(tx, agreement, ending, "us", document)
        to = self._agreements.acting(tx, agreement)
        process = ProcessRef(participant=slug, noun="negotiation", id=agreement.negotiation, to=to)
        errand(tx, process, DELIVER, agreement=agreement.id)
        return ending

    def receive(
        self, tx: Tx, slug: str, did: str, name: str, told: SealedStatement, judge: StatementVerifier
    ) -> tuple[Termination, bool]:
        """Books the partner's statement; whether it is new. The same one again changes nothing, a later end is refused.

        Raises Unknown for whoever is no party, Unavailable while we do not know yet that the agreement is final.
        """
        agreement = self._agreements.between(tx, slug, name, did)
        if agreement.state == "signed":
            raise Unavailable("endings.not-yet")
        if not agreement.concluded:
            raise Unknown("contracts.no-agreement", id=name[:200])
        self._check(tx, agreement, told)
        try:
            judge.check(agreement.document, agreement.id, told)
        except Fault as fault:
            raise PeerError("contracts.seal-invalid", code=fault.code) from fault
        termination_store.hold(tx, slug, agreement.id)
        ending = _ending(tx, agreement, told, "theirs")
        if termination_store.entered(tx, agreement, ending, _names(ending.side)):
            self._booked(tx, agreement, ending, "peer", judge.document)
            return ending, True
        known = termination_store.ending(tx, slug, agreement.id, ending.side)
        if known is None or known.sha256 != ending.sha256:
            raise Doubled("endings.doubled")
        return known, False

    def due(self, tx: Tx, slug: str, agreement_id: str) -> None:
        """A day for which notice was given: ends the agreement if a statement of it is in effect by now.

        Of one that has ended: what another replica began in the same moment is ended too.
        """
        agreement = store.agreement(tx, slug, agreement_id)
        stated = termination_store.terminations(tx, slug, agreement_id)
        if agreement is None:
            return
        if agreement.state == "ended":
            review(tx, slug, agreement.id, tx.now)
        elif stated and stated[0].effective <= tx.now:
            self._end(tx, agreement, {"event": "ended", "by": stated[0].side})

    def answered(self, tx: Tx, slug: str, agreement_id: str, sha256: str, answer: termination_store.Answer) -> None:
        """What the partner said to the statement with that SHA-256; of one that counts no more it says nothing."""
        agreement = self._agreements.get(tx, slug, agreement_id)
        if not termination_store.note_answer(tx, slug, agreement_id, sha256, answer):
            return
        answered(tx, slug, agreement.negotiation)
        if answer == "refused":
            ask(tx, slug, agreement.negotiation, REFUSED)
        if answer in ("refused", "not-possible"):
            self._record(tx, agreement, {"event": "not-delivered", "answer": answer})

    def waits(self, tx: Tx, slug: str, agreement_id: str) -> None:
        """Our statement has not reached the partner for days: a person has to know, once; it goes on being tried."""
        ask_once(tx, slug, self._agreements.get(tx, slug, agreement_id).negotiation, UNDELIVERED)

    def receiver(self, tx: Tx, slug: str, agreement_id: str) -> str:
        """Who has to hear of it now: the partner, or whoever has taken its place since we stated it."""
        return self._agreements.acting(tx, self._agreements.get(tx, slug, agreement_id))

    def names(self, tx: Tx, did: str) -> tuple[str, ...]:
        """That peer's DID, and those of whoever's place it has taken."""
        return self._agreements.names(tx, did)

    def ours(self, tx: Tx, slug: str, agreement_id: str) -> tuple[Agreement, Termination | None]:
        """What we are to deliver."""
        agreement = self._agreements.get(tx, slug, agreement_id)
        return agreement, termination_store.ending(tx, slug, agreement_id, _side(agreement))

    def of(self, tx: Tx, slug: str, name: str) -> tuple[Agreement, list[Termination]]:
        """The agreement with what either side has stated about its end."""
        agreement = self._agreements.named(tx, slug, name)
        return agreement, termination_store.terminations(tx, slug, agreement.id)

    def successions(self, tx: Tx, agreement: Agreement) -> list[Succession]:
        """Who has stood in the counterparty's place so far."""
        return termination_store.successions(tx, agreement.participant, agreement.id)

    def _check(self, tx: Tx, agreement: Agreement, told: SealedStatement) -> None:
        """What it says of whom and when; the day of notice is held against its own time, for it may have waited."""
        said = told.statement
        if said.agreement != agreement.digest or said.by == _side(agreement):
            raise PeerError("endings.other-agreement")
        began = max(agreement.created_at - SKEW_MS, _sealed_at(agreement.provider_jws) - 2 * SKEW_MS)
        notice = said.notice_ms
        if not began <= said.at_ms <= tx.now + SKEW_MS:
            raise PeerError("endings.time")
        if notice is not None and not said.at_ms - SKEW_MS <= notice <= said.at_ms + LATEST_MS:
            raise PeerError("endings.time")

    def _booked(self, tx: Tx, agreement: Agreement, ending: Termination, by: str, document: bytes) -> None:
        for name, media_type, body in (
            (STATEMENT, "application/json", ending.statement),
            (SEAL, "application/jose", ending.jws.encode("ascii")),
            (DOCUMENT, "application/did+json", document),
        ):
            item = EvidenceObject(
                name=name.format(side=ending.side), sha256=digest(body), media_type=media_type, body=body
            )
            object_store.keep_object(tx, agreement.participant, agreement.negotiation, agreement.counterparty, item)
        body_of_record: dict[str, object] = {
            "event": "stated",
            "from": by,
            "by": ending.side,
            "statement": ending.sha256,
            "jws": digest(ending.jws.encode("ascii")),
            "agreement": agreement.digest,
            "notice": None if ending.notice is None else rfc3339(ending.notice),
        }
        self._record(tx, agreement, body_of_record)
        if ending.effective <= tx.now:
            self._end(tx, agreement, {"event": "ended", "by": ending.side})
        else:
            timer(tx, agreement.participant, agreement_end.DUE, agreement.id, ending.effective)

    def _end(self, tx: Tx, agreement: Agreement, body: dict[str, object]) -> None:
        agreement_end.end(tx, self._did(agreement), agreement, body)

    def _record(self, tx: Tx, agreement: Agreement, body: dict[str, object]) -> None:
        agreement_end.record(tx, self._did(agreement), agreement, body)

    def _did(self, agreement: Agreement) -> str:
        return self._participants.held(agreement.participant).participant.did


def members(
    objects: Mapping[str, bytes], agreement: Agreement, logged: bytes, standing_for: Callable[[str], Sequence[str]]
) -> dict[str, bytes]:
    """What a bundle shows of the end: statements that the records in it (`logged`) name, by the parties or by those
    who had taken their place (`standing_for`, itself included).
    """
    found: dict[str, bytes] = {}
    parties = {"provider": agreement.policy["assigner"], "consumer": agreement.policy["assignee"]}
    for side, did in parties.items():
        names = [name.format(side=side) for name in (STATEMENT, SEAL)]
        bodies = [objects[name] for name in names if name in objects]
        if len(bodies) < 2 or not all(digest(body).encode() in logged for body in bodies):
            continue
        if jades.read(bodies[1].decode("ascii")).did not in standing_for(did):
            continue
        found |= zip(names, bodies, strict=True)
        document = objects[DOCUMENT.format(side=side)]
        if document != objects[f"did-{side}.json"]:
            found[DOCUMENT.format(side=side)] = document
    return found


def check_seal(
    agreement: bytes, iri: str, told: SealedStatement, seal: Callable[[Sequence[Reference]], None], did: str
) -> None:
    """References and time first, then `seal` for signature, owner and chain; raises Fault."""
    expected = references(agreement, iri, key_binding.root_of(did), told.body)
    covers(jades.read(told.jws), expected)
    if abs(_sealed_at(told.jws) - told.statement.at_ms) > SKEW_MS:
        raise Fault("termination-time", at=told.statement.at)
    seal(expected)


def _sealed_at(jws: str | None) -> int:
    """When its maker says that it was made (ms); 0 where nothing was sealed. A bundle is held against the same."""
    return 0 if jws is None else jades.read(jws).iat * 1000


def _names(side: Side) -> tuple[str, ...]:
    return tuple(name.format(side=side) for name in (STATEMENT, SEAL, DOCUMENT))


def _stands(known: Termination) -> Mistake:
    """What we have stated about the end stays as it is."""
    if known.notice is None:
        return Mistake("endings.stated")
    return Mistake("endings.no-sooner", at=rfc3339(known.notice))


def _side(agreement: Agreement) -> Side:
    return "provider" if agreement.role == "provider" else "consumer"


def _ending(tx: Tx, agreement: Agreement, told: SealedStatement, answer: termination_store.Answer) -> Termination:
    said = told.statement
    return Termination(
        participant=agreement.participant,
        agreement=agreement.id,
        side=said.by,
        statement=told.body,
        sha256=digest(told.body),
        jws=told.jws,
        notice=said.notice_ms,
        effective=max(tx.now, said.notice_ms or 0),
        at=said.at_ms,
        booked_at=tx.now,
        answer=answer,
    )


def _millis(text: str) -> int:
    span = instant(text)
    if span is None:
        raise ValueError(text)
    return span.start


def _exact(statement: Statement) -> bool:
    """Whether its times are on the calendar: the 31st of February is not."""
    times = [statement.at, *([] if statement.notice is None else [statement.notice])]
    return all(rfc3339(_millis(one)) == one for one in times)
