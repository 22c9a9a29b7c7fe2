"""`hanse records`: records of the log compared with partners, held, copied for a person, and erased."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.cli.call import OK, REFUSED, Call, unusable
from connector.cli.client import Api, Problem
from connector.cli.words import Words
from connector.errors import HanseError
from connector.language import catalogue

AMISS = frozenset({"differs", "missing-here", "missing-there", "invalid"})
TYPES = frozenset(
    {"agreement", "termination", "transfer", "deed", "decision", "confirmation", "publication", "alarm", "key",
     "succession", "tombstone", "hold"}
)  # fmt: skip
MOST_LINES = 20
"""Records that stay, shown one by one; all of them are in the JSON."""


def register(top: Words, places: Any) -> None:
    records = top.command(places, "records")
    inner = records.commands("records_command")
    compare = _whose(records.command(inner, "compare"))
    compare.word("agreement", nargs="?", metavar="AGREEMENT")
    compare.word("--last", action="store_true")
    compare.set_defaults(run=run_compare)
    hold = _explained(_whose(records.command(inner, "hold")))
    hold.word("--agreement", metavar="AGREEMENT")
    hold.set_defaults(run=run_hold)
    lift = _explained(_whose(records.command(inner, "lift")))
    lift.word("hold", metavar="HOLD")
    lift.set_defaults(run=run_lift)
    _whose(records.command(inner, "holds")).set_defaults(run=run_holds)
    export = _person(_whose(records.command(inner, "export")))
    export.word("-o", "--output", required=True, type=Path, metavar="FILE")
    export.set_defaults(run=run_export)
    erase = _explained(_person(_whose(records.command(inner, "erase"))))
    erase.word("--yes", action="store_true")
    erase.set_defaults(run=run_erase)
    _whose(records.command(inner, "erased")).set_defaults(run=run_erased)


def _whose(command: Words) -> Words:
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    return command


def _explained(command: Words) -> Words:
    command.word("--role", required=True, metavar="ROLE")
    command.word("--ground", required=True, metavar="TEXT")
    return command


def _person(command: Words) -> Words:
    command.word("--pseudonym", required=True, metavar="PSEUDONYM")
    return command


def run_compare(call: Call) -> int:
    """1 if something is amiss: a script notices."""
    args = call.args
    place = ("participants", args.participant, "comparisons")
    named = None if args.agreement is None else _uuid(args.agreement)
    answer = _api(call).get(*place) if args.last else _api(call).post(*place, body={"agreement": named})
    found = [one for one in answer["comparisons"] if named in (None, _uuid(one["agreement"]))]
    call.result({"comparisons": found})
    for one in found:
        state = call.say(f"records.states.{one['state']}", partner=one["counterparty"])
        call.tell("records.compared", agreement=one["agreement"], state=state, at=_day(one["at"]))
        if one["code"]:
            known = f"cli.records.because.{one['code']}" in catalogue(call.lang)
            call.tell(f"records.because.{one['code']}" if known else "records.code", code=one["code"])
        for finding in one["findings"]:
            call.tell("records.finding", **_words(call, finding))
    if not found:
        call.tell("records.none")
    return REFUSED if any(one["state"] in AMISS for one in found) else OK


def run_hold(call: Call) -> int:
    args = call.args
    about = None if args.agreement is None else _uuid(args.agreement)
    wish = {"role": args.role, "ground": args.ground, "agreement": about}
    made = _api(call).post("participants", args.participant, "holds", body=wish)
    call.result(made)
    _tell_hold(call, made)
    return OK


def run_lift(call: Call) -> int:
    args = call.args
    wish = {"role": args.role, "ground": args.ground}
    lifted = _api(call).post("participants", args.participant, "holds", args.hold, "lift", body=wish)
    call.result(lifted)
    _tell_hold(call, lifted)
    return OK


def run_holds(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "holds")["holds"]
    call.result({"holds": found})
    for one in found:
        _tell_hold(call, one)
    if not found:
        call.tell("records.no-holds")
    return OK


def run_export(call: Call) -> int:
    """A file that nobody else may read: it is about a person."""
    args = call.args
    found = _all(lambda after: _api(call).get("participants", args.participant, "persons", args.pseudonym, after=after))
    try:
        args.output.touch(mode=0o600)
        args.output.chmod(0o600)  # it may have been there
        args.output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        raise unusable(args.output, problem) from problem
    call.result({"file": str(args.output), "records": len(found["records"]), "objects": len(found["objects"])})
    call.tell("records.exported", file=args.output, records=len(found["records"]), objects=len(found["objects"]))
    if not (found["records"] or found["objects"]):
        call.tell("records.unknown", pseudonym=args.pseudonym)
    if not found["complete"]:
        call.note("records.incomplete")
    return OK


def run_erase(call: Call) -> int:
    """0 only if nothing says the pseudonym any more, nor a signed document; shows first, asks, then erases."""
    args = call.args
    place = ("participants", args.participant, "persons", args.pseudonym, "erase")
    wish = {"role": args.role, "ground": args.ground}

    def portions(*, sure: bool) -> dict[str, Any]:
        return _all(lambda after: _api(call).post(*place, body={**wish, "sure": sure, "after": after}))

    plan = portions(sure=False)
    _tell_plan(call, plan)
    if not plan["may"]:
        call.result(plan)
        call.tell("records.nothing")
        return _remains(call, plan)
    if not (args.yes or _sure(call, len(plan["may"]))):
        call.result(plan)
        call.note("records.not-sure")
        return REFUSED
    try:
        done = portions(sure=True)
    except (Problem, HanseError):
        call.note("records.interrupted")
        raise
    call.result(done)
    call.tell("records.erased", count=done["erased"])
    return _remains(call, done)


def run_erased(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "erasures")["erasures"]
    call.result({"erasures": found})
    for one in found:
        call.tell(
            "records.grave", index=one["leaf_index"], type=_type(call, one), role=one["role"], ground=one["ground"],
            at=_day(one["at"]),
        )  # fmt: skip
    if not found:
        call.tell("records.no-graves")
    return OK


def _tell_plan(call: Call, plan: dict[str, Any]) -> None:
    call.tell("records.may", count=len(plan["may"]))
    for one in plan["stays"][:MOST_LINES]:
        index = "–" if one["index"] is None else one["index"]  # it gets its number when it is sealed
        why = call.say(f"records.why.{one['why']}")
        call.tell("records.stays", index=index, type=_type(call, one), why=why, until=_until(call, one))
    if len(plan["stays"]) > MOST_LINES:
        call.tell("records.more", count=len(plan["stays"]) - MOST_LINES)
    for one in plan["objects"]:
        why = call.say(f"records.signed.{one['why']}")
        call.tell(
            "records.object", name=one["name"], agreement=one["agreement"], why=why, until=_until(call, one)
        )  # fmt: skip


def _all(portion: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """One answer out of as many portions as the server gives it in; what is told of the whole is told by the last."""
    whole, after = dict[str, Any](), 0
    while True:
        found = portion(after)
        for name, value in found.items():
            adds = name in ("records", "may", "stays", "erased") and name in whole
            whole[name] = whole[name] + value if adds else value
        if found["next"] is None or found["next"] <= after:
            return whole
        after = found["next"]


def _remains(call: Call, told: dict[str, Any]) -> int:
    """What still says the pseudonym, with what to do about it; the exit code that says whether anything does."""
    if not told["complete"]:
        call.note("records.incomplete")
    if not (told["may"] or told["stays"] or told["objects"]):
        call.tell("records.unknown", pseudonym=call.args.pseudonym)
    if told["objects"] or any(one["why"] != "unsealed" for one in told["stays"]):
        facts = {"pseudonym": call.args.pseudonym, "records": len(told["stays"]), "objects": len(told["objects"])}
        call.tell("records.remains", **facts)
    return REFUSED if told["stays"] or told["objects"] or not told["complete"] else OK


def _until(call: Call, one: dict[str, Any]) -> str:
    if one["until"]:
        return call.say("records.until", at=_day(one["until"]))
    return call.say("records.after-end", days=one["days"]) if one["days"] else ""


def _type(call: Call, one: dict[str, Any]) -> str:
    return call.say(f"records.types.{one['type']}") if one["type"] in TYPES else str(one["type"])


def _tell_hold(call: Call, one: dict[str, Any]) -> None:
    about = one["agreement"] or call.say("records.all")
    facts = {"hold": one["id"], "about": about, "role": one["role"], "ground": one["ground"], "at": _day(one["set_at"])}
    call.tell("records.hold", **facts)
    if not one["standing"]:
        call.tell(
            "records.lifted", role=one["lifted_role"], ground=one["lifted_ground"], at=_day(one["lifted_at"])
        )  # fmt: skip


def _words(call: Call, finding: dict[str, Any]) -> dict[str, object]:
    nothing = call.say("records.nothing-there")
    return {
        "what": call.say(f"records.what.{finding['what']}", subject=finding["subject"]),
        "kind": call.say(f"records.kinds.{finding['kind']}"),
        "ours": finding["ours"] or nothing,
        "theirs": finding["theirs"] or nothing,
    }


def _sure(call: Call, count: int) -> bool:
    """Asked on the terminal only; a script says `--yes`."""
    if call.args.json or not sys.stdin.isatty():
        return False
    print(call.say("records.ask", count=count), end=" ", flush=True)
    return sys.stdin.readline().strip().lower() in ("j", "ja", "y", "yes")


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
