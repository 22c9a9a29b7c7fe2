"""`hanse space merge`, `mergers` and what goes with them: a member is part of another one by law.

Both members say it, each at its own provider, and may take it back; two people of the authority decide, each on what
she has read (spec/spaces.md 4.7).
"""

from collections.abc import Callable
from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.data.catalogue.concepts import folded
from connector.foundation.errors import Mistake

Command = Callable[[str, Callable[[Call], int]], Words]


def register(command: Command, who: Callable[[Words], None]) -> None:
    """`command` makes one of a participant, by its name and what runs; `who` adds the person that decides."""
    merge = command("merge", run_merge)
    merge.word("space", metavar="URL")
    merge.word("--into", metavar="DID", default="")
    merge.word("--member", metavar="DID", default="")
    merge.word("--since", metavar="DAY", required=True)
    merge.sure()
    back = command("merge-withdraw", run_withdraw)
    back.word("space", metavar="URL")
    back.word("--member", metavar="DID", default="")
    back.sure()
    command("mergers", run_mergers)
    approve = command("merge-approve", run_approve)
    approve.word("did", metavar="DID")
    approve.sure()
    who(approve)
    refuse = command("merge-refuse", run_refuse)
    refuse.word("did", metavar="DID")
    refuse.word("--reason", metavar="TEXT", required=True)
    who(refuse)


def run_merge(call: Call) -> int:
    """Says it to the authority of a space, for whichever of both this participant is."""
    args = call.args
    if bool(args.into) is bool(args.member):
        raise Mistake("cli.space-merge-which")
    if not call.sure("space.merge-sure", day=args.since):
        return OK
    body = {"space": args.space, "member": args.member, "into": args.into, "since": args.since}
    said = Api(call.settings().api.socket).post("participants", args.participant, "spaces", "merge", body=body)
    call.result(said)
    if args.into:
        call.tell("space.merge-asked", other=said["into"], **_day(said))
    else:
        call.tell("space.merge-agreed", other=said["member"], **_day(said))
    return OK


def run_withdraw(call: Call) -> int:
    """Takes back what this participant said, as it has shown it, before anybody decides."""
    args, api = call.args, Api(call.settings().api.socket)
    if not args.yes:
        tell_own(call, _of_own(api, args.participant, args.space, args.member))
    if not call.sure("space.merge-withdraw-sure"):
        return OK
    body = {"space": args.space, "member": args.member}
    found = api.post("participants", args.participant, "spaces", "merge", "withdraw", body=body)
    call.result(found)
    call.tell("space.merge-withdrawn")
    return OK


def _of_own(api: Api, slug: str, space: str, member: str) -> list[Any]:
    """What is known here of the merger of a member (DID or name; empty: the participant itself) in that space."""
    own = "" if member else api.get("participants", slug)["did"]
    spaces = api.get("participants", slug, "spaces")["spaces"]
    known = [one for each in spaces if each["space"] == space for one in each["mergers"]]
    return [one for one in known if one["member"] in (member, own) or folded(one["member_name"]) == folded(member)]


def run_mergers(call: Call) -> int:
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "space", "mergers")
    _tell(call, found)
    if not found["mergers"]:
        call.tell("space.merger-none")
    return OK


def run_approve(call: Call) -> int:
    """Agrees to what it has shown, and to nothing that was said in its place since."""
    args = call.args
    api, did = Api(call.settings().api.socket), args.did
    found = api.get("participants", args.participant, "space", "mergers")["mergers"]
    shown = next((one for one in found if one["did"] == did), None)
    seen = {} if shown is None else {"into": shown["into"], "since": shown["since"]}
    if shown is not None:
        if not args.yes:
            _line(call, shown)
        if not call.sure("space.merger-approve-sure"):
            return OK
    return _decided(call, "approve", {"did": did, "who": args.who, **seen})


def run_refuse(call: Call) -> int:
    return _decided(call, "refuse", {"did": call.args.did, "who": call.args.who, "reason": call.args.reason})


def _decided(call: Call, step: str, body: dict[str, str]) -> int:
    api = Api(call.settings().api.socket)
    _tell(call, api.post("participants", call.args.participant, "space", "mergers", step, body=body))
    return OK


def _tell(call: Call, found: Any) -> None:
    call.result(found)
    for one in found["mergers"]:
        _line(call, one)


def _line(call: Call, one: Any) -> None:
    call.tell(
        "space.merger-line",
        name=one["name"],
        did=one["did"],
        whole=one["into_name"] or one["into"],
        into=one["into"],
        state=call.say(f"space.merger-is.{one['state']}"),
        missing=one["missing"],
        **_day(one),
    )
    if one["reason"]:
        call.tell("space.merger-why", reason=one["reason"])


def tell_own(call: Call, found: Any) -> None:
    """Mergers that a participant is part of in a space that it joined."""
    for one in found:
        state = call.say(f"space.merger-own-is.{one['state']}")
        call.tell(
            "space.merger-own",
            name=one["member_name"],
            member=one["member"],
            whole=one["into_name"],
            into=one["into"],
            state=state,
            **_day(one),
        )


def _day(one: Any) -> dict[str, str]:
    return {"day": one["since"]}
