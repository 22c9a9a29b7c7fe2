"""A negotiation (one DSP process, either role) and the agreement that comes of it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from connector.exchange.contracts.approval import Approval
from connector.kernel.protocol.negotiation import Negotiation, shown

SMALL = 16_384
"""Bytes of an agreement up to which its value is kept for a while."""
AgreementState = Literal["signed", "one-sided", "finalized", "terminated", "ended"]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a row holds of the columns that seldom change: they are written only if they differ (decision 0088)."""

    peer_pid: str | None
    settled: bool
    offer: str
    policy: dict[str, Any]
    purpose: str | None
    action: str | None


class NegotiationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `negotiation`: the kernel's state beside what the services need to know about it.

    `address` is the peer's DSP base, `policy` the terms that were said last, by whichever side, as a message offer;
    `offer` is the provider's id for them. `proposed`: the provider began. `states` are those it went through.
    """

    participant: str
    id: str
    counterparty: str
    address: str
    kernel: Negotiation
    version: int
    dataset: str
    offer: str
    policy: dict[str, Any]
    purpose: str | None
    action: str | None
    agreement: str | None
    reason: dict[str, list[str]] | None
    created_at: int
    changed_at: int
    proposed: bool = False
    states: tuple[str, ...] = ()
    standing: dict[str, Any] | None = None
    """The terms before ours that are still under way; a refusal brings them back."""
    deferred: tuple[str, ...] = ()
    """As provider: where in the offer only a later phase decides, as JSON pointers, since we last decided."""
    approval: Approval | None = None
    """The person who decided, or all of them (`Joint`); None if a rule does."""
    replaces: str | None = None
    """The digest of the agreement that the one to come takes the place of."""
    title: str = ""
    """Of the dataset, as it stood in the catalogue when the negotiation began; a peer's words, for people only."""
    stored: Stored | None = None
    """As it was read or saved last; None before it was saved at all."""
    asked: bool = True
    """Whether a question about it may wait for a person; False only where the database said so as the row was read."""

    @property
    def provider_pid(self) -> str | None:
        return self.id if self.kernel.role == "provider" else self.kernel.peer_pid

    @property
    def consumer_pid(self) -> str | None:
        return self.id if self.kernel.role == "consumer" else self.kernel.peer_pid

    @property
    def shown(self) -> str:
        """The DSP state that a GET shows: the target of what is on its way (spec/protocol.md 3.3)."""
        return str(shown(self.kernel))


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `agreement`. `document` are the canonical bytes as signed.

    `facts` is empty: what a text was made from stands in the objects that are signed with it.
    """

    participant: str
    id: str
    negotiation: str
    role: str
    counterparty: str
    dataset: str
    state: AgreementState
    document: bytes
    digest: str
    provider_jws: str | None
    consumer_jws: str | None
    facts: dict[str, Any]
    expires_at: int | None
    created_at: int
    finalized_at: int | None
    first_access: int | None = None
    """As provider: when the first byte under it was asked for and permitted (ms)."""
    ended_at: int | None = None
    """When a statement or another agreement ended it (ms); what it was agreed to end at is `expires_at`."""
    replaces: str | None = None
    """The digest of the agreement that this one takes the place of."""

    @property
    def uuid(self) -> str:
        return self.id.removeprefix("urn:uuid:")

    @property
    def own_did(self) -> str:
        """The DID by which the document names the participant: not its present one if it has moved since."""
        return str(self.policy["assigner" if self.role == "provider" else "assignee"])

    @property
    def parties(self) -> tuple[str, str]:
        """The DIDs of provider and consumer that the document names."""
        return str(self.policy["assigner"]), str(self.policy["assignee"])

    @property
    def in_force(self) -> bool:
        """Whether it was concluded; whether time has ended it is the policy's word."""
        return self.state in ("finalized", "one-sided")

    @property
    def concluded(self) -> bool:
        """Whether it ever came into force, so that there is evidence of it and duties may follow from it."""
        return self.in_force or self.state == "ended"

    @property
    def end(self) -> int | None:
        """When it ends or has ended (ms), as far as that is known."""
        return min((at for at in (self.expires_at, self.ended_at) if at is not None), default=None)

    @property
    def policy(self) -> Mapping[str, Any]:
        """The value of the document, which nobody changes."""
        return _small(self.document) if len(self.document) <= SMALL else _read(self.document)


class EvidenceObject(msgspec.Struct, frozen=True, kw_only=True):
    """A referenced object of a seal (spec/contracts.md 1.3), addressed by the SHA-256 of its raw bytes."""

    name: str
    sha256: str
    media_type: str
    body: bytes


def _read(document: bytes) -> Mapping[str, Any]:
    return msgspec.json.decode(document, type=dict[str, Any])


@lru_cache(maxsize=256)
def _small(document: bytes) -> Mapping[str, Any]:
    """It is asked for a dozen times while an agreement is made."""
    return _read(document)
