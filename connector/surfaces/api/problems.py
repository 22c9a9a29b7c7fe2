"""Errors of the management surface as problem+json: `reason` is the sentence in German and English."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

from connector.foundation.errors import Defect, HanseError
from connector.foundation.http import limits
from connector.foundation.http.refusals import WrongMethod, of_router
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views.problem import problem

MEDIA = "application/problem+json"
log = structlog.get_logger("api")


def answer(error: HanseError, request_id: str = "") -> web.Response:
    headers = {"Allow": error.allowed} if isinstance(error, WrongMethod) else {}
    body = msgspec.json.encode(problem(error, request_id))
    return web.Response(status=error.status, body=body, content_type=MEDIA, headers=headers)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return answer(of_router(error), request.get(limits.request_id, ""))
    except PolicyError as error:
        return answer(Defect(error.code), request.get(limits.request_id, ""))
    except HanseError as error:
        if error.status >= 500:
            log.warning("api.error", code=error.code, path=request.path, request=request.get(limits.request_id))
        return answer(error, request.get(limits.request_id, ""))
    except Exception:
        log.exception("api.defect", path=request.path, request=request.get(limits.request_id))
        return answer(Defect("defect"), request.get(limits.request_id, ""))
