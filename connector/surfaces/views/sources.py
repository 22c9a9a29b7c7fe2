"""Sources: which kinds there are and what each asks for, and those that wait to be published.

No view has a place for what is secret: of a login it says that there is one.
"""

from typing import Any

import msgspec

from connector.data.sources.kind import Asked, Kind, Parameter, Resumes, asked
from connector.data.sources.model import Source
from connector.foundation.language import LANGUAGES, say
from connector.surfaces.views.fields import Sentences, Time, time


class SourceParameterView(msgspec.Struct, frozen=True, kw_only=True):
    """`asked`: how a form asks for it. A `secret` is shown to nobody again."""

    name: str
    asked: Asked
    required: bool
    label: Sentences
    hint: Sentences


class SourceKindView(msgspec.Struct, frozen=True, kw_only=True):
    """`resumes`: whether a transfer that breaks off goes on where it stopped; `if-served`: as the other server
    answers."""

    kind: str
    title: Sentences
    resumes: Resumes
    parameters: list[SourceParameterView]


class SourceKindsView(msgspec.Struct, frozen=True):
    kinds: list[SourceKindView]


class RegisteredSourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source that no dataset has or had; `source` is what publishing names. `bytes` and `sha256` are null where the
    data are fetched whenever somebody asks (`live`)."""

    source: str
    kind: str
    name: str
    media_type: str
    live: bool
    location: str
    parameters: dict[str, str]
    secrets: bool
    bytes: int | None
    sha256: str | None
    created_at: Time | None


class RegisteredSourcesView(msgspec.Struct, frozen=True):
    """The newest first."""

    sources: list[RegisteredSourceView]


class SourceMadeView(msgspec.Struct, frozen=True, kw_only=True):
    """A live source; `source` is what publishing names."""

    source: str
    media_type: str


def kind(one: Kind[Any]) -> SourceKindView:
    """Of a kind that somebody can be asked for."""
    known = () if one.form is None else asked(one.form)
    return SourceKindView(
        kind=one.name,
        title=_said(f"source.{one.name}.title"),
        resumes=one.resumes,
        parameters=[_parameter(one.name, each) for each in known],
    )


def _parameter(of: str, one: Parameter) -> SourceParameterView:
    key = f"source.{of}.{one.name}"
    return SourceParameterView(
        name=one.name,
        asked=one.asked,
        required=one.required,
        label=_said(f"{key}.label"),
        hint=_said(f"{key}.hint"),
    )


def source(one: Source) -> RegisteredSourceView:
    return RegisteredSourceView(
        source=one.id,
        kind=one.kind,
        name=one.name,
        media_type=one.media_type,
        live=one.live,
        location=one.location,
        parameters=dict(one.parameters),
        secrets=one.secrets is not None,
        bytes=one.bytes,
        sha256=one.sha256,
        created_at=time(one.created_at or None),
    )


def _said(key: str) -> Sentences:
    return {lang: say(key, lang) for lang in LANGUAGES}
