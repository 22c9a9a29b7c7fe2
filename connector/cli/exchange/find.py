"""`hanse find`: searches what the members of the data space show and says which offers the asker may use.

It says how old each answer is, and who has not answered since when.
"""

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, PEER_UNAVAILABLE, Call, named_file
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain

FACETS = ("theme", "field", "format", "licence", "rule")
SHOWN = 8
"""Values of a facet that are listed."""
DRAFT_BYTES = 1 << 20
DRAFT = 500
"""Characters of a draft that are looked at; the title comes first."""


def register(top: Words, places: Any) -> None:
    command = top.command(places, "find")
    command.word("words", nargs="*", metavar="WORDS")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--provider", "--from", dest="providers", action="append", metavar="MEMBER")
    for facet in FACETS:
        command.word(f"--{facet}", action="append", metavar="VALUE")
    command.word("--since", metavar="DAY")
    command.word("--box", metavar="W,S,E,N")
    command.word("--period", metavar="DAY/DAY")
    command.word("--like", metavar="DRAFT")
    command.word("--live", action="store_true")
    command.word("--facets", dest="counts", action="store_true")
    command.word("--page", metavar="PAGE")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    words = args.words if args.like is None else [_draft(args.like), *args.words]
    query: dict[str, object] = {facet: getattr(args, facet) for facet in (*FACETS, "since", "box", "period", "page")}
    query |= {
        "like": 1 if args.like is not None else None,
        "live": 1 if args.live else None,
        "counts": 1 if args.counts else None,
    }
    found = api.get(
        "participants", args.participant, "find", q=" ".join(words) or None, **{"from": args.providers, **query}
    )
    call.result(found)
    for hit in found["results"]:
        _show(call, hit)
    _sum(call, found)
    for one in found.get("incomplete", ()):
        call.note("find.incomplete", provider=one["provider_name"])
    for one in found.get("unreachable", ()):
        call.note("find.unreachable", provider=one["provider_name"], since=one["since"], last=one["last"] or "–")
    for silent in found["failed"]:
        provider = silent.get("provider_name") or silent["provider"]
        call.note("find.failed", provider=provider, reason=_sentence(silent["reason"], call.lang))
    silent_ones = found["failed"] or found.get("unreachable")
    return PEER_UNAVAILABLE if silent_ones and not found["results"] else OK


def _draft(named: str) -> str:
    """Title and description of a draft: of a JSON file, of a text file whose first line is the title, or as given.

    Raises Mistake for what is no text, and for a file that is not there: one word that ends like one is no title.
    """
    path = Path(named)
    if not path.is_file() and not _FILE.fullmatch(named):
        return named[:DRAFT]
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(named_file(path, DRAFT_BYTES))
    except UnicodeDecodeError as problem:
        raise Mistake("cli.no-text", path=path) from problem
    try:
        said = json.loads(text)
    except ValueError:
        return text[:DRAFT]
    return " ".join(_texts(said))[:DRAFT]


_FILE = re.compile(r"\S+[.](?:json|jsonld|txt|md|toml|ya?ml|csv|pdf|docx?|odt)", re.IGNORECASE)


def _texts(said: object) -> Sequence[str]:
    """What a description as JSON says under the names that ours have."""
    if not isinstance(said, Mapping):
        return ()
    every = [said.get(name, said.get(f"{prefix}:{name}")) for prefix, name in _SAID]
    return [str(text) for one in every for text in (one if isinstance(one, list) else [one]) if isinstance(text, str)]


_SAID = (("dct", "title"), ("dcat", "keyword"), ("dcat", "keywords"), ("dct", "description"))


def _show(call: Call, hit: Mapping[str, Any]) -> None:
    spaces = f" ({', '.join(hit['spaces'])})" if hit.get("spaces") else ""
    call.tell("find.hit", title=hit["title"], provider=hit["provider_name"] + spaces)
    call.tell("find.dataset", dataset=hit["dataset"])
    if hit.get("description"):
        call.tell("find.about", description=plain(hit["description"], 2000))
    if hit.get("bytes") is not None:
        call.tell(
            "find.file", media_type=hit.get("format") or hit.get("media_type") or "?", bytes=call.size(hit["bytes"])
        )
    if hit.get("source") == "copy":
        call.tell("find.seen", at=hit["seen"])
    for offer in hit["offers"]:
        if offer["met"]:
            call.tell("find.offer", offer=offer["offer"])
        else:
            call.tell("find.barred", offer=offer["offer"], reason=_sentence(offer["reason"], call.lang))
        for note in offer.get("notes", {}).get(call.lang, []):
            call.tell("policy.note", text=note)
    _whereabouts(call, hit)


def _whereabouts(call: Call, hit: Mapping[str, Any]) -> None:
    """Without a contract: where the files are, else where they may be had and whom to ask."""
    page, is_open = hit.get("landing_page"), hit.get("open")
    for address in hit.get("download", ()):
        call.tell("find.open", address=address)
    if hit.get("licence") and (is_open or not hit["offers"]):
        call.tell("find.licence", licence=plain(_sentence(hit["licence"]["label"], call.lang), 200))
    if hit["offers"]:
        return
    for address in hit.get("access", ()):
        call.tell("find.open" if is_open else "find.access", address=address)
    if page:
        call.tell("find.page", address=page)
    if not is_open:
        call.tell("find.ask", contact=hit.get("contact") or hit["provider_name"])


def _sum(call: Call, found: Mapping[str, Any]) -> None:
    """How many, what was searched instead of what was typed, by what they can be narrowed, and where it goes on."""
    for typed, used in found.get("mended", {}).items():
        call.tell("find.mended", typed=typed, used=used)
    call.tell("find.count", hits=max(len(found["results"]), found.get("total", 0)), asked=found["asked"])
    for facet, values in found.get("facets", {}).items() if call.args.counts else ():
        listed = ", ".join(f"{plain(one['name'][call.lang], 80)} ({one['count']})" for one in values[:SHOWN])
        call.tell("find.facet", facet=call.say(f"find.by.{facet}"), values=listed)
    if found.get("next"):
        call.tell("find.next", page=found["next"])


def _sentence(reason: object, lang: str) -> str:
    return str(reason.get(lang) or "") if isinstance(reason, Mapping) else str(reason or "")
