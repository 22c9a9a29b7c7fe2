"""Our errors in the Dataspace Protocol's own form (spec/protocol.md 2.4): the room decides the `@type`.

Generic on purpose towards peers: code, a German and an English sentence, the request id to ask by; never details of a
defect.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from aiohttp import web

from connector.foundation.errors import Defect, HanseError, Unauthenticated, Untimely
from connector.foundation.http import limits
from connector.foundation.http.refusals import TooMany, WrongMethod, of_router
from connector.foundation.language.reasons import explained, on_the_wire
from connector.foundation.storage.at_rest import AtRest
from connector.kernel.protocol.codec import CONTEXT
from connector.surfaces.peer.tokens import TokenOver

log = structlog.get_logger("peer")
PIDS: Final = web.RequestKey("pids", dict)
"""What a handler already knows of `providerPid` and `consumerPid` when it fails."""
UNTIMELY: Final = 'Bearer error="invalid_token", error_description="token-time"'
"""Which clock is right nobody here can know: the caller may compare `Date` with its own and try again (RFC 6750, 3)."""
_TYPES = (
    ("/negotiations", "ContractNegotiationError"),
    ("/transfers", "TransferError"),
    ("/catalog", "CatalogError"),
)


def _type(path: str) -> str | None:
    return next((name for part, name in _TYPES if f"/2025-1{part}" in path), None)


def sentences(error: HanseError) -> list[str]:
    """German and English, as `reason` wants them."""
    return on_the_wire(explained(error))


def body(error: HanseError, path: str, pids: dict[str, str], request_id: str) -> bytes:
    """The error object; outside the protocol's paths plain problem+json."""
    name = _type(path)
    text = sentences(error)
    if name is None:
        return msgspec.json.encode(
            {"status": error.status, "code": error.code, "detail": text[0], "reason": text, "request": request_id}
        )
    problem: dict[str, object] = {"@context": [CONTEXT], "@type": name, "code": str(error.status), "reason": text}
    if name != "CatalogError":
        problem |= {"providerPid": pids.get("providerPid", ""), "consumerPid": pids.get("consumerPid", "")}
    return msgspec.json.encode(problem)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _answer(request, of_router(error))
    except HanseError as error:
        if error.status >= 500:
            log.warning("peer.error", code=error.code, path=request.path, request=request.get(limits.request_id))
        return _answer(request, error)
    except Exception:
        log.exception("peer.defect", path=request.path, request=request.get(limits.request_id))
        return _answer(request, Defect("defect"))


def _answer(request: web.Request, error: HanseError) -> web.Response:
    protocol = _type(request.path) is not None
    response = web.Response(
        status=error.status,
        body=body(error, request.path, request.get(PIDS, {}), request.get(limits.request_id, "")),
        content_type="application/json" if protocol else "application/problem+json",
    )
    if isinstance(error, TooMany | AtRest | TokenOver):
        response.headers["Retry-After"] = str(error.retry_s)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = UNTIMELY if isinstance(error, Untimely) else "Bearer"
    if isinstance(error, WrongMethod):
        response.headers["Allow"] = error.allowed
    return response
