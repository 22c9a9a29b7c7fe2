"""`hanse space rules` and `hanse space unrecognise`: what an authority asks of whoever applies, and who counts no more.

Of the rules only what is said changes; what is asked for more than once is said whole (spec/spaces.md 1.2, 6.1).
"""

from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake

_LISTS = ("kind", "document", "check")
_NAMES: Mapping[str, str] = {
    "kind": "kinds",
    "document": "documents",
    "check": "checklist",
    "approvals": "approvals",
    "term": "termDays",
    "renew_before": "renewDays",
    "renewal": "renewal",
    "list_days": "listDays",
    "text": "text",
}
"""Options, and what the rules call them."""


def rules_words(rules: Words) -> None:
    for name, metavar in (("--kind", "KIND"), ("--document", "NAME"), ("--check", "POINT")):
        rules.word(name, metavar=metavar, action="append")
    rules.word("--approvals", metavar="NUMBER", type=int)
    rules.word("--term", metavar="DAYS", type=int)
    rules.word("--renew-before", metavar="DAYS", type=int)
    rules.word("--renewal", choices=("automatic", "people"))
    rules.word("--list-days", metavar="DAYS", type=int)
    rules.word("--text", metavar="TEXT")


def run_rules(call: Call) -> int:
    """Without an option the rules are shown."""
    api, place = Api(call.settings().api.socket), ("participants", call.args.participant, "space")
    found = api.get(*place)
    said = {
        name: _said(option, given)
        for option, name in _NAMES.items()
        if (given := getattr(call.args, option)) is not None
    }
    if said:
        found = api.post(*place, "rules", body={**found["rules"], **said})
    call.result(found)
    tell_rules(call, found["rules"])
    return OK


def _said(option: str, given: Any) -> Any:
    """An empty word says that nothing of that is asked for any more."""
    if option not in _LISTS:
        return given
    words = [one for one in given if one]
    return [concepts.kind(one).iri for one in words] if option == "kind" else words


def tell_rules(call: Call, rules: Any) -> None:
    """What a space asks of who applies."""
    if rules.get("kinds"):
        kinds = ", ".join(one.rpartition("#")[2] for one in rules["kinds"])
        call.tell("space.rule.kinds", kinds=kinds)
    if rules.get("documents"):
        call.tell("space.rule.documents", documents=", ".join(rules["documents"]))
    if rules.get("checklist"):
        call.tell("space.rule.checklist", points=", ".join(rules["checklist"]))
    approvals = rules.get("approvals", 2)
    call.tell(f"space.rule.approvals-{'one' if approvals == 1 else 'many'}", count=approvals)
    term = rules.get("termDays", 365)
    call.tell("space.rule.term" if term else "space.rule.endless", days=term)
    if term:
        notice, by = rules.get("renewDays", 60), rules.get("renewal", "automatic")
        call.tell(f"space.rule.{by}", days=notice if by == "people" else min(notice, term // 2))
    if rules.get("text"):
        call.tell("space.rule.text", text=rules["text"])


def run_unrecognise(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    place = ("participants", args.participant, "space", "recognised")
    known = [one for one in api.get(*place)["spaces"] if one["space"] == args.space]
    if not known:
        raise Mistake("cli.space-not-recognised", space=args.space[:200])
    if not call.sure("space.unrecognise-sure", name=known[0]["name"], space=args.space):
        return OK
    for one in known:
        found = api.post(*place, "end", body={"authority": one["authority"], "who": args.who})
    call.result(found)
    call.tell("space.unrecognised", name=known[0]["name"], space=args.space)
    return OK
