"""`hanse policy templates`: the rule templates, what each means, and a filled one as JSON for anybody to publish.

A template that could permit nobody in this installation yet is shown as such, with the reason.
"""

import json
from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import OK, Call, visible
from connector.cli.policy.source import policy_engine
from connector.foundation.clock import SystemClock
from connector.foundation.errors import Mistake
from connector.kernel.policy.engine import PolicyEngine


def run(call: Call) -> int:
    from connector.data.catalogue.templates import templates

    args = call.args
    if args.id is None:
        if args.slots or args.fill:
            raise Mistake("cli.policy-which-template")
        return _list(call, templates.templates())
    chosen = templates.template(templates.named(args.id))
    if not (args.slots or args.fill):
        return _one(call, chosen)
    document = templates.fill(args.id, slots(args.slots))
    print(visible(json.dumps(document, ensure_ascii=False, indent=None if args.json else 2)))
    return OK


def slots(pairs: list[str]) -> dict[str, str]:
    """`SLOT=VALUE` pairs; several values of one slot stand one after the other, parted by commas."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise Mistake("cli.slot", pair=pair)
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _list(call: Call, found: Any) -> int:
    engine = policy_engine(call)
    shown = [_short(call, engine, one) for one in found]
    call.result({"templates": shown})
    for one in shown:
        _print(call, one)
    return OK


def _short(call: Call, engine: PolicyEngine, one: Any) -> dict[str, Any]:
    why = _unusable(call, engine, one)
    short = {"id": one.id, "number": one.number, "title": one.title[call.lang], "effect": one.effect[call.lang]}
    return {**short, "usable": why is None, **({} if why is None else {"why": why})}


def _unusable(call: Call, engine: PolicyEngine, one: Any) -> str | None:
    """Why this template could permit nobody anything here, whatever its slots hold; None if it could."""
    from connector.data.catalogue.templates.usable import hindrance

    found = hindrance(engine, one, SystemClock().now())
    return None if found is None else found.reasons[call.lang]


def _print(call: Call, short: Mapping[str, Any]) -> None:
    call.tell("policy.template", number=short["number"], id=short["id"], title=short["title"])
    call.tell("policy.template-effect", text=short["effect"])
    if not short["usable"]:
        call.tell("policy.template-unusable", text=short["why"])


def _one(call: Call, chosen: Any) -> int:
    """Title, effect and plain words; each slot; and the sentences of the contract if the slots have defaults."""
    from connector.data.catalogue.templates import templates
    from connector.data.catalogue.templates.slots import hint

    lang = call.lang
    blanks = {
        name: {
            "type": slot.type,
            "label": slot.label[lang],
            "hint": hint(slot, lang),
            "default": slot.default,
            "default_text": templates.default_text(slot, chosen.slots, lang),
            "optional": slot.optional,
        }
        for name, slot in chosen.slots.items()
    }
    sentences, short = _example(call, chosen), _short(call, policy_engine(call), chosen)
    call.result({**short, "plain": chosen.plain[lang], "slots": blanks, "sentences": sentences})
    _print(call, short)
    call.tell("policy.template-effect", text=chosen.plain[lang])
    for name, blank in blanks.items():
        call.tell(
            f"policy.slot-{_need(blank)}",
            name=name,
            label=f"{blank['label']}: {blank['hint']}",
            default=blank["default_text"],
        )
    for clause in sentences:
        call.tell("policy.clause", text=clause["text"], badge=call.say(f"policy.badge.{clause['badge']}"))
    if not sentences:
        call.tell("policy.template-fill", id=chosen.id)
    return OK


def _need(blank: Mapping[str, Any]) -> str:
    return "default" if blank["default"] else "optional" if blank["optional"] else "needed"


def _example(call: Call, chosen: Any) -> list[dict[str, str]]:
    from connector.data.catalogue.templates import templates

    try:
        document = templates.fill(chosen.id, {})
    except Mistake:
        return []  # a slot has to be filled first
    return [{"text": text, "badge": badge} for text, badge in policy_engine(call).clauses(document, call.lang)]
