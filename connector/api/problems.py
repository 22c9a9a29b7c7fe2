"""Errors of the management surface as problem+json: `reason` is the sentence in German and English."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

from connector.errors import Defect, HanseError
from connector.http import limits
from connector.http.refusals import WrongMethod, of_router
from connector.language.reasons import explained
from connector.policy.odrl.model import PolicyError

log = structlog.get_logger("api")


def reasons(error: HanseError) -> dict[str, str]:
    return {lang: " ".join(sentences) for lang, sentences in explained(error).items()}


def problem(error: HanseError, request_id: str = "") -> web.Response:
    body = {"type": "about:blank", "status": error.status, "code": error.code, "reason": reasons(error)}
    if isinstance(pointer := error.facts.get("pointer"), str):
        body["pointer"] = pointer  # for machines: the sentence is for people
    if request_id:
        body["request"] = request_id
    headers = {"Allow": error.allowed} if isinstance(error, WrongMethod) else {}
    return web.Response(
        status=error.status, body=msgspec.json.encode(body), content_type="application/problem+json", headers=headers
    )


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem(of_router(error), request.get(limits.request_id, ""))
    except PolicyError as error:
        return problem(Defect(error.code), request.get(limits.request_id, ""))
    except HanseError as error:
        if error.status >= 500:
            log.warning("api.error", code=error.code, path=request.path, request=request.get(limits.request_id))
        return problem(error, request.get(limits.request_id, ""))
    except Exception:
        log.exception("api.defect", path=request.path, request=request.get(limits.request_id))
        return problem(Defect("defect"), request.get(limits.request_id, ""))
