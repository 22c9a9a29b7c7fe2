"""`hanse federation`: how old our copies of the members' catalogues are, who is silent, and reading them now."""

from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import OK, PEER_UNAVAILABLE, Call
from connector.cli.frame.client import Api, Problem
from connector.cli.frame.parser import Words

_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def register(top: Words, places: Any) -> None:
    federation = top.command(places, "federation")
    inner = federation.commands("federation_command")
    status = federation.command(inner, "status")
    status.word("--as", dest="participant", required=True, metavar="SLUG")
    status.set_defaults(run=run_status)
    refresh = federation.command(inner, "refresh")
    refresh.word("--as", dest="participant", required=True, metavar="SLUG")
    refresh.word("--from", dest="provider", metavar="MEMBER")
    refresh.set_defaults(run=run_refresh)


def run_status(call: Call) -> int:
    """4 if every member is silent: then something is wrong here."""
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "federation")
    call.result(found)
    members = found["members"]
    for one in members:
        call.tell(
            f"federation.{one['state']}",
            name=one["name"],
            datasets=one["datasets"],
            age=age(call, one["age_s"]),
            since=one["silent_since"] or "",
        )
        if one["reason"]:
            call.tell("federation.reason", reason=one["reason"][call.lang])
        for aside in one["set_aside"]:
            call.tell("federation.aside", dataset=aside["dataset"], reason=aside["reason"][call.lang])
        if one["set_aside_count"] > len(one["set_aside"]):
            call.tell("federation.more", count=one["set_aside_count"] - len(one["set_aside"]))
    if not members:
        call.tell("federation.none")
    return PEER_UNAVAILABLE if members and all(one["state"] == "silent" for one in members) else OK


def run_refresh(call: Call) -> int:
    """A line for each member as it is read; 4 if nobody could be."""
    api, args = Api(call.settings().api.socket), call.args
    if args.provider is None:
        known = api.get("participants", args.participant, "federation")["members"]
        asked = [(one["member"], one["name"]) for one in known]
    else:
        asked = [(args.provider, args.provider)]
    done = list[Mapping[str, Any]]()
    for number, (member, name) in enumerate(asked, 1):
        one = _read(call, api, member, name, alone=args.provider is not None)
        done.append(one)
        facts = {key: one[key] for key in ("name", "listed", "fetched", "gone", "set_aside")}
        call.tell(f"federation.did.{one['outcome']}", number=number, of=len(asked), **facts)
        if one["reason"]:
            call.tell("federation.reason", reason=one["reason"].get(call.lang, ""))
    call.result({"members": done})
    if not done:
        call.tell("federation.none")
    return PEER_UNAVAILABLE if done and all(one["outcome"] == "failed" for one in done) else OK


def _read(call: Call, api: Api, member: str, name: str, *, alone: bool) -> Mapping[str, Any]:
    """One that cannot be asked now does not keep the others from being asked."""
    try:
        found: Mapping[str, Any] = api.post(
            "participants", call.args.participant, "federation", "refresh", body={"member": member}
        )
    except Problem as problem:
        if alone or problem.status == 404:
            raise
        reason = {lang: problem.sentence(lang) for lang in ("de", "en")}
        return {
            "member": member,
            "name": name,
            "outcome": "failed",
            "listed": 0,
            "fetched": 0,
            "gone": 0,
            "set_aside": 0,
            "reason": reason,
        }
    return found


def age(call: Call, seconds: int | None) -> str:
    """How long ago, in the largest unit that fits."""
    if seconds is None:
        return call.say("federation.age.never")
    for unit, length in _UNITS:
        if seconds >= length:
            return call.say(f"federation.age.{unit}", n=seconds // length)
    return call.say("federation.age.now")
