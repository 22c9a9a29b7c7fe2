"""Compares our records of shared agreements with the partner's and keeps how it stands (spec/records.md 6).

The network is not here: `delivery.reconciling` asks, this decides what is due and books what came. What differs is an
alarm in our log, once per finding; the partner finds the same from its side.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.reconciliation import compare, partner_log, proven_records, store
from connector.exchange.reconciliation.compare import ComparedRecord, Finding, LogView
from connector.exchange.reconciliation.partner_log import Heard, Page
from connector.exchange.reconciliation.store import Compared, Seen
from connector.foundation.errors import Unknown
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.participants.service import Participants

RECONCILE = "reconcile"
"""Errand: ask one partner about up to `hearing.MOST_AGREEMENTS` agreements."""
SETTLED_MS = 60_000
"""After FINALIZED the other side needs a moment to book and to seal."""
AT_ONCE = 1_000
MOST_RECORDS = 20_000
MOST_FINDINGS, MOST_TOLD = 500, 20
"""Findings that are kept of a comparison, and those that an alarm repeats."""
SOON_MS, HOUR_MS = 900_000, 3_600_000
_PAUSES = {"unsealed": SOON_MS, "unreachable": HOUR_MS}

Pairs = Callable[[Tx, str, str], Mapping[str, str]]
"""(transaction, participant, agreement) -> our ids of its transfers by the partner's."""


class Round(msgspec.Struct, frozen=True):
    """The body of an errand: these agreements with this partner."""

    did: str
    agreements: tuple[str, ...]


class Comparison:
    """`every_ms`: how long a comparison holds."""

    def __init__(self, participants: Participants, agreements: Agreements, pairs: Pairs, every_ms: int) -> None:
        self._participants, self._agreements, self._pairs = participants, agreements, pairs
        self._every_ms = every_ms

    def due(self, tx: Tx, slug: str) -> bool:
        """Whether anything is to be compared now."""
        return bool(store.due(tx, slug, tx.now - SETTLED_MS, 1))

    def queue(self, tx: Tx, slug: str) -> int:
        """Puts down who is to be asked about what; nobody is asked twice at the same time."""
        put = 0
        for did, names in _by_partner(store.due(tx, slug, tx.now - SETTLED_MS, AT_ONCE)).items():
            stream = f"{RECONCILE}:{slug}:{did}"
            if not outbox.waits(tx, slug, stream):
                body = msgspec.json.encode(Round(did, tuple(names[: partner_log.MOST_AGREEMENTS])))
                outbox.put(tx, participant=slug, stream=stream, kind=RECONCILE, body=body)
                put += 1
        return put

    def chosen(self, tx: Tx, slug: str, name: str | None) -> list[Round]:
        """Rounds for one agreement, or for the newest ones with everybody; raises Unknown for what never was final."""
        found = [self._agreements.named(tx, slug, name)] if name else self._agreements.all(tx, slug)
        final = [(one.counterparty, one.id) for one in found if one.concluded]
        if name and not final:
            raise Unknown("contracts.no-agreement", id=name[:200])
        size = partner_log.MOST_AGREEMENTS
        return [
            Round(did, tuple(names[start : start + size]))
            for did, names in _by_partner(final).items()
            for start in range(0, len(names), size)
        ]

    def names(self, tx: Tx, did: str) -> tuple[str, ...]:
        """Who answers for that partner now, and every DID under which that one may have logged."""
        return self._agreements.names(tx, self._agreements.acts(tx.scope, did, tx.now))

    def seen(self, tx: Tx, slug: str, did: str) -> Seen | None:
        return store.seen(tx, slug, did)

    def keep_seen(self, tx: Tx, slug: str, did: str, page: Page) -> None:
        if page.tree is not None:
            tree = page.tree
            newest = Seen(origin=tree.origin, size=tree.size, root=tree.root, note=page.note)
            store.keep_seen(tx, slug, did, newest)

    def book(self, tx: Tx, slug: str, round_: Round, heard: Mapping[str, Heard]) -> None:
        """What was proven of each agreement, against our own records as they are now."""
        audit.alone(tx, slug)
        for name in round_.agreements:
            agreement = self._agreements.get(tx, slug, name)
            ours, theirs = self._ours(tx, agreement), self._theirs(tx, agreement, heard.get(name))
            findings = compare.compare(ours, theirs, agreement.role, tx.now)
            state = compare.state_of(findings)
            self._keep(tx, agreement, round_.did, state, findings[:MOST_FINDINGS], "")

    def book_failure(
        self, tx: Tx, slug: str, round_: Round, state: str, code: str, notes: tuple[str, ...] = ()
    ) -> None:
        """The partner could not be asked (`impossible`, `unreachable`) or what it said does not hold (`invalid`)."""
        audit.alone(tx, slug)
        told = False
        for name in round_.agreements:
            agreement = self._agreements.get(tx, slug, name)
            before = store.last(tx, slug, name)
            told = told or (before is not None and (before.state, before.code) == (state, code))
            known = () if before is None else before.findings  # what was found does not go because nobody answers now
            self._keep(tx, agreement, round_.did, state, known, code, quiet=True)
        if state == "invalid" and not told:
            body = {
                "event": "reconciliation",
                "partner": round_.did,
                "state": state,
                "code": code,
                "checkpoints": list(notes),
            }
            audit.append(tx, slug, "alarm", None, "system", body, did=self._did(slug))

    def all(self, tx: Tx, slug: str, name: str | None = None) -> list[Compared]:
        """How it stands, what is amiss first; the newest 500."""
        wanted = None if name is None else [self._agreements.named(tx, slug, name).id]
        return store.all_of(tx, slug, wanted, 500)

    def _keep(
        self,
        tx: Tx,
        agreement: Agreement,
        did: str,
        state: str,
        findings: tuple[Finding, ...],
        code: str,
        *,
        quiet: bool = False,
    ) -> None:
        slug = agreement.participant
        before = store.last(tx, slug, agreement.id)
        pause = _PAUSES.get(state, self._every_ms)
        compared = Compared(
            agreement=agreement.id,
            counterparty=did,
            state=state,
            findings=findings,
            code=code,
            at=tx.now,
            due_at=tx.now + pause,
        )
        store.save(tx, slug, compared)
        news = before is None or before.findings != findings
        if news and not quiet and state in compare.ALARMING:
            told = [msgspec.to_builtins(finding) for finding in findings[:MOST_TOLD]]
            body = {"event": "reconciliation", "partner": did, "state": state, "findings": told}
            audit.append(tx, slug, "alarm", agreement.id, "system", body, did=self._did(slug))

    def _ours(self, tx: Tx, agreement: Agreement) -> LogView:
        entries = proven_records.bodies(tx, agreement.participant, agreement.id, compare.SHARED, MOST_RECORDS)
        said = [ComparedRecord(one.type, one.at, _body(one.record)) for one in entries if not one.erased]
        return compare.account(said, lambda name: name, frozenset(one.type for one in entries if one.erased))

    def _theirs(self, tx: Tx, agreement: Agreement, heard: Heard | None) -> LogView:
        if heard is None:
            return LogView({}, {})
        pairs = self._pairs(tx, agreement.participant, agreement.id)
        return compare.account(
            heard.said, lambda name: pairs.get(name, name), heard.erased, waiting=heard.waiting or heard.more
        )

    def _did(self, slug: str) -> str:
        return self._participants.held(slug).participant.did


def _by_partner(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for did, name in found:
        grouped.setdefault(did, []).append(name)
    return grouped


def _body(record: bytes) -> Mapping[str, object]:
    value = msgspec.json.decode(record)
    return value["body"] if isinstance(value, dict) and isinstance(value.get("body"), dict) else {}
