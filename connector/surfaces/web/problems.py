"""Errors as pages: what happened, whose side it is on, what to do, and a number to name when asking.

A page for the wrong person says the same as one that is not there (spec/desk.md 1.7).
"""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from connector.foundation.errors import Defect, HanseError, Mistake, Refusal, Unauthenticated, Unavailable, Unknown
from connector.foundation.http import limits
from connector.foundation.http.refusals import TooMany, WrongMethod, of_router
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.web.call import Call, Desk
from connector.surfaces.web.render import page
from connector.surfaces.web.session import language

log = structlog.get_logger("web")


def problems(desk: Desk) -> limits.Middleware:
    """Turns our errors into pages."""

    @web.middleware
    async def shown(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return await _answer(desk, request, of_router(error))
        except PolicyError as error:
            return await _answer(desk, request, Defect(error.code))
        except HanseError as error:
            if error.status >= 500:
                log.warning("web.error", code=error.code, path=_logged(request), request=request.get(limits.request_id))
            return await _answer(desk, request, error)
        except Exception:
            log.exception("web.defect", path=_logged(request), request=request.get(limits.request_id))
            return await _answer(desk, request, Defect("defect"))

    return shown


def _logged(request: web.Request) -> str:
    """The path; of a link to a file not, because it holds the key (threat T91)."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None and "{key}" in resource.canonical else request.path


async def _answer(desk: Desk, request: web.Request, error: HanseError) -> web.StreamResponse:
    """Without menu and name: it is shown to whoever asks."""
    call = request.get(_CALL) or Call(request=request, desk=desk, lang=language(request))
    sentence = call.explain(error)
    side = _side(error)
    response = await page(
        call,
        "frame/problem.html",
        error.status,
        title=call.say(f"web.problem.title.{side}"),
        sentence=sentence,
        side=call.say(f"web.problem.side.{side}"),
        next_step=call.say(f"web.problem.next.{side}"),
        kind="danger" if side == "ours" else "warning",
        reference=request.get(limits.request_id, ""),
    )
    if isinstance(error, WrongMethod):
        response.headers["Allow"] = error.allowed
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_s)
    return response


def _side(error: HanseError) -> str:
    match error:
        case Unknown() | WrongMethod():
            return "nothing"
        case Refusal():
            return "rule"
        case Unavailable() | TooMany():
            return "later"
        case Defect():
            return "ours"
        case Mistake() | Unauthenticated():
            return "yours"
        case _:
            return "yours" if error.status < 500 else "ours"


_CALL: web.RequestKey[Call] = web.RequestKey("desk_call", Call)


def known(request: web.Request, call: Call) -> None:
    """From here on an error is shown with the person's menu."""
    request[_CALL] = call
