"""Plain JSON values to messages and back: decoding is validating, and what we send is encoded from the same values.

Upholds the fixed outer form: `@context` is an array that holds the one context, `@type` a string
(spec/protocol.md 2.1). Input must already be strictly parsed; foreign JSON-LD is made plain elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from connector.foundation.canonical_json import encode as canonical
from connector.kernel.protocol import messages, shape
from connector.kernel.protocol.messages import CONTEXT
from connector.kernel.protocol.shape import Malformed, json_object, point, short

__all__ = ["CONTEXT", "TYPES", "Malformed", "decode", "digest", "encode", "plain"]

M = TypeVar("M", bound=msgspec.Struct)

_ROOTS = (
    messages.CatalogRequestMessage,
    messages.DatasetRequestMessage,
    messages.Catalog,
    messages.Dataset,
    messages.CatalogError,
    messages.ContractRequestMessage,
    messages.ContractOfferMessage,
    messages.ContractAgreementMessage,
    messages.ContractAgreementVerificationMessage,
    messages.ContractNegotiationEventMessage,
    messages.ContractNegotiationTerminationMessage,
    messages.ContractNegotiation,
    messages.ContractNegotiationError,
    messages.TransferRequestMessage,
    messages.TransferStartMessage,
    messages.TransferCompletionMessage,
    messages.TransferSuspensionMessage,
    messages.TransferTerminationMessage,
    messages.TransferProcess,
    messages.TransferError,
)
TYPES: Mapping[str, type[msgspec.Struct]] = MappingProxyType({root.__name__: root for root in _ROOTS})
"""`@type` -> class, for everything that stands alone on the wire."""

_OPENING = msgspec.json.encode({"@context": [CONTEXT]})[:-1] + b","
"""Before the members of a message, of which `@type` is always one."""
_MEMBER = re.compile(r"\.(https?://[^`]*|@?[A-Za-z]+)|\[(\d+)\]")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def decode(cls: type[M], value: object) -> M:
    """The message; raises Malformed. Members that nobody knows are skipped, or kept in `extra` where there is one."""
    members = json_object(value, "")
    if "" in members:  # nobody knows it, but it is how `extra` is called in here
        members = {name: item for name, item in members.items() if name}
    _envelope(members, cls.__name__)
    _no_nulls(members, cls, "")
    for name in ("providerPid", "consumerPid", "agreementId"):
        short(members, name, "")
    if "extra" in cls.__struct_fields__:
        members = {**members, "": _extra(members, cls)}
    try:
        return msgspec.convert(members, cls)
    except msgspec.ValidationError as error:
        raise _malformed(error) from error


def public_dataset(value: object) -> dict[str, Any]:
    """A dataset without offers as an inventory shows it, without `@context`; raises Malformed."""
    members = json_object(value, "")
    _envelope(members, messages.Dataset.__name__)
    shape.public_dataset(members, "")
    return {name: item for name, item in members.items() if name not in ("", "@context")}


def encode(message: msgspec.Struct) -> bytes:
    """The message as JSON for the wire, with `@context` and `@type`, without absent members."""
    if "extra" in message.__struct_fields__:  # its members stand beside the others
        return msgspec.json.encode({"@context": [CONTEXT], **plain(message)})
    return _OPENING + msgspec.json.encode(message)[1:]


def plain(message: msgspec.Struct) -> dict[str, Any]:
    """The message as a JSON value without `@context`, for use inside another document."""
    members: dict[str, Any] = msgspec.to_builtins(message)
    extra = members.pop("", {})
    return {**extra, **members}


def digest(value: object) -> str:
    """Hex SHA-256 over the members in sorted order, `@id` included: equal for repetitions, however they are written."""
    known = canonical(value)
    if known is None or not known.isascii() or b"\x7f" in known:  # here those are escaped
        known = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    return hashlib.sha256(known).hexdigest()


def _envelope(members: Mapping[str, Any], name: str) -> None:
    context = members.get("@context")
    if not isinstance(context, list) or not all(isinstance(entry, str) for entry in context):
        raise Malformed("/@context", "context")
    if CONTEXT not in context:
        raise Malformed("/@context", "context")
    # Only a dataset may come without its type: its schema does not demand one.
    if members.get("@type", "Dataset") != name:
        raise Malformed("/@type", "type")


def _no_nulls(members: Mapping[str, Any], cls: type[msgspec.Struct], at: str) -> None:
    """`null` is valid for no member that we know (inside policies their own check says so)."""
    for name in cls.__struct_encode_fields__:
        if name in members and members[name] is None:
            raise Malformed(point(at, name), "null")
    address = members.get("dataAddress")
    if isinstance(address, dict):
        _address(address, point(at, "dataAddress"))


def _address(address: Mapping[str, Any], at: str) -> None:
    """The parts of an address must name their types, which the decoder alone would take for granted."""
    _no_nulls(address, messages.DataAddress, at)
    if address.get("@type") != "DataAddress":
        raise Malformed(point(at, "@type"), "type")
    properties = address.get("endpointProperties")
    for index, entry in enumerate(properties if isinstance(properties, list) else ()):
        if isinstance(entry, dict) and entry.get("@type") != "EndpointProperty":
            raise Malformed(point(point(point(at, "endpointProperties"), index), "@type"), "type")


def _extra(members: Mapping[str, Any], cls: type[msgspec.Struct]) -> dict[str, Any]:
    known = {"@context", "@type", *cls.__struct_encode_fields__}
    return {name: value for name, value in members.items() if name not in known}


def _malformed(error: msgspec.ValidationError) -> Malformed:
    """Our own finding, placed where the decoder was, or the decoder's sentence as pointer and code."""
    sentence, _, path = str(error).partition(" - at `$")
    at = "".join(point("", member or index) for member, index in _MEMBER.findall(path.removesuffix("`")))
    if isinstance(error.__cause__, Malformed):
        return Malformed(at + error.__cause__.pointer, error.__cause__.code)
    missing = _MISSING.search(sentence)
    if missing:
        return Malformed(point(at, missing[1]), "missing")
    return Malformed(at, "value" if sentence.startswith("Invalid") else "json-type")
