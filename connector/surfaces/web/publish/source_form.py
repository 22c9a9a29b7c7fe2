"""The form by which a steward names a source: made of what its kind asks for, so that a new kind needs no line here.

What is secret goes into a form and never comes back in one.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.data.sources.kind import Asked, Kind, asked
from connector.surfaces.web.call import Call


class SourceField(Struct, frozen=True, kw_only=True):
    """One thing that a kind of source asks for: `field` is its name in the form, `name` that of the parameter."""

    name: str
    field: str
    type: str
    label: str
    hint: str
    required: bool
    value: str


class SourceForm(Struct, frozen=True, kw_only=True):
    """`at`: the field of which something is wrong; the first where nothing says which."""

    kind: str
    title: str
    fields: list[SourceField]
    at: str


_FIELD_TYPES: Mapping[Asked, str] = {"text": "text", "address": "url", "secret": "password"}


def form_of(call: Call, kind: Kind[Any], given: Mapping[str, str], wrong: str = "") -> SourceForm:
    """What a kind of source asks for, with what was given before; what is secret has to be given anew. `wrong`: the
    parameter that a sentence is about."""
    known = () if kind.form is None else asked(kind.form)
    at = next((one.name for one in known if one.name == wrong), known[0].name if known else "")
    key = f"source.{kind.name}"
    return SourceForm(
        kind=kind.name,
        title=call.say(f"{key}.title"),
        fields=[
            SourceField(
                name=one.name,
                field=f"{kind.name}-{one.name}",
                type=_FIELD_TYPES[one.asked],
                label=call.say(f"{key}.{one.name}.label"),
                hint=call.say(f"{key}.{one.name}.hint"),
                required=one.required,
                value="" if one.asked == "secret" else given.get(one.name, ""),
            )
            for one in known
        ],
        at=f"{kind.name}-{at}",
    )
