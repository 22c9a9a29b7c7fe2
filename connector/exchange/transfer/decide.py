"""Decides our next step after each change of a transfer's state: the one place where Hanse acts on transfers by itself.

Asked in the transaction that brought the transfer there. Who owns the data address serves it and hands out a fresh one
after a suspension; the other side moves the bytes (spec/data-plane.md 3).
"""

from typing import Protocol

import msgspec

from connector.exchange.contracts.partner import Partner
from connector.exchange.effects import SETTLING_MS
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.send import TransferSender
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review
from connector.kernel.protocol import messages as m
from connector.kernel.protocol import transfer as kernel
from connector.kernel.protocol.process import Role
from connector.kernel.protocol.transfer import State


class ReceivedTransferMessage(msgspec.Struct, frozen=True):
    """What the peer just said: who it is, the message, and the transfer before it (None: it is the first message)."""

    partner: Partner
    message: msgspec.Struct
    before: TransferRow | None = None

    @property
    def resumes(self) -> bool:
        """A START that ends a suspension."""
        suspended = self.before is not None and self.before.shown == State.SUSPENDED
        return suspended and isinstance(self.message, m.TransferStartMessage)


class DecideTransfer(Protocol):
    def after(self, tx: Tx, process: TransferRow, turn: ReceivedTransferMessage | None) -> TransferRow:
        """The transfer reached `process.kernel.state`, by the peer's word, or (no `turn`) by its answer to ours."""


class TransferDecider:
    """The course of a real connector: what was agreed and is permitted now happens at once."""

    def __init__(self, sender: TransferSender, decisions: TransferDecisions) -> None:
        self._sender, self._decisions = sender, decisions

    def after(self, tx: Tx, process: TransferRow, turn: ReceivedTransferMessage | None) -> TransferRow:
        if process.kernel.pending is not None or kernel.terminating(process.kernel):
            return process
        match process.kernel.state:
            case State.REQUESTED if process.kernel.role is Role.PROVIDER:
                first = turn is not None and turn.before is None
                return self._decide(tx, process, tx.now + SETTLING_MS if first else None)
            case State.STARTED | State.SUSPENDED if process.held is not None:
                return self._held(tx, process, turn)
            case State.STARTED if not process.owned:
                return self._move(tx, process)
            case State.STARTED if turn is not None and turn.resumes:
                return self._decide(tx, process) if process.kernel.role is Role.PROVIDER else self._renew(tx, process)
            case _:
                return process  # the next word is the peer's, or none

    def _decide(self, tx: Tx, process: TransferRow, due_at: int | None = None) -> TransferRow:
        """As provider: by the policy as it stands now, when it begins and whenever it is resumed.

        A duty not done ends what has not begun and holds what has.
        """
        agreement = self._decisions.load(tx, self._sender.agreement(tx, process))
        history = self._decisions.history(tx, agreement)
        decision = self._decisions.at_request(agreement, process, history).examine()
        standing = self._decisions.standing(agreement, process, history)
        blocked = bool(standing.verdict().suspended)
        if decision.permit and blocked:
            decision = standing.examine()
        self._decisions.book(tx, self._sender, process, decision)
        reasons = self._decisions.reasons(decision)
        if blocked and process.kernel.state is State.STARTED:
            return self._sender.hold(tx, process, "duty", reasons)
        if not decision.permit:
            return self._sender.terminate(tx, process, "policy", reasons, due_at=due_at)
        if agreement.moved_on is not None:
            return self._sender.terminate(tx, process, "version", agreement.moved_on, due_at=due_at)
        if (at := standing.next_change()) is not None:
            review(tx, process.participant, process.agreement, at)
        return self._sender.start(tx, process)

    def _held(self, tx: Tx, process: TransferRow, turn: ReceivedTransferMessage | None) -> TransferRow:
        """As provider: what we hold is judged anew when the peer wants it to go on, or has answered what we said."""
        if process.kernel.state is State.SUSPENDED:
            review(tx, process.participant, process.agreement, tx.now)
            return process
        agreement = self._decisions.load(tx, self._sender.agreement(tx, process))
        standing = self._decisions.standing(agreement, process, self._decisions.history(tx, agreement))
        if not standing.permits():
            decision = standing.examine()
            return self._sender.hold(tx, process, decision.held, self._decisions.reasons(decision))
        if turn is not None and turn.resumes:
            return self._sender.start(tx, process)
        return self._sender.release(tx, process)

    def _renew(self, tx: Tx, process: TransferRow) -> TransferRow:
        """As consumer of a push that the provider resumes: a fresh key for our door."""
        return self._sender.start(tx, process)

    def _move(self, tx: Tx, process: TransferRow) -> TransferRow:
        """We move the bytes; those that are all there already, since before a suspension, need only the last word."""
        if process.outcome in ("received", "delivered"):
            return self._sender.complete(tx, process)
        self._sender.move(tx, process)
        return process
