"""The protocol browser over the management surface: one process, page by page, with cause and next action.

Sentences come in German and English; `body` is a bounded copy without secrets. Nothing here belongs to anybody but the
participant in the path (threat T39).
"""

from aiohttp import web

from connector.api import body
from connector.api.contracts import sentences
from connector.contracts.model import NegotiationRow
from connector.errors import Mistake
from connector.trace import words
from connector.trace.diagnosis import Diagnosis, Fact, Reached
from connector.trace.events import Event
from connector.trace.find import Found
from connector.trace.service import Trace, Tracing, diagnosed
from connector.transfer.model import TransferRow

PAGE = 100
LARGEST = 500


class TraceHandlers:
    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.get(f"{base}/trace/{{pid:.+}}", self.trace),
            web.get(f"{base}/reachable", self.reachable),
        ]

    async def trace(self, request: web.Request) -> web.StreamResponse:
        """`?after=` and `?limit=` page through the entries, `?check=1` looks whether the addresses can be reached."""
        slug, pid = request.match_info["p"], request.match_info["pid"]
        after, limit = _number(request, "after", 0), min(_number(request, "limit", PAGE), LARGEST)
        trace = await self._tracing.trace(slug, pid, check=request.query.get("check", "") in ("1", "true"))
        page = trace.events[after : after + limit]
        following = after + len(page)
        return body.answer(
            {
                "pid": pid,
                "process": None if trace.process is None else _process(trace.process),
                "matches": [_found(one) for one in trace.found] if trace.process is None else [],
                "related": [_found(one) for one in trace.related],
                "diagnosis": [_diagnosis(one, _common(slug, trace)) for one in diagnosed(trace)],
                "check": _check(trace),
                "events": [_event(event) for event in page],
                "total": len(trace.events),
                "next": following if following < len(trace.events) else None,
            }
        )

    async def reachable(self, request: web.Request) -> web.StreamResponse:
        """Whether our own version document can be had through our public address: our own view."""
        return body.answer(_reached(await self._tracing.reachable(request.match_info["p"])))


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Mistake("trace.page", name=name, value=text[:40])
    return int(text)


def _process(process: NegotiationRow | TransferRow) -> dict[str, object]:
    return {
        "noun": _noun(process), "id": process.id, "role": str(process.kernel.role), "state": process.shown,
        "counterparty": process.counterparty, "peer_pid": process.kernel.peer_pid, "agreement": process.agreement,
        "created_at": process.created_at, "changed_at": process.changed_at, "reason": sentences(process.reason),
    }  # fmt: skip


def _noun(process: NegotiationRow | TransferRow) -> str:
    return "negotiation" if isinstance(process, NegotiationRow) else "transfer"


def _found(found: Found) -> dict[str, object]:
    return {
        "noun": found.noun, "id": found.id, "role": found.role, "state": found.state,
        "counterparty": found.counterparty,
    }  # fmt: skip


def _common(slug: str, trace: Trace) -> dict[str, Fact]:
    """What every sentence may name; among it the commands that act on this process."""
    if trace.process is None:
        return {"participant": slug}
    id_ = trace.process.id
    end = "decline" if isinstance(trace.process, NegotiationRow) else "stop"
    commands = {name: f"hanse {name} {id_} --as {slug}" for name in ("accept", "resume", end)}
    return {
        "participant": slug, "id": id_, "counterparty": trace.process.counterparty, **commands,
        "end": commands[end] + (" --reason …" if end == "decline" else ""),
    }  # fmt: skip


def _diagnosis(found: Diagnosis, common: dict[str, Fact]) -> dict[str, object]:
    return {
        "code": found.code, "waits": found.waits, "facts": found.facts, "cause": words.of_cause(found, common),
        "action": words.of_action(found, common),
    }  # fmt: skip


def _event(event: Event) -> dict[str, object]:
    return {
        "at": event.at, "last_at": event.last_at or event.at, "times": event.times, "direction": event.direction,
        "event": event.what, "text": words.of_event(event), "message_id": event.message_id, "status": event.status,
        "code": event.code, "detail": event.detail, "body": event.body,
    }  # fmt: skip


def _check(trace: Trace) -> dict[str, object] | None:
    if trace.situation is None or trace.situation.ours is None or trace.situation.theirs is None:
        return None
    return {"ours": _reached(trace.situation.ours), "theirs": _reached(trace.situation.theirs)}


def _reached(seen: Reached) -> dict[str, object]:
    return {"url": seen.url, "ok": not seen.code, "code": seen.code, "reason": sentences(seen.reason)}
