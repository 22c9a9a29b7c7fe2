"""What a kind of source is: its name, what a steward is asked for, the look at it beforehand, and how it is opened.

A new kind is one module with one such value, its words in both languages, and its name in `kinds.STANDARD`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeVar, cast

from msgspec import NODEFAULT, Meta, Struct, ValidationError, convert, inspect
from msgspec.structs import fields

from connector.data.sources.model import Readable, Source
from connector.foundation.errors import Mistake
from connector.foundation.http.outbound import SafeClient

Asked = Literal["text", "address", "secret"]
"""How a parameter is asked for. What is secret is shown to nobody again."""
Resumes = Literal["yes", "if-served", "no"]
"""Whether a transfer that breaks off goes on where it stopped; `if-served`: as the other server answers."""

_LINE: Final = r"^[^\x00-\x1f\x7f]+$"
Text = Annotated[str, Meta(max_length=500, pattern=_LINE, extra={"asked": "text"})]
Address = Annotated[str, Meta(max_length=2_000, pattern=_LINE, extra={"asked": "address"})]
SecretText = Annotated[str, Meta(max_length=2_000, pattern=r"^[!-~](?:[ -~]*[!-~])?$", extra={"asked": "secret"})]
"""As it stands in a header: one line of ASCII without a space at its ends."""


class Parameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one kind asks for: each field a text that is annotated as one of the above; with a default it may be left
    out."""


class Parameter(Struct, frozen=True):
    """One of them, as a surface asks for it."""

    name: str
    asked: Asked
    required: bool


class Incoming(Protocol):
    """A body as it comes in."""

    async def read(self, n: int = -1) -> bytes: ...


class Found(Struct, frozen=True, kw_only=True):
    """What lies there now; `bytes` as announced, if anything."""

    name: str
    bytes: int | None
    incoming: Incoming


class Ways(Struct, frozen=True):
    """The ways to bytes: the folder of a participant (by its short name), and the guarded way out."""

    folder: Callable[[str], Path]
    http: SafeClient


P = TypeVar("P", bound=Parameters)


class Form(Struct, Generic[P], frozen=True, kw_only=True):
    """How a steward registers a source of a kind.

    `location` names the parameter that is the source's location. `check` raises Mistake for values that can never lead
    to data. `look` opens what lies there now, and raises Mistake or Unavailable.
    """

    parameters: type[P]
    location: str
    check: Callable[[Ways, P], None]
    look: Callable[[Ways, P], AbstractAsyncContextManager[Found]]


class Kind(Struct, Generic[P], frozen=True, kw_only=True):
    """`form` is None where sources come in another way. `open` takes the participant, its source and what is secret
    of it by the names of the parameters."""

    name: str
    resumes: Resumes
    form: Form[P] | None = None
    open: Callable[[Ways, str, Source, Mapping[str, str]], Readable]


def asked(form: Form[Any]) -> tuple[Parameter, ...]:
    """In the order in which they are asked for."""
    return tuple(
        Parameter(field.encode_name, _asked(field.type), field.default is NODEFAULT)
        for field in fields(form.parameters)
    )


def _asked(annotated: Any) -> Asked:
    found = inspect.type_info(annotated)
    return cast(Asked, (getattr(found, "extra", None) or {})["asked"])


def read(form: Form[P], given: Mapping[str, str]) -> P:
    """What was given, with nothing left out that is needed; what is empty was not given. Raises Mistake by its name."""
    filled = {name: value.strip() for name, value in given.items() if value.strip()}
    types = {field.encode_name: field.type for field in fields(form.parameters)}
    for name in sorted(filled.keys() - types.keys()):
        raise Mistake("sources.unknown-parameter", name=name[:80], known=", ".join(types))
    for one in asked(form):
        if one.name not in filled and one.required:
            raise Mistake("sources.missing", name=one.name)
        if one.name in filled:
            _fits(one.name, filled[one.name], types[one.name])
    return convert(filled, form.parameters)


def _fits(name: str, value: str, annotated: Any) -> None:
    try:
        convert(value, annotated)
    except ValidationError as cause:
        raise Mistake("sources.parameter", name=name) from cause


class Split(Struct, frozen=True):
    """Values by where they are kept: the location, what may be shown, and what is secret."""

    location: str
    shown: Mapping[str, str]
    secret: Mapping[str, str]


def split(form: Form[P], values: P) -> Split:
    """Where each of these values belongs."""
    given: dict[str, str] = {one.name: getattr(values, one.name) for one in asked(form) if getattr(values, one.name)}
    secret = {one.name for one in asked(form) if one.asked == "secret"}
    return Split(
        location=given[form.location],
        shown={name: value for name, value in given.items() if name not in secret | {form.location}},
        secret={name: value for name, value in given.items() if name in secret},
    )
