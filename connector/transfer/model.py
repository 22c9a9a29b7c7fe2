"""A transfer process under an agreement, in either role."""

from typing import Literal

import msgspec

from connector.protocol.transfer import Transfer, shown

Outcome = Literal["received", "refused", "broken", "delivered"]
PULL = "HttpData-PULL"


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `transfer`. `reason` holds the sentences of a refusal, German and English."""

    participant: str
    id: str
    counterparty: str
    address: str
    kernel: Transfer
    version: int
    agreement: str
    format: str
    purpose: str | None
    action: str | None
    outcome: Outcome | None
    reason: dict[str, list[str]] | None
    bytes: int
    sha256: str | None
    created_at: int
    changed_at: int

    @property
    def provider_pid(self) -> str | None:
        return self.id if self.kernel.role == "provider" else self.kernel.peer_pid

    @property
    def consumer_pid(self) -> str | None:
        return self.id if self.kernel.role == "consumer" else self.kernel.peer_pid

    @property
    def shown(self) -> str:
        return str(shown(self.kernel))
