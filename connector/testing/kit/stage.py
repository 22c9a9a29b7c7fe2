"""Plays the script: a cue becomes a row with a due time, and the row becomes a move if the process still stands there.

The rows are the memory of what was played, so that any replica can count how often a state was reached.
"""

import msgspec

from connector.catalogue.service import Catalogue
from connector.commit import Errand, Noun
from connector.contracts.course import Turn
from connector.contracts.model import Case
from connector.contracts.moves import Moves
from connector.contracts.partner import Partner
from connector.contracts.service import Contracts
from connector.protocol.effects import Illegal
from connector.protocol.process import Role
from connector.reasons import because
from connector.storage import outbox
from connector.storage.database import Database, Tx
from connector.storage.outbox import OutboxRow
from connector.testing.kit.script import CUES, offer_of

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


class Scripted:
    """The course of a negotiation by the script; nothing happens by itself."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    def stands(self, tx: Tx, case: Case, turn: Turn | None) -> Case:
        state = str(case.kernel.state)
        self._prompter.cue(tx, case.participant, "negotiation", case.id, case.kernel.role, case.dataset, state)
        return case


class Stage:
    """Handler of the rows `play` of negotiations."""

    def __init__(self, db: Database, contracts: Contracts, catalogue: Catalogue, partner: Partner) -> None:
        self._db, self._contracts, self._catalogue, self._partner = db, contracts, catalogue, partner

    async def play(self, row: OutboxRow) -> None:
        errand = msgspec.json.decode(row.body, type=Errand)
        await self._db.write(row.participant, self._play, row, errand)

    def _play(self, tx: Tx, row: OutboxRow, errand: Errand) -> None:
        if not outbox.finish(tx, row):
            return
        case = self._contracts.get(tx, row.participant, errand.process)
        if case.kernel.state == errand.facts["state"]:
            self._move(tx, case, errand.work)

    def _move(self, tx: Tx, case: Case, move: str) -> None:
        moves: Moves = self._contracts.moves
        try:
            match move:
                case "offer":
                    moves.offer(tx, case, self._offered(case))
                case "counter":
                    moves.counter(tx, case, case.policy)
                case "accept":
                    moves.accept(tx, case)
                case "agree":
                    offer, dataset = self._catalogue.published(
                        tx, case.participant, self._partner.seeker, case.offer
                    )  # fmt: skip
                    moves.agree(tx, case, self._partner, offer, dataset)
                case "verify":
                    moves.verify(tx, case, None)
                case "finalize":
                    assert case.agreement is not None
                    agreement = moves.agreements.get(tx, case.participant, case.agreement)
                    moves.finalize(tx, case, agreement, None)
                case "terminate":
                    moves.terminate(tx, case, "1", because("reason.none"))
                case _:
                    raise AssertionError(move)
        except Illegal:
            return  # the kit was faster: the state that the cue was for is gone

    def _offered(self, case: Case) -> dict[str, object]:
        return {**case.policy, "@id": offer_of(case.dataset)}
