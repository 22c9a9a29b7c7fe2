"""`hanse find`: searches the catalogues of the data space and says which offers the asker may use."""

from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import OK, PEER_UNAVAILABLE, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.language.reasons import plain


def register(top: Words, places: Any) -> None:
    command = top.command(places, "find")
    command.word("words", nargs="*", metavar="WORDS")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--from", dest="provider", metavar="MEMBER")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    query = {"q": " ".join(args.words) or None, "from": args.provider}
    found = api.get("participants", args.participant, "find", **query)
    call.result(found)
    for hit in found["results"]:
        _show(call, hit)
    call.tell("find.count", hits=len(found["results"]), asked=found["asked"])
    for provider in found.get("incomplete", ()):
        call.note("find.incomplete", provider=provider)
    for silent in found["failed"]:
        call.note("find.failed", provider=silent["provider"], reason=_sentence(silent["reason"], call.lang))
    return PEER_UNAVAILABLE if found["failed"] and not found["results"] else OK


def _show(call: Call, hit: Mapping[str, Any]) -> None:
    call.tell("find.hit", title=hit["title"], provider=hit["provider_name"], did=hit["provider"])
    call.tell("find.dataset", dataset=hit["dataset"])
    if hit.get("description"):
        call.tell("find.about", description=plain(hit["description"], 2000))
    if hit.get("bytes") is not None:
        call.tell("find.file", media_type=hit.get("media_type") or "?", bytes=call.size(hit["bytes"]))
    for offer in hit["offers"]:
        if offer["met"]:
            call.tell("find.offer", offer=offer["offer"])
        else:
            call.tell("find.barred", offer=offer["offer"], reason=_sentence(offer["reason"], call.lang))
        for note in offer.get("notes", {}).get(call.lang, []):
            call.tell("policy.note", text=note)


def _sentence(reason: object, lang: str) -> str:
    return str(reason.get(lang) or "") if isinstance(reason, Mapping) else str(reason or "")
