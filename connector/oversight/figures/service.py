"""Figures of a participant, counted when somebody asks: nothing is kept that could differ from the log."""

from collections.abc import Mapping, Sequence

import msgspec

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.reconciliation.compare import ALARMING
from connector.exchange.transfer.decision.decisions import ClosureOf
from connector.foundation.errors import Unknown
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx, long
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.oversight.figures import store
from connector.oversight.figures.count import figures
from connector.oversight.figures.fairness import judge
from connector.oversight.figures.model import Figure, Judged, Known, Log

MOST_TITLES = 200
LONGEST = 200
"""Characters of the name of a space."""


class Figures:
    """`closure_of` gives concept lists by their digest: an old decision is made again by the list of its day."""

    def __init__(
        self,
        participants: Participants,
        agreements: Agreements,
        engine: PolicyEngine,
        closure_of: ClosureOf,
        anchor: Anchor,
    ) -> None:
        self._participants, self._agreements, self._engine = participants, agreements, engine
        self._closure_of, self._anchor = closure_of, anchor

    @long
    def all(self, tx: Tx, slug: str) -> tuple[Figure, ...]:
        """Every figure, from one look at log and case files."""
        return self.counted(tx, slug)[0]

    @long
    def counted(self, tx: Tx, slug: str) -> tuple[tuple[Figure, ...], Log]:
        """The same, with the log that was counted."""
        log = store.log(tx, slug)
        known = Known(
            ends=store.ends(tx, slug),
            kin=self._kin(slug),
            judged=self._judged(tx, slug, log),
            spaces=self._spaces(slug, log, tx.now),
        )
        return figures(log, known, tx.now), log

    def one(self, tx: Tx, slug: str, id_: str) -> Figure:
        """With all entries behind it; raises Unknown."""
        for figure in self.all(tx, slug):
            if figure.definition.id == id_:
                return figure
        raise Unknown("figures.unknown", id=id_[:40])

    def compared(self, tx: Tx, slug: str) -> tuple[int, int, int]:
        """Contracts about which our log and the partner's agree, differ, and those that could not be compared."""
        found = store.compared(tx, slug)
        differ = sum(count for state, count in found.items() if state in ALARMING)
        agree = found.get("agrees", 0)
        return agree, differ, sum(found.values()) - agree - differ

    def titles(self, tx: Tx, slug: str, figure: Figure) -> dict[str, str]:
        """Of the datasets that the parts of a figure are about; empty for a figure about something else."""
        names = [part.key for part in figure.parts if "/" in part.key][:MOST_TITLES]
        return store.titles(tx, slug, names)

    def _kin(self, slug: str) -> frozenset[str]:
        """Members that share a group with the participant, by the trust list of now."""
        did = self._participants.held(slug).participant.did
        own = self._anchor.entry(did)
        groups = set() if own is None else set(own.groups)
        entries = self._anchor.entries.values() if groups else ()
        return frozenset(one.did for one in entries if one.did != did and groups & set(one.groups))

    def _spaces(self, slug: str, log: Log, now: int) -> Mapping[str, Sequence[str]]:
        """Through which spaces the participant knows whom its log names, or who has that one's place, by the lists of
        now."""
        did = self._participants.held(slug).participant.did
        line = self._anchor.line_for(did)
        named = {one.body.counterparty for one in log.events if one.body.counterparty}
        present = {other: line.successor(other, now) or other for other in named}
        return {
            other: [plain(name, LONGEST) for name in self._anchor.through(did, heir)] for other, heir in present.items()
        }

    def _judged(self, tx: Tx, slug: str, log: Log) -> tuple[Judged, ...]:
        by_id = {one.body.decision: one for one in log.events if one.body.decision}
        judged = []
        for case in store.cases(tx, slug):
            if (event := by_id.get(case.id)) is not None:
                closure = self._closure_of(_vocabulary(case.record))
                agreement = self._agreements.get(tx, slug, case.agreement)
                judged.append(judge(event, case, agreement.policy, closure, self._engine.registry))
        return tuple(judged)


class _Record(msgspec.Struct, frozen=True):
    vocabulary: str = ""


def _vocabulary(record: str) -> str:
    return msgspec.json.decode(record, type=_Record).vocabulary
