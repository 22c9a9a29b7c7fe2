"""Plays the script: a cue becomes a row with a due time, and the row becomes a move if the process still stands there.

The rows are the memory of what was played, so that any replica can count how often a state was reached.
"""

import msgspec

from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.service import Transfers
from connector.foundation.language.reasons import because
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand, Noun
from connector.kernel.protocol.effects import Illegal
from connector.kernel.protocol.process import Role
from tests.conformance.under_test.script import CUES, offer_of

PLAY = "play"


class Prompter:
    """Looks up the cue of a state and puts it down, due after `delay_ms`."""

    def __init__(self, delay_ms: int) -> None:
        self._delay_ms = delay_ms

    def cue(self, tx: Tx, participant: str, noun: Noun, process: str, role: Role, about: str, state: str) -> None:
        stream = f"{PLAY}:{noun}:{participant}:{process}"
        before = tx.all(
            "SELECT body FROM outbox WHERE participant = :participant AND stream = :stream",
            participant=participant,
            stream=stream,
        )
        played = [msgspec.json.decode(row["body"], type=Errand).facts["state"] for row in before]
        move = CUES.get((role, about, state, played.count(state) + 1))
        if move is None:
            return
        body = msgspec.json.encode(Errand(process=process, noun=noun, work=move, facts={"state": state}))
        due = tx.now + self._delay_ms
        outbox.put(tx, participant=participant, stream=stream, kind=PLAY, body=body, due_at=due)


class Negotiating:
    """The course of a negotiation by the script; nothing happens by itself."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    def after(self, tx: Tx, case: NegotiationRow, turn: object) -> NegotiationRow:
        state = str(case.kernel.state)
        self._prompter.cue(tx, case.participant, "negotiation", case.id, case.kernel.role, case.dataset, state)
        return case


class Transferring:
    """The course of a transfer by the script; no bytes move."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    def after(self, tx: Tx, process: TransferRow, turn: object) -> TransferRow:
        state = str(process.kernel.state)
        self._prompter.cue(
            tx, process.participant, "transfer", process.id, process.kernel.role, process.agreement, state
        )
        return process


class Stage:
    """Handler of the rows `play`."""

    def __init__(
        self, db: Database, contracts: Contracts, catalogue: Catalogue, transfers: Transfers, partner: Partner
    ) -> None:
        self._db, self._contracts, self._catalogue, self._transfers = db, contracts, catalogue, transfers
        self._partner = partner

    async def play(self, row: OutboxRow) -> None:
        await self._db.write(row.participant, self._play, row, msgspec.json.decode(row.body, type=Errand))

    def _play(self, tx: Tx, row: OutboxRow, errand: Errand) -> None:
        if not outbox.finish(tx, row):
            return
        try:
            if errand.noun == "negotiation":
                self._negotiate(tx, self._contracts.get(tx, row.participant, errand.process), errand)
            else:
                self._transfer(tx, self._transfers.get(tx, row.participant, errand.process), errand)
        except Illegal:
            return  # the kit was faster: the state that the cue was for is gone

    def _negotiate(self, tx: Tx, case: NegotiationRow, errand: Errand) -> None:
        sender = self._contracts.sender
        if case.kernel.state != errand.facts["state"]:
            return
        match errand.work:
            case "offer":
                sender.offer(tx, case, {**case.policy, "@id": offer_of(case.dataset)})
            case "counter":
                sender.counter(tx, case, case.policy)
            case "accept":
                sender.accept(tx, case)
            case "agree":
                published = self._catalogue.published(tx, case.participant, self._partner.requester, case.offer)
                sender.agree(tx, case, self._partner, *published)
            case "verify":
                sender.verify(tx, case, None)
            case "finalize":
                assert case.agreement is not None
                agreement = sender.agreements.get(tx, case.participant, case.agreement)
                sender.finalize(tx, case, agreement)
            case "terminate":
                sender.terminate(tx, case, "1", because("reason.none"))
            case other:
                raise AssertionError(other)

    def _transfer(self, tx: Tx, process: TransferRow, errand: Errand) -> None:
        sender = self._transfers.sender
        if process.kernel.state != errand.facts["state"]:
            return
        match errand.work:
            case "start":
                sender.start(tx, process)
            case "suspend":
                sender.suspend(tx, process, "1", because("reason.none"))
            case "complete":
                sender.complete(tx, process)
            case "terminate":
                sender.terminate(tx, process, "1", because("reason.none"))
            case other:
                raise AssertionError(other)
