"""`hanse policy show`: a policy in sentences with a badge each, or as it stands if it cannot be said completely.

A policy that gives the same digest as one of our templates is named by it: whoever knows the template has read it.
"""

import json
import shlex
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, visible
from connector.cli.policy.source import ended, held, not_understood, notes, policy_engine, read, tell_unknown, unparsed
from connector.data.catalogue.templates.recognise import recognise
from connector.foundation.errors import Mistake
from connector.kernel.dialects.policies.translate import Foreign
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.parse import parse


def run(call: Call) -> int:
    name, engine = call.args.policy, policy_engine(call)
    if call.args.participant and not Path(name).is_file():
        found = held(call, name, call.args.participant)
    elif not Path(name).exists() and name.startswith(("urn:", "http:", "https:")):
        raise Mistake("cli.policy-whose", id=name)
    else:
        found = read(call, name)
    shown = [_shown(call, engine, one) for one in found]
    call.result({"policies": shown})
    for number, one in enumerate(shown):
        _print(call, one, number, len(shown))
    return REFUSED if any("problem" in one for one in shown) else OK


def _shown(call: Call, engine: PolicyEngine, found: Foreign) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "place": found.place,
        "dialect": found.dialect,
        "notes": notes(found, call.lang),
        "policy": found.document,
    }
    try:
        clauses = engine.clauses(found.document, call.lang)
        shown["digest"] = engine.digest(found.document)
    except PolicyError as fault:
        return {**shown, "problem": unparsed(fault, call.lang)}
    template = recognise(parse(found.document))
    shown["template"] = None if template is None else template._asdict()
    shown["names"], shown["ended"] = engine.names(found.document, call.lang), ended(engine, found, call.lang)
    shown["unknown"] = not_understood(engine.coverage(found.document))
    return {**shown, "clauses": [{"text": text, "badge": badge} for text, badge in clauses]}


def _print(call: Call, shown: dict[str, Any], number: int, many: int) -> None:
    if call.args.json:
        return
    if many > 1:
        call.tell("policy.number", number=number + 1, many=many, place=shown["place"] or "-")
    call.tell("policy.dialect", dialect=call.say(f"policy.form.{shown['dialect']}"))
    for note in shown["notes"]:
        call.tell("policy.note", text=note)
    if "problem" in shown:
        call.tell("policy.problem", text=shown["problem"])
        return
    if template := shown["template"]:
        slots = "".join(f" --slot {name}={shlex.quote(text)}" for name, text in template["slots"].items())
        key = "policy.template-was" if template["edition"] else "policy.template-is"
        call.tell(key, id=template["template"], slots=visible(slots), edition=template["edition"])
    for text in shown["names"]:
        call.tell("policy.named", text=text)
    if shown["ended"]:
        call.tell("policy.ended", since=shown["ended"])
    for clause in shown["clauses"]:
        call.tell("policy.clause", text=clause["text"], badge=call.say(f"policy.badge.{clause['badge']}"))
    if not shown["clauses"]:
        tell_unknown(call, shown["unknown"])
        call.tell("policy.unworded")
        print(visible(json.dumps(shown["policy"], ensure_ascii=False, indent=2)))
