"""An error as problem+json (RFC 9457) shows it; `docs/errors.md` lists every code."""

import msgspec
from msgspec import UNSET, UnsetType

from connector.foundation.errors import HanseError
from connector.surfaces.views.fields import Sentences, explanation


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is stable, for machines; `reason` says it to people. `pointer` (JSON) is where the mistake is, `request`
    the id of the request as the log names it."""

    type: str = "about:blank"
    status: int
    code: str
    reason: Sentences
    pointer: str | UnsetType = UNSET
    request: str | UnsetType = UNSET


def problem(error: HanseError, request: str = "") -> ProblemView:
    pointer = error.facts.get("pointer")
    return ProblemView(
        status=error.status,
        code=error.code,
        reason=explanation(error),
        pointer=pointer if isinstance(pointer, str) else UNSET,
        request=request or UNSET,
    )
