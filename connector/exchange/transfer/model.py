"""A transfer process under an agreement, in either role."""

from typing import Final, Literal

import msgspec

from connector.kernel.protocol.process import Role
from connector.kernel.protocol.transfer import Transfer, shown

Outcome = Literal["received", "refused", "broken", "delivered"]
Held = Literal["duty", "policy"]
Mode = Literal["pull", "push"]
PULL: Final = "HttpData-PULL"
PUSH: Final = "HttpData-PUSH"
FORMATS: Final[dict[Mode, str]] = {"pull": PULL, "push": PUSH}


class TransferRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `transfer`. `reason` holds the sentences of a refusal or suspension, German and English."""

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
    held: Held | None = None
    """As provider: we hold it until its policy permits it again, because of a duty not done or of the rest of it."""

    @property
    def provider_pid(self) -> str | None:
        return self.id if self.kernel.role == "provider" else self.kernel.peer_pid

    @property
    def consumer_pid(self) -> str | None:
        return self.id if self.kernel.role == "consumer" else self.kernel.peer_pid

    @property
    def owned(self) -> bool:
        """Whether the data address is ours: we serve, and the peer moves the bytes."""
        return self.kernel.role is self.kernel.owner

    @property
    def shown(self) -> str:
        return str(shown(self.kernel))


def owner(format_: str) -> Role:
    """Who serves the data address (spec/data-plane.md 1.1)."""
    return Role.CONSUMER if format_ == PUSH else Role.PROVIDER
