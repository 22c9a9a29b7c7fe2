"""`hanse agreement end|show|compare`: the life of one agreement, from its conclusion to its end or replacement."""

from datetime import UTC, datetime
from typing import Any

from connector.cli.frame.call import OK, UNDECIDED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    agreement = top.command(places, "agreement")
    inner = agreement.commands("agreement_command")
    end = _about(agreement.command(inner, "end"))
    end.word("--reason", required=True, metavar="TEXT")
    end.word("--reason-en", metavar="TEXT")
    end.word("--notice", metavar="DAY")
    end.sure()
    end.set_defaults(run=run_end)
    show = _about(agreement.command(inner, "show"))
    show.set_defaults(run=run_show)
    compare = _about(agreement.command(inner, "compare"))
    compare.word("new", metavar="NEW")
    compare.set_defaults(run=run_compare)


def _about(command: Words) -> Words:
    command.word("agreement", metavar="AGREEMENT")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    return command


def run_end(call: Call) -> int:
    """States the end; what becomes of it is shown at once, its delivery goes on by itself.

    Without `--notice` it is over at once, so a person is asked first.
    """
    args = call.args
    if args.notice is None and not args.yes:
        found = _api(call).get("participants", args.participant, "agreements", _uuid(args.agreement))
        call.tell("agreement.at-once", title=found["title"] or found["dataset"], partner=found["partner"])
        if not call.sure("agreement.question"):
            return UNDECIDED
    wish = {"reason": args.reason, "reason_en": args.reason_en, "notice": args.notice}
    now = _api(call).post("participants", args.participant, "agreements", _uuid(args.agreement), "end", body=wish)
    return _told(call, now)


def run_show(call: Call) -> int:
    args = call.args
    found = _api(call).get("participants", args.participant, "agreements", _uuid(args.agreement), "life")
    return _told(call, found)


def run_compare(call: Call) -> int:
    """Every clause once; what stayed as it was is told in one line at the end."""
    args = call.args
    parts = ("participants", args.participant, "agreements", _uuid(args.agreement), "comparison")
    found = _api(call).get(*parts, with_=args.new)
    call.result(found)
    kept = [row for row in found["rows"] if row["change"] == "kept"]
    for row in found["rows"]:
        if row not in kept:
            call.tell(f"agreement.changes.{row['change']}")
            _side(call, "agreement.before", row["before"])
            _side(call, "agreement.after", row["after"])
    call.tell("agreement.kept", count=len(kept))
    if not found["complete"]:
        call.tell("agreement.incomplete")
    return OK


def _side(call: Call, key: str, clause: dict[str, str] | None) -> None:
    if clause is not None:
        call.tell(key, text=clause[call.lang])


def _told(call: Call, life: dict[str, Any]) -> int:
    call.result(life)
    call.tell("agreement.about", title=life["title"] or life["dataset"], partner=life["partner"])
    if life["part_of"]:
        whole = life["part_of"]
        call.tell(
            "agreement.part-of", partner=life["partner"], whole=whole["name"], did=whole["did"], day=whole["since"]
        )
    call.tell("agreement.state", state=life["status"]["text"][call.lang])
    told_of_term(call, life["state"], life["expires"])
    if life["ended"]:
        call.tell("agreement.ended", at=life["ended"])
    for one in life["endings"]:
        who = call.say("agreement.us" if one["ours"] else "agreement.them")
        call.tell("agreement.stated", who=who, at=one["at"], effective=one["effective"])
        call.tell("agreement.reason", text=one["reason"][call.lang])
        call.tell(f"agreement.answers.{one['answer']}")
    if life["successor"]:
        call.tell("agreement.successor", **life["successor"])
    if life["predecessor"]:
        ended = life["predecessor"]["ended"]
        call.tell(f"agreement.predecessor.{'over' if ended else 'runs'}", **life["predecessor"])
    told_of_seal(call, life)
    for one in life["successions"]:
        call.tell("agreement.succeeded", **one)
    return OK


def told_of_term(call: Call, state: str, expires: str | None) -> None:
    """Until when an agreement in force was agreed (RFC 3339), or that this time is over."""
    if expires is not None and state in ("finalized", "one-sided"):
        over = datetime.fromisoformat(expires) <= datetime.now(UTC)
        call.tell("agreement.expired" if over else "agreement.expires", at=expires, through=expires)


def told_of_seal(call: Call, life: dict[str, Any]) -> None:
    """How far the consumer's seal has got, and what there is to do; nothing once both are there."""
    found = life["countersigning"]
    if found["step"] != "given":
        facts = {"agreement": life["agreement"], "slug": call.args.participant, "until": found["until"] or ""}
        call.tell(f"agreement.countersigning.{found['step']}", **facts)
    if found["until"] and found["step"] not in ("given", "over", "late"):
        call.tell("agreement.countersign-by", until=found["until"])


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
