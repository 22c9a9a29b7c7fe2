"""`hanse dataset`: own datasets as they are, changed, replaced by new data, withdrawn, and what they were before."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from connector.cli.exchange import answers
from connector.cli.exchange.publish import remarks_on, slots_of, upload
from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake
from connector.foundation.language.markup import readable

TEXTS: Final = ("title", "description", "keywords", "attribution", "version_notes")
"""What a record says in several languages."""


def register(top: Words, places: Any) -> None:
    group = top.command(places, "dataset")
    inner = group.commands("dataset_command")
    listing = group.command(inner, "list")
    listing.word("--as", dest="participant", required=True, metavar="SLUG")
    listing.set_defaults(run=run_list)
    _one(group, inner, "show").set_defaults(run=run_show)
    change = _one(group, inner, "change")
    answers.register(change)
    change.word("--rule", of="answers", metavar="TEMPLATE")
    change.word("--set", of="answers", dest="slots", action="append", default=[], metavar="SLOT=VALUE")
    change.word("--visibility", of="answers", choices=("members", "eligible"))
    change.word("--countersignature", of="answers", choices=("required", "preferred", "none"))
    change.word("--revision", of="answers", type=int, metavar="NUMBER")
    change.set_defaults(run=run_change)
    replace = _one(group, inner, "replace")
    replace.word("file", of="answers", metavar="FILE", type=Path)
    answers.register(replace)
    replace.word("--revision", of="answers", type=int, metavar="NUMBER")
    replace.set_defaults(run=run_replace)
    withdraw = _one(group, inner, "withdraw")
    withdraw.word("--revision", of="answers", type=int, metavar="NUMBER")
    withdraw.sure()
    withdraw.set_defaults(run=run_withdraw)
    _one(group, inner, "history").set_defaults(run=run_history)


def _one(group: Words, inner: Any, name: str) -> Words:
    command = group.command(inner, name)
    command.word("id", of="answers", metavar="ID")
    command.word("--as", of="answers", dest="participant", metavar="SLUG")
    return command


def run_list(call: Call) -> int:
    """Newest first."""
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "datasets")
    call.result(found)
    for one in found["datasets"]:
        state = one["status"]["text"][call.lang]
        call.tell("dataset.about", title=one["title"], dataset=one["dataset"], state=state, at=one["created"])
        for offer in one["terms"]:
            visibility = call.say(f"dataset.visibility.{offer['visibility']}")
            call.tell("dataset.offer", offer=offer["offer"], visibility=visibility, rule=offer["title"][call.lang])
    if not found["datasets"]:
        call.tell("dataset.none", slug=call.args.participant)
    return OK


def run_show(call: Call) -> int:
    found = _get(call)
    call.result(found)
    call.tell("dataset.shown", title=found["title"])
    call.tell("dataset.id", dataset=found["dataset"])
    state = found["status"]["text"][call.lang]
    times = {"issued": found["created"], "last": found["changed"]}
    call.tell("dataset.state", revision=found["revision"], state=state, **times)
    call.tell("dataset.version", version=found["version"])
    for name, value in found["record"].items():
        call.tell("dataset.field", field=_field(call, name), value=_value(call, value, name))
    if (file := found["file"]) is not None:
        size = call.size(file["bytes"]) if file["bytes"] is not None else "-"
        call.tell("dataset.file", name=file["name"], media=file["media_type"], bytes=size)
    if found["download"]:
        call.tell("dataset.download", address=found["download"])
    for offer in found["terms"]:
        visibility = call.say(f"dataset.visibility.{offer['visibility']}")
        call.tell("dataset.offer", offer=offer["offer"], visibility=visibility, rule=offer["title"][call.lang])
    _tell_running(call, found)
    return OK


def run_change(call: Call) -> int:
    """Against the revision that is current now, unless another was seen."""
    args = call.args
    said = answers.said(args)
    offers = {"visibility": args.visibility, "countersignature": args.countersignature, "rule": args.rule}
    asked = {**said, **{name: value for name, value in offers.items() if value is not None}}
    if args.slots:
        asked["slots"] = slots_of(args.slots)
    if not asked:
        raise Mistake("cli.dataset-nothing")
    before = _get(call)
    made = _post(call, "change", {**asked, "revision": args.revision or before["revision"]})
    call.result(made)
    key = "dataset.done-change" if made != before else "dataset.done-same"
    call.tell(key, title=made["title"], revision=made["revision"])
    return OK


def run_replace(call: Call) -> int:
    """Contracts that keep their version are named."""
    args = call.args
    before = _get(call)
    said = {**answers.said(args), "revision": args.revision or before["revision"]}
    source = upload(Api(call.settings().api.socket), _whose(call), args.file)
    remarks = remarks_on(call, args.file)
    made = _post(call, "replace", {**said, "source": source["source"]})
    call.result(made | remarks)
    key = "dataset.done-replace" if made["revision"] != before["revision"] else "dataset.done-same"
    call.tell(key, title=made["title"], revision=made["revision"], version=made["version"])
    if made["version"] != before["version"]:
        _tell_running(call, made)
    return OK


def run_withdraw(call: Call) -> int:
    """Contracts that run are named first; then somebody has to confirm."""
    args = call.args
    found = _get(call)
    if found["running"] and not args.json:
        _tell_running(call, found)
    if found["running"] and not call.sure("dataset.withdraw-question", title=found["title"]):
        return REFUSED
    body = {"confirmed": bool(found["running"]), "revision": args.revision}
    made = _post(call, "withdraw", body)
    call.result(made)
    call.tell("dataset.done-withdraw", title=made["title"])
    return OK


def run_history(call: Call) -> int:
    found = _get(call, "history")
    call.result(found)
    call.tell("dataset.shown", title=found["title"])
    for one in found["revisions"]:
        action = call.say(f"dataset.actions.{one['action']}")
        call.tell("dataset.revision", number=one["number"], at=one["at"], action=action, version=one["version"][:12])
        for each in one["differences"]:
            name = each["field"]
            for lang, before, after in _apart(name, each["before"], each["after"]):
                field = _field(call, name) if lang in ("", "de") else f"{_field(call, name)} ({lang})"
                shown = {"before": _value(call, before, name), "after": _value(call, after, name)}
                call.tell("dataset.difference", field=field, **shown)
    return OK


def _get(call: Call, *more: str) -> Any:
    return Api(call.settings().api.socket).get("participants", _whose(call), "datasets", _id(call.args.id), *more)


def _post(call: Call, what: str, body: Mapping[str, object]) -> Any:
    api = Api(call.settings().api.socket)
    return api.post("participants", _whose(call), "datasets", _id(call.args.id), what, body=body)


def _whose(call: Call) -> str:
    """Of which participant: as named, else by the address of the dataset, else the only one hosted. Raises Mistake."""
    if call.args.participant is None:
        hosted = Api(call.settings().api.socket).get("participants")["participants"]
        found = [one["slug"] for one in hosted if call.args.id.startswith(f"{one['root']}/datasets/")] or [
            one["slug"] for one in hosted if len(hosted) == 1
        ]
        if not found:
            raise Mistake("cli.dataset-whose")
        call.args.participant = found[0]
    return str(call.args.participant)


def _id(text: str) -> str:
    """The UUID at the end of an address of ours; an address of another catalogue stays whole."""
    last = text.rstrip("/").rpartition("/")[2]
    return last if len(last) == 36 and last.count("-") == 4 else text


def _tell_running(call: Call, found: Any) -> None:
    if found["running"]:
        call.tell("dataset.running", count=len(found["running"]))
    for one in found["running"]:
        call.tell("dataset.contract", agreement=one["agreement"], partner=one["partner"])


def _field(call: Call, name: str) -> str:
    try:
        return call.say(f"dataset.fields.{name}")
    except KeyError:
        return name


def _apart(name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Before and after; of texts by language each that differs, with its language."""
    if name not in TEXTS:
        yield "", before, after
        return
    before, after = before or {}, after or {}
    for lang in {**before, **after}:
        if before.get(lang) != after.get(lang):
            yield lang, before.get(lang), after.get(lang)


def _value(call: Call, value: Any, name: str = "") -> str:
    """A value of a record in one line: codes of lists by their labels, texts in the language asked for."""
    if value in (None, "", [], {}):
        return call.say("dataset.empty")
    if name == "access":
        return call.say(f"dataset.access.{value}")
    if isinstance(value, str):
        from connector.kernel.metadata.lists.code_lists import code_lists  # most commands do not need them

        return code_lists().label(value, call.lang) or readable(value)
    if isinstance(value, list):
        return ", ".join(_value(call, one) for one in value)
    if isinstance(value, dict) and value.keys() & {"de", "en", ""}:
        return _value(call, value.get(call.lang) or next(iter(value.values())))
    if isinstance(value, dict) and value.keys() <= {"start", "end", "iri"}:
        return f"{value.get('start', '')} – {value.get('end', '')}".strip()
    return json.dumps(value, ensure_ascii=False)
