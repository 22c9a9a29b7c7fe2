"""`hanse records export`, `erase` and `erased`: what is kept of a person, copied for her and erased on her wish.

The server answers in portions; they are followed to the end, and what is long says how far it is on standard error.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, unusable
from connector.cli.frame.client import Api, Problem
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.foundation.language import catalogue

TYPES = frozenset(
    {
        "agreement",
        "termination",
        "transfer",
        "deed",
        "decision",
        "confirmation",
        "publication",
        "alarm",
        "key",
        "succession",
        "told",
        "tombstone",
        "hold",
        "clearing",
    }
)
MOST_LINES = 20
"""Of each kind that stays, shown one by one; all of them are in the JSON."""
_LISTS = ("records", "objects", "places", "may", "stays", "clears")
_COUNTS = ("erased", "cleared")


def run_export(call: Call) -> int:
    """A file that nobody else may read: it is about a person. 0 only if it holds everything."""
    args = call.args
    place = ("participants", args.participant, "persons", args.pseudonym)
    found = walked(call, lambda after: _api(call).get(*place, after=after))
    told = {name: value for name, value in found.items() if name not in ("may", "stays", "clears", *_COUNTS)}
    try:
        args.output.touch(mode=0o600)
        args.output.chmod(0o600)  # it may have been there
        args.output.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        raise unusable(args.output, problem) from problem
    sizes = {name: len(told[name]) for name in ("records", "objects", "places")}
    call.result({"file": str(args.output), **sizes})
    call.tell("records.exported", file=args.output, **sizes)
    if not any(sizes.values()):
        call.tell("records.unknown", pseudonym=args.pseudonym)
    if not told["complete"]:
        call.note("records.incomplete")
        return REFUSED
    return OK


def run_erase(call: Call) -> int:
    """0 only if nothing says the pseudonym any more, nor a signed document; shows first, asks, then erases."""
    args = call.args
    place = ("participants", args.participant, "persons", args.pseudonym, "erase")
    wish = {"role": args.role, "ground": args.ground}

    def portions(*, sure: bool) -> dict[str, Any]:
        return walked(call, lambda after: _api(call).post(*place, body={**wish, "sure": sure, "after": after}))

    plan = portions(sure=False)
    _tell_plan(call, plan)
    if not (plan["may"] or plan["clears"]):
        call.result(plan)
        call.tell("records.nothing")
        return _remains(call, plan)
    if not (args.yes or _sure(call, len(plan["may"]) + len(plan["clears"]))):
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
    if done["cleared"]:
        call.tell("records.cleared", count=done["cleared"])
    return _remains(call, done)


def run_erased(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "erasures")
    graves, clearings = found["erasures"], found.get("clearings", [])
    call.result({"erasures": graves, "clearings": clearings})
    for one in graves:
        call.tell(
            "records.grave",
            index=one["leaf_index"],
            type=_type(call, one),
            role=one["role"],
            ground=one["ground"],
            at=rfc3339(one["at"]),
        )
    for one in clearings:
        facts = {"role": one["role"], "ground": one["ground"], "at": rfc3339(one["at"])}
        call.tell("records.clearing", count=sum(one["cleared"].values()), **facts)
    if not (graves or clearings):
        call.tell("records.no-graves")
    return OK


def walked(call: Call, portion: Callable[[int | str], Mapping[str, Any]]) -> dict[str, Any]:
    """One answer out of as many portions as the server gives it in; a server that goes in circles is not followed."""
    whole: dict[str, Any] = {**{name: [] for name in _LISTS}, **dict.fromkeys(_COUNTS, 0)}
    after: int | str = 0
    seen = {after}
    while True:
        found = portion(after)
        for name, value in found.items():
            whole[name] = whole[name] + value if name in whole and name in (*_LISTS, *_COUNTS) else value
        after = found["next"]
        if after is None or after in seen:
            return whole
        seen.add(after)
        call.note("records.walked", count=sum(len(whole[name]) for name in _LISTS))


def _tell_plan(call: Call, plan: Mapping[str, Any]) -> None:
    call.tell("records.may", count=len(plan["may"]))
    if plan["clears"]:
        call.tell("records.clears", count=len(plan["clears"]))
    for one in plan["stays"][:MOST_LINES]:
        index = "–" if one["index"] is None else one["index"]  # it gets its number when it is sealed
        why = call.say(f"records.why.{one['why']}")
        call.tell("records.stays", index=index, type=_type(call, one), why=why, until=_until(call, one))
    if len(plan["stays"]) > MOST_LINES:
        call.tell("records.more", count=len(plan["stays"]) - MOST_LINES)
    for one in plan["objects"][:MOST_LINES]:
        why = call.say(f"records.signed.{one['why']}")
        call.tell(
            "records.object", name=one["name"], agreement=one["agreement"] or "–", why=why, until=_until(call, one)
        )
    for one in plan["places"][:MOST_LINES]:
        where, why = _where(call, one), call.say(f"records.place-why.{one['why']}")
        call.tell("records.place", where=where, why=why, until=_until(call, one))
    left = sum(max(len(plan[name]) - MOST_LINES, 0) for name in ("objects", "places"))
    if left:
        call.tell("records.more-places", count=left)


def _remains(call: Call, told: Mapping[str, Any]) -> int:
    """What still says the pseudonym, with what to do about it; the exit code that says whether anything does."""
    stays, objects, others = told["stays"], told["objects"], told["places"]
    if not told["complete"]:
        call.note("records.incomplete")
    if not (told["may"] or told["clears"] or stays or objects or others):
        call.tell("records.unknown", pseudonym=call.args.pseudonym)
    facts = {"pseudonym": call.args.pseudonym}
    if others:
        call.tell("records.remains-places", places=len(others), **facts)
    if objects or others or any(one["why"] != "unsealed" for one in stays):
        call.tell("records.remains", records=len(stays), objects=len(objects), **facts)
    return REFUSED if stays or objects or others or not told["complete"] else OK


def _until(call: Call, one: Mapping[str, Any]) -> str:
    if one["until"]:
        return call.say("records.until", at=rfc3339(one["until"]))
    return call.say("records.after-end", days=one["days"]) if one["days"] else ""


def _type(call: Call, one: Mapping[str, Any]) -> str:
    return call.say(f"records.types.{one['type']}") if one["type"] in TYPES else str(one["type"])


def _where(call: Call, one: Mapping[str, Any]) -> str:
    """The place in words, with the agreement or the row that tells it from others."""
    table, column = one["table"], one["column"]
    known = f"cli.records.tables.{table}" in catalogue(call.lang)
    named = call.say(f"records.tables.{table}") if known else str(table)
    which = one["agreement"] or " ".join(str(value) for value in one["key"].values()) or "–"
    return call.say("records.where", table=named, column=column, which=which)


def _sure(call: Call, count: int) -> bool:
    """Asked on the terminal only; a script says `--yes`."""
    if call.args.json or not sys.stdin.isatty():
        return False
    print(call.say("records.ask", count=count), end=" ", flush=True)
    return sys.stdin.readline().strip().lower() in ("j", "ja", "y", "yes")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
