"""`hanse participant add --csv FILE`: a list of participants, all rows checked before the first one is added.

Adding is repeatable: who is here already, just so, stays as it is, so that a list that broke off is simply given again.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from connector.cli.frame.call import OK, REFUSED, WRONG_USAGE, Call, named_file
from connector.cli.frame.client import Api, Problem
from connector.cli.operate import namesakes
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.identity.participants.model import checked_name, checked_slug, split_root
from connector.identity.participants.publisher_details import PublisherChange, PublisherDetails
from connector.verify.formats.names import seen

SAID: Final = ("ars", "contact_name", "contact_email", "contact_url", "contributor")
"""Columns of what datasets say of their publisher."""
COLUMNS: Final = ("slug", "name", "kind", "root", "operator", *SAID)
NEEDED: Final = COLUMNS[:3]
LARGEST: Final = 1 << 20
MOST: Final = 5000


class Line(NamedTuple):
    """One row of the list, by the number of its line in the file."""

    number: int
    values: Mapping[str, str]


def run(call: Call, path: Path) -> int:
    """Exit code 0 if all are here afterwards, 2 if the list is wrong (then nothing was added), 1 if some failed."""
    lines = list(_lines(path))
    wishes, faults = _checked(call, lines)
    for fault in faults:
        call.note("participant.csv-fault", **fault)
    if faults:
        call.result({"added": 0, "faults": faults})
        call.tell("participant.csv-nothing", faults=len(faults))
        return WRONG_USAGE
    if call.args.dry_run:
        return _only_told(call, wishes)
    return _added(call, wishes)


def _lines(path: Path) -> Iterator[Line]:
    """Comma or semicolon, UTF-8 (with or without mark) or as spreadsheets in Germany save it; raises Mistake."""
    text = _text(path)
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().casefold() for name in next(reader, [])]
        if not set(NEEDED) <= set(names) <= set(COLUMNS) or len(set(names)) != len(names):
            raise Mistake("cli.csv-columns", path=path, columns=", ".join(COLUMNS))
        for count, row in enumerate(filter(any, reader)):
            if count >= MOST:
                raise Mistake("cli.csv-large", path=path, most=MOST)
            if len(row) != len(names):
                raise Mistake("cli.csv-broken", path=path, line=reader.line_num)
            yield Line(reader.line_num, {name: value.strip() for name, value in zip(names, row, strict=True)})
    except csv.Error as cause:
        raise Mistake("cli.csv-broken", path=path, line=reader.line_num) from cause


def _text(path: Path) -> str:
    data = named_file(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise Mistake("cli.csv-large", path=path, most=MOST)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _checked(call: Call, lines: list[Line]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What to ask the server for, and what is wrong with which line."""
    wishes: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    lines_of: dict[str, int] = {}
    for line in lines:
        try:
            wish = _wish(call, line)
            if wish["slug"] in lines_of:
                raise Mistake("cli.csv-twice", slug=wish["slug"], line=lines_of[wish["slug"]])
            lines_of[wish["slug"]] = line.number
            wishes.append(wish)
        except Mistake as mistake:
            faults.append({"line": line.number, "reason": say(f"error.{mistake.code}", call.lang, **mistake.facts)})
    return wishes, faults


def _wish(call: Call, line: Line) -> dict[str, Any]:
    for name in NEEDED:
        if not line.values[name]:
            raise Mistake("cli.csv-empty", column=name)
    wish: dict[str, Any] = {name: value for name, value in line.values.items() if value}
    checked_slug(wish["slug"])
    for text in (wish["name"], wish.get("operator", "")):
        checked_name(text)
    if "root" in wish:
        split_root(wish["root"])
    kind = concepts.kind(wish["kind"]).iri
    said: dict[str, str] = {name: wish.pop(name) for name in SAID if name in wish}
    _publisher(said, kind, PublisherDetails())
    return {**wish, "kind": kind, **({"publisher": said} if said else {})}


def _publisher(said: Mapping[str, str], kind: str, details: PublisherDetails) -> PublisherDetails:
    """What the participant then says of itself; raises Mistake."""
    from connector.identity.participants import publisher  # reads lists, which most commands do not need

    return publisher.changed(details, msgspec.convert(said, PublisherChange), kind)


def _only_told(call: Call, wishes: list[dict[str, Any]]) -> int:
    known = {one["slug"]: one for one in Api(call.settings().api.socket).get("participants")["participants"]}
    rows = [{"slug": one["slug"], "name": one["name"], "is": _standing(one, known.get(one["slug"]))} for one in wishes]
    call.result({"added": 0, "would": rows})
    looks: dict[str, dict[str, str]] = {}
    for one in (*known.values(), *wishes):
        looks.setdefault(seen(one["name"]), {})[one["slug"]] = one["name"]
    for row in rows:
        call.tell(f"participant.csv-{row['is']}", slug=row["slug"], name=row["name"])
        others = {slug: name for slug, name in looks[seen(row["name"])].items() if slug != row["slug"]}
        namesakes.tell(call, {"alike": [{"slug": slug, "name": name} for slug, name in others.items()]})
    call.tell("participant.csv-dry", count=sum(row["is"] == "would" for row in rows))
    return REFUSED if any(row["is"] == "other" for row in rows) else OK


def _standing(wish: Mapping[str, Any], known: Mapping[str, Any] | None) -> str:
    """What adding would come to: `would` be added, `known` just so, or taken by an `other` one."""
    if known is None:
        return "would"
    usual = {"operator": wish["name"], "root": known["root"], **wish}
    if said := wish.get("publisher"):
        details = PublisherDetails(**{name: known["publisher"][name] for name in SAID})
        if _publisher(said, wish["kind"], details) != details:
            return "other"
    if "root" in wish:
        usual["root"] = split_root(wish["root"])[0]
    return "known" if all(known[name] == usual[name] for name in ("name", "kind", "operator", "root")) else "other"


def _added(call: Call, wishes: list[dict[str, Any]]) -> int:
    """One after the other, each told as it is done; one that fails stops no other."""
    api, rows = Api(call.settings().api.socket), list[dict[str, Any]]()
    for number, wish in enumerate(wishes, 1):
        facts = {"number": number, "count": len(wishes), "slug": wish["slug"], "name": wish["name"]}
        try:
            made = api.post("participants", body=wish)
        except Problem as problem:
            call.note("participant.csv-failed", reason=problem.sentence(call.lang), **facts)
            rows.append({"slug": wish["slug"], "ok": False, "reason": problem.sentence(call.lang)})
            continue
        call.tell("participant.csv-added", did=made["did"], **facts)
        namesakes.tell(call, made)
        rows.append({"slug": wish["slug"], "ok": True, "did": made["did"]})
    failed = sum(not row["ok"] for row in rows)
    call.result({"added": len(rows) - failed, "participants": rows})
    call.tell("participant.csv-done", count=len(rows) - failed, failed=failed)
    return REFUSED if failed else OK
