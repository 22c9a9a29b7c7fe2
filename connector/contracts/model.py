"""A negotiation (one DSP process, either role) and the agreement that comes of it."""

from typing import Any, Literal

import msgspec

from connector.protocol.negotiation import Negotiation, shown

AgreementState = Literal["signed", "one-sided", "finalized", "terminated"]


class Case(msgspec.Struct, frozen=True, kw_only=True):
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

    @property
    def provider_pid(self) -> str | None:
        return self.id if self.kernel.role == "provider" else self.kernel.peer_pid

    @property
    def consumer_pid(self) -> str | None:
        return self.id if self.kernel.role == "consumer" else self.kernel.peer_pid

    @property
    def shown(self) -> str:
        """The DSP state that a GET shows: the target of what is on its way (dataspace-protocol.md 1.6)."""
        return str(shown(self.kernel))


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `agreement`. `document` are the canonical bytes as signed; `facts` what the text was made from."""

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

    @property
    def uuid(self) -> str:
        return self.id.removeprefix("urn:uuid:")

    @property
    def in_force(self) -> bool:
        """Whether it was concluded; whether time has ended it is the policy's word."""
        return self.state in ("finalized", "one-sided")

    @property
    def policy(self) -> dict[str, Any]:
        document = msgspec.json.decode(self.document)
        assert isinstance(document, dict)
        return document


class EvidenceObject(msgspec.Struct, frozen=True, kw_only=True):
    """A referenced object of a seal (contracts.md 5), addressed by the SHA-256 of its raw bytes."""

    name: str
    sha256: str
    media_type: str
    body: bytes
