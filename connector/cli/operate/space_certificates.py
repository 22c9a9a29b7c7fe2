"""`hanse space certificates` and what goes with them: seal certificates above level L1, and stolen keys.

People of the authority compare the digest with what the member's people have in hand (spec/spaces.md 3.4).
"""

from collections.abc import Callable
from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words

Command = Callable[[str, Callable[[Call], int]], Words]


def register(command: Command, who: Callable[[Words], None]) -> None:
    """`command` makes one of a participant, by its name and what runs; `who` adds the person that decides."""
    command("certificates", run_certificates)
    for name, run in (("certificate-approve", run_approve), ("certificate-refuse", run_refuse)):
        decide = command(name, run)
        decide.word("did", metavar="DID")
        decide.word("sha256", metavar="SHA256")
        who(decide)
    decide.word("--reason", metavar="TEXT", default="")  # of a no
    strike = command("strike-key", run_strike)
    strike.word("did", metavar="DID")
    strike.word("key", metavar="KEY")
    strike.word("--since", metavar="TIME", required=True)
    strike.sure()
    who(strike)


def run_certificates(call: Call) -> int:
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "space", "certificates")
    _tell(call, found)
    if not found["certificates"]:
        call.tell("space.certificate-none")
    return OK


def run_approve(call: Call) -> int:
    return _decided(call, "approve")


def run_refuse(call: Call) -> int:
    return _decided(call, "refuse")


def _decided(call: Call, step: str) -> int:
    args = call.args
    body = {"did": args.did, "sha256": args.sha256.lower(), "who": args.who}
    if step == "refuse":
        body["reason"] = args.reason
    _tell(call, _post(call, step, body))
    return OK


def run_strike(call: Call) -> int:
    args = call.args
    if not call.sure("space.strike-key-sure", since=args.since):
        return OK
    call.result(_post(call, "strike", {"did": args.did, "key": args.key, "since": args.since, "who": args.who}))
    call.tell("space.strike-key-done", key=args.key, since=args.since)
    return OK


def _post(call: Call, step: str, body: dict[str, str]) -> Any:
    api = Api(call.settings().api.socket)
    return api.post("participants", call.args.participant, "space", "certificates", step, body=body)


def _tell(call: Call, found: Any) -> None:
    call.result(found)
    for one in found["certificates"]:
        call.tell(
            "space.certificate-line",
            name=one["name"],
            did=one["did"],
            sha256=one["sha256"],
            missing=one["missing"],
        )
        if one["level"]:
            call.tell(
                "space.certificate-shown",
                subject=one["subject"],
                issuer=one["issuer"],
                begins=one["valid_from"][:10],
                ends=one["valid_until"][:10],
                level=one["level"],
            )
