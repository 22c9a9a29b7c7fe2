"""`hanse records`: records of the log compared with partners and held; for a person see `record_persons`."""

from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.cli.records import persons
from connector.cli.records.persons import TYPES
from connector.foundation.language import catalogue

__all__ = ["TYPES", "register"]

AMISS = frozenset({"differs", "missing-here", "missing-there", "invalid"})


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
    export.set_defaults(run=persons.run_export)
    erase = _explained(_person(_whose(records.command(inner, "erase"))))
    erase.word("--yes", action="store_true")
    erase.set_defaults(run=persons.run_erase)
    _whose(records.command(inner, "erased")).set_defaults(run=persons.run_erased)


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
        state = call.say(f"records.states.{one['state']}", partner=one["partner"])
        call.tell("records.compared", title=one["title"] or one["agreement"], state=state, at=one["compared"])
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


def _tell_hold(call: Call, one: dict[str, Any]) -> None:
    about = one["title"] or one["agreement"] or call.say("records.all")
    facts = {
        "hold": one["id"],
        "about": about,
        "role": one["role"],
        "ground": one["ground"],
        "at": one["set"],
    }
    call.tell("records.hold", **facts)
    if not one["standing"]:
        call.tell("records.lifted", role=one["lifted_role"], ground=one["lifted_ground"], at=one["lifted"])


def _words(call: Call, finding: dict[str, Any]) -> dict[str, object]:
    what, subject = finding["what"], finding["subject"]
    if subject in ("provider", "consumer"):
        subject = call.say(f"records.side.{subject}")
    return {
        "what": call.say(f"records.what.{what}", subject=subject),
        "kind": call.say(f"records.kinds.{finding['kind']}"),
        "ours": _account(call, what, finding["ours"]),
        "theirs": _account(call, what, finding["theirs"]),
    }


def _account(call: Call, what: str, told: str | None) -> str:
    """What one side's log says; of a transfer `STATE BYTES`, where the state may be the code of its failure."""
    if not told:
        return call.say("records.nothing-there")
    state, _, count = told.rpartition(" ")
    if what != "transfer" or not count.isdecimal():
        return told
    known = state if state in ("whole", "open") else "failed"
    return call.say(f"records.transfer.{known}", bytes=int(count), code=state)


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
