"""Every message of the Dataspace Protocol 2025-1 as a frozen value, named as its `@type` (spec/protocol.md 2).

A value that exists is well-formed: what types cannot say is checked when it is built (`Malformed`). Policies and
catalogue entries stay the plain JSON that was sent, because signatures and digests need exactly that.
Our own members have absolute IRIs, so peers that do not know them skip them.
"""

from typing import Any, Literal

from msgspec import Struct, field

from connector.kernel.protocol import shape
from connector.kernel.protocol.shape import Malformed

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
HANSE = "https://w3id.org/hanse/v1#"

Plain = dict[str, Any]


def _wire(name: str) -> str:
    """`callback_address` -> `callbackAddress`; `id` and `endpoint_url` have names of their own."""
    if name in _NAMES:
        return _NAMES[name]
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_NAMES = {
    "id": "@id",
    "endpoint_url": "endpointURL",
    "purpose": HANSE + "purpose",
    "action": HANSE + "action",
    "agreement_signature": HANSE + "agreementSignature",
    "second_signature": HANSE + "agreementSignaturePq",
    "evidence": HANSE + "evidence",
    "countersignature": HANSE + "countersignature",
    "replaces": HANSE + "replaces",
}


class _Typed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="@type", tag=True, rename=_wire):
    """Anything with an `@type`; optional members are None when absent."""


class _Message(_Typed, frozen=True, kw_only=True):
    """`id` is fresh for a new message and the same on a retry; None only from peers that send none."""

    id: str | None = None


class _Pids(_Message, frozen=True, kw_only=True):
    provider_pid: str
    consumer_pid: str


class _Reasoned(_Pids, frozen=True, kw_only=True):
    code: str | None = None
    reason: list[Any] | None = None

    def __post_init__(self) -> None:
        _not_empty(self.reason, "/reason")


def _not_empty(values: list[Any] | None, at: str) -> None:
    if values is not None and not values:
        raise Malformed(at, "empty")


def _one_of(one: str | None, other: str | None) -> None:
    if (one is None) == (other is None):
        raise Malformed("", "one-of")


# Catalogue


class CatalogRequestMessage(_Message, frozen=True, kw_only=True):
    """An empty `filter` means no filter."""

    filter: list[Any] | None = None


class DatasetRequestMessage(_Message, frozen=True, kw_only=True):
    dataset: str


class DataService(_Typed, frozen=True, kw_only=True):
    """`endpoint_url` is the base that negotiation and transfer paths extend."""

    id: str
    endpoint_url: str
    endpoint_description: str | None = None


class Distribution(_Typed, frozen=True, kw_only=True):
    """`format` names the transport, not the media type."""

    format: str
    access_service: DataService | str
    has_policy: list[Plain] | None = None


class Dataset(_Typed, frozen=True, kw_only=True):
    """A dataset as root document; `extra` are its DCAT members, which travel beside the others."""

    id: str
    has_policy: list[Plain]
    distribution: list[Plain]
    countersignature: str | None = None
    extra: Plain = field(default_factory=dict, name="")

    def __post_init__(self) -> None:
        whole = {"@id": self.id, "hasPolicy": self.has_policy, "distribution": self.distribution}
        shape.dataset(whole, "")


class Catalog(_Typed, frozen=True, kw_only=True):
    """A root catalogue; lists are omitted when there is nothing to list. `extra` as in `Dataset`."""

    id: str
    participant_id: str
    dataset: list[Plain] | None = None
    catalog: list[Plain] | None = None
    service: list[Plain] | None = None
    distribution: list[Plain] | None = None
    extra: Plain = field(default_factory=dict, name="")

    def __post_init__(self) -> None:
        lists = {name: getattr(self, name) for name in ("dataset", "catalog", "service", "distribution")}
        present = {name: values for name, values in lists.items() if values is not None}
        shape.catalogue({**self.extra, "@id": self.id, "@type": "Catalog", **present}, "")


class CatalogError(_Message, frozen=True, kw_only=True):
    code: str | None = None
    reason: list[Any] | None = None


# Contract negotiation


class ContractRequestMessage(_Message, frozen=True, kw_only=True):
    """A first request (`callback_address`) or a counter-offer (`provider_pid`), never both."""

    consumer_pid: str
    offer: Plain
    callback_address: str | None = None
    provider_pid: str | None = None
    purpose: str | None = None
    action: str | None = None
    replaces: str | None = None

    def __post_init__(self) -> None:
        _one_of(self.callback_address, self.provider_pid)
        shape.message_offer(self.offer, "/offer")


class ContractOfferMessage(_Message, frozen=True, kw_only=True):
    """A first offer (`callback_address`) or an answer to a request (`consumer_pid`), never both."""

    provider_pid: str
    offer: Plain
    callback_address: str | None = None
    consumer_pid: str | None = None

    def __post_init__(self) -> None:
        _one_of(self.callback_address, self.consumer_pid)
        shape.message_offer(self.offer, "/offer")


class ContractAgreementMessage(_Pids, frozen=True, kw_only=True):
    """The signature covers `agreement` exactly as it stands here.

    A second one, by ML-DSA, is a string too; what stands there instead spoils no contract, so it is judged later.
    """

    agreement: Plain
    agreement_signature: str | None = None
    second_signature: Any = None

    def __post_init__(self) -> None:
        shape.agreement(self.agreement, "/agreement")


class ContractAgreementVerificationMessage(_Pids, frozen=True, kw_only=True):
    agreement_signature: str | None = None
    second_signature: Any = None


class ContractNegotiationEventMessage(_Pids, frozen=True, kw_only=True):
    """`evidence` only on FINALIZED."""

    event_type: Literal["ACCEPTED", "FINALIZED"]
    evidence: str | None = None


class ContractNegotiationTerminationMessage(_Reasoned, frozen=True, kw_only=True):
    pass


class ContractNegotiation(_Pids, frozen=True, kw_only=True):
    state: Literal["REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED"]


class ContractNegotiationError(_Reasoned, frozen=True, kw_only=True):
    pass


# Transfer process


class EndpointProperty(_Typed, frozen=True, kw_only=True):
    name: str
    value: str


class DataAddress(_Typed, frozen=True, kw_only=True):
    """Where and how the data is to be had; it may hold a token, so it belongs into no log."""

    endpoint_type: str
    endpoint: str | None = None
    endpoint_properties: list[EndpointProperty] | None = None

    def __post_init__(self) -> None:
        _not_empty(self.endpoint_properties, "/endpointProperties")


class TransferRequestMessage(_Message, frozen=True, kw_only=True):
    """`data_address` only for push."""

    consumer_pid: str
    agreement_id: str
    format: str
    callback_address: str
    data_address: DataAddress | None = None
    purpose: str | None = None
    action: str | None = None


class TransferStartMessage(_Pids, frozen=True, kw_only=True):
    """`data_address` from its owner; a bare start asks the owner for one."""

    data_address: DataAddress | None = None


class TransferCompletionMessage(_Pids, frozen=True, kw_only=True):
    pass


class TransferSuspensionMessage(_Reasoned, frozen=True, kw_only=True):
    pass


class TransferTerminationMessage(_Reasoned, frozen=True, kw_only=True):
    pass


class TransferProcess(_Pids, frozen=True, kw_only=True):
    state: Literal["REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"]


class TransferError(_Reasoned, frozen=True, kw_only=True):
    pass
