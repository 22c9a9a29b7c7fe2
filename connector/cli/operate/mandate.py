"""`hanse mandate`: entrust a provider with acting for a participant, look at mandates, withdraw them."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.kernel.policy.odrl.days import midnight, read_day

ACTIONS = ("negotiate", "publish", "serve")
"""As the server takes them; the verifier's list is not loaded for that."""


def register(top: Words, places: Any) -> None:
    group = top.command(places, "mandate")
    inner = group.commands("subcommand")
    give = group.of_participant(inner, "give", run_give, "mandate")
    give.word("agent", metavar="DID")
    give.word("--name", metavar="NAME", required=True)
    give.word("--until", metavar="TIME", required=True)
    give.word("--contract", metavar="TEXT", required=True)
    give.word("--action", choices=ACTIONS, action="append", default=[])
    group.of_participant(inner, "list", run_list, "mandate")
    group.of_participant(inner, "show", run_show, "mandate").word("mandate", metavar="SHA256")
    withdraw = group.of_participant(inner, "withdraw", run_withdraw, "mandate")
    withdraw.word("--own", action="store_true")
    withdraw.sure()


def run_give(call: Call) -> int:
    args = call.args
    body = {
        "agent": args.agent,
        "name": args.name,
        "until": _end(args.until),
        "contract": args.contract,
        "actions": args.action or list(ACTIONS),
    }
    made = _api(call).post("participants", args.participant, "mandates", body=body)
    call.result(made)
    _tell(call, made["mandate"])
    call.tell("mandate.code")
    if not args.json:
        print(made["code"])
    call.tell("mandate.code-next")
    return OK


def _end(text: str) -> str:
    """Of a day its beginning in the space (decision 0044); a moment is the server's to read."""
    found = read_day(text)
    return text if found is None else midnight(found).isoformat()


def run_list(call: Call) -> int:
    answer = _api(call).get("participants", call.args.participant, "mandates")
    found = answer["mandates"] if isinstance(answer, dict) else answer
    call.result(found)
    for one in found:
        _tell(call, one)
    if not found:
        call.tell("mandate.none")
    return OK


def run_show(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "mandates", call.args.mandate)
    call.result(found)
    said = found["mandate"]
    call.tell("mandate.sealed", name=said["agentName"], agent=said["agent"], sha256=call.args.mandate)
    for action in said["actions"]:
        call.tell("mandate.may", action=call.say(f"mandate.action.{action}"))
    call.tell("mandate.for", contract=said["contract"], through=said["until"])
    return OK


def run_withdraw(call: Call) -> int:
    args = call.args
    if not call.sure("mandate.withdraw-sure", slug=args.participant):
        return OK
    made = _api(call).post("participants", args.participant, "mandates", "withdraw", body={"own": args.own})
    call.result(made)
    _tell(call, made)
    call.tell("mandate.own" if args.own else "mandate.nobody", slug=args.participant)
    if not made["sealed"]:
        call.tell("mandate.unsealed")
    return OK


def _tell(call: Call, one: Any) -> None:
    state = call.say(f"mandate.is.{one['state']}")
    call.tell(
        "mandate.line",
        name=one["name"],
        agent=one["agent"],
        state=state,
        through=one["until"] or "",
        mandate=one["mandate"],
    )


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
