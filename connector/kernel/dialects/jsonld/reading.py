"""The slow path: reads a message that the codec could not take as it stands, or says what is wrong (decision 0013).

Synchronous and bounded, for a thread beside the event loop. What was read once is remembered by the digest of the
value, because a peer that gets no answer repeats itself.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any, TypeVar

import msgspec

from connector.kernel.dialects.jsonld.expansion import expand
from connector.kernel.dialects.jsonld.explain import Finding, UnreadableMessage, findings, of
from connector.kernel.dialects.jsonld.grammar import TERMS
from connector.kernel.dialects.jsonld.names import Names, names_of
from connector.kernel.dialects.jsonld.plain import Walk
from connector.kernel.protocol import codec
from connector.kernel.protocol.codec import CONTEXT, Malformed

M = TypeVar("M", bound=msgspec.Struct)

REMEMBERED = 64
LARGEST = 65_536
"""Bytes of the largest form that is remembered; all of them together stay below 4 MiB."""
_EXPANDED = Names(bare=False, declared={})


class Form(msgspec.Struct, frozen=True):
    """A document in plain form. `places` leads from its pointers to those of the document, where they differ."""

    value: Any
    places: dict[str, str]
    rewritten: bool


class _Remembered:
    """The last plain forms, as text; safe to use from several threads."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, str], bytes | tuple[Finding, ...]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> bytes | tuple[Finding, ...] | None:
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
            return self._texts.get(key)

    def put(self, key: tuple[str, str], form: bytes | tuple[Finding, ...]) -> None:
        if isinstance(form, bytes) and len(form) > LARGEST:
            return
        with self._lock:
            self._texts[key] = form
            while len(self._texts) > REMEMBERED:
                self._texts.popitem(last=False)


_REMEMBERED = _Remembered()


def read(cls: type[M], value: Any, code: str = "peer.message") -> M:
    """The message in `value`, a JSON value strictly read; raises UnreadableMessage. `code` as in it."""
    key = (cls.__name__, codec.digest(value))
    known = _REMEMBERED.get(key)
    if isinstance(known, tuple):
        raise UnreadableMessage(code, cls.__name__, known)
    if known is not None:
        return codec.decode(cls, msgspec.json.decode(known))
    form, told = _formed(cls, value)
    if form is None:
        _REMEMBERED.put(key, told)
        raise UnreadableMessage(code, cls.__name__, told)
    message = codec.decode(cls, form)
    # An address may hold a token; that is remembered nowhere but with its transfer.
    if "data_address" not in cls.__struct_fields__:
        _REMEMBERED.put(key, msgspec.json.encode(form))
    return message


def _formed(cls: type[M], value: Any) -> tuple[Any, tuple[Finding, ...]]:
    """The plain form if it is a message, else what is wrong, with pointers into the document that came."""
    try:
        form = plain_form(cls, value)
    except Malformed as fault:
        return None, (of(fault),)
    except RecursionError:
        return None, (of(Malformed("", "depth")),)
    try:
        codec.decode(cls, form.value)
        _as_sealed(cls, form)
    except Malformed as fault:
        found = (of(fault),) if fault.code == "sealed" else findings(cls, form.value, fault)
        return None, tuple(msgspec.structs.replace(one, pointer=_origin(form, one.pointer)) for one in found)
    return form.value, ()


def plain_form(cls: type[msgspec.Struct], value: Any) -> Form:
    """The document as the codec wants it, as far as it can be made so; raises Malformed where it must not be read."""
    if not isinstance(_root(value), dict):
        return Form(value, {}, False)
    names = _names(value)
    return _processed(cls, value) if names is None else _walked(cls, value, names)


def needs_processor(value: Any) -> bool:
    """Whether reading the document takes a JSON-LD processor."""
    try:
        return isinstance(_root(value), dict) and _names(value) is None
    except Malformed:
        return False


def _root(value: Any) -> Any:
    """An expanded document is a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _names(value: Any) -> Names | None:
    """What the context declares, if there is but one, and it declares only prefixes."""
    root = _root(value)
    names = names_of(root.get("@context"), TERMS)
    return None if _contexts(root) > ("@context" in root) else names


def _contexts(value: Any) -> int:
    """How many objects bring a context; level by level, so that depth costs no stack."""
    level, seen = [value], 0
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                seen += "@context" in item
                below += item.values()
            elif isinstance(item, list):
                below += item
        level = below
    return seen


def _processed(cls: type[msgspec.Struct], value: Any) -> Form:
    expanded = expand(value)
    if len(expanded) != 1:
        raise Malformed("", "json-ld")
    # Its places are those of a form that nobody sent.
    return msgspec.structs.replace(_walked(cls, expanded, _EXPANDED), places={})


def _walked(cls: type[msgspec.Struct], value: Any, names: Names) -> Form:
    walk = Walk(names)
    members = walk.document(value, cls.__name__)
    if not isinstance(members, dict):
        return Form(members, walk.places, False)
    if not names.bare and not _speaks(members):
        raise Malformed("/@context", "no-context")
    return Form({"@context": [CONTEXT], **members}, walk.places, bool(walk.touched))


def _speaks(members: dict[str, Any]) -> bool:
    """Whether anything in it was recognised as the protocol's."""
    type_ = members.get("@type")
    return any(name in TERMS for name in members) or (isinstance(type_, str) and type_ in TERMS)


def _as_sealed(cls: type[msgspec.Struct], form: Form) -> None:
    """A seal covers the agreement as it was spelled; only that spelling can be shown to people and kept with it."""
    seal = form.value.get(_SEAL) if cls.__name__ == "ContractAgreementMessage" else None
    if seal is not None and form.rewritten:
        raise Malformed("/agreement", "sealed")


_SEAL = "https://w3id.org/hanse/v1#agreementSignature"


def _origin(form: Form, pointer: str) -> str:
    """The pointer in the document that came: the nearest known place above, and the rest as it is."""
    head, rest = pointer, ""
    while head not in form.places and head:
        head, _, last = head.rpartition("/")
        rest = f"/{last}{rest}"
    return form.places.get(head, head) + rest
