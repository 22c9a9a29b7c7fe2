"""`hanse doctor`: looks at one data folder and its surroundings, changes nothing, and says what is wrong.

Each check is a function that yields findings; `--settings` prints every key with its value and where it came from.
"""

import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import starmap
from pathlib import Path
from typing import Any, Literal, NamedTuple

from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Api, Problem
from connector.cli.frame.parser import Words
from connector.cli.operate import (
    doctor_clock,
    doctor_contracts,
    doctor_database,
    doctor_federation,
    doctor_moved,
    doctor_moves,
    doctor_secrets,
    doctor_spaces,
    doctor_witness,
)
from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.language import catalogue, decimal, say
from connector.foundation.settings.load import Settings, documented, master_key, told, value_of

LEAST_FREE_BYTES = 1 << 30
LEAST_DAYS = 14
MOST_LOOKED_AT = 20


class Finding(NamedTuple):
    """One line: `key` is a message under `cli.doctor`."""

    state: Literal["ok", "warn", "bad"]
    key: str
    facts: dict[str, object]


def register(top: Words, places: Any) -> None:
    command = top.command(places, "doctor")
    command.word("--settings", action="store_true")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    settings = call.settings()
    findings = [finding for check in CHECKS for finding in check(settings, call.lang)]
    rows = list(settings_table(settings, call.lang))
    call.result({"findings": [_plain(call, finding) for finding in findings], "settings": rows})
    for finding in findings:
        call.tell("doctor.line", state=call.say(f"doctor.state.{finding.state}"), text=_text(call, finding))
    if call.args.settings:
        for row in rows:
            origin = call.say("doctor.default") if row["origin"] == "default" else row["origin"]
            call.tell("doctor.setting", **{**row, "origin": origin})
    return REFUSED if any(finding.state == "bad" for finding in findings) else OK


def settings_table(settings: Settings, lang: str) -> Iterator[dict[str, object]]:
    """Every setting: key, value (secrets hidden), origin, variable, description."""
    for setting in documented():
        value = value_of(settings, setting.key)
        shown = told(", ".join(map(str, value)) if isinstance(value, tuple) else value)
        origin = settings.origins[setting.key]
        yield {
            "key": setting.key,
            "value": shown,
            "origin": origin,
            "variable": setting.variable,
            "description": catalogue(lang).get(f"settings.{setting.key}", setting.text),
        }


def _text(call: Call, finding: Finding) -> str:
    return call.say(f"doctor.{finding.key}", **finding.facts)


def _plain(call: Call, finding: Finding) -> dict[str, object]:
    return {"state": finding.state, "check": finding.key, "text": _text(call, finding)}


def _python(_settings: Settings, _lang: str) -> Iterator[Finding]:
    yield Finding("ok", "python", {"version": sys.version.partition(" ")[0], "place": sys.executable})


def _folder(settings: Settings, lang: str) -> Iterator[Finding]:
    folder = settings.folder
    if not folder.is_dir():
        yield Finding("warn", "no-folder", {"folder": folder})
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    yield Finding("warn" if mode & 0o007 else "ok", "open-folder" if mode & 0o007 else "folder", {"folder": folder})
    free = shutil.disk_usage(folder).free
    facts: dict[str, object] = {"gib": decimal(free / (1 << 30), lang), "folder": folder}
    yield Finding(
        "ok" if free >= LEAST_FREE_BYTES else "bad", "space" if free >= LEAST_FREE_BYTES else "no-space", facts
    )


def _server(settings: Settings, lang: str) -> Iterator[Finding]:
    try:
        Api(settings.api.socket).health("ready")
    except Problem as problem:
        for reason in _amiss(problem, lang):
            yield Finding("bad", "not-ready", {"reason": reason})
    except Unavailable:
        yield Finding("warn", "no-server", {})
    except HanseError as error:
        yield Finding("bad", "not-ready", {"reason": say(f"error.{error.code}", lang, **error.facts)})
    else:
        yield Finding("ok", "server", {"socket": settings.api.socket})


def _amiss(problem: Problem, lang: str) -> list[str]:
    """A sentence for each check that is not well, in the words of the page for operators."""
    checks: dict[str, bool] = problem.body.get("checks", {})
    return [say(f"administration.amiss.{name}", lang) for name, well in checks.items() if not well] or [
        problem.sentence(lang)
    ]


def _reachable(settings: Settings, lang: str) -> Iterator[Finding]:
    """Whether the running server can be reached at its public addresses, asked of itself: its own view only.

    The address of who has moved is not for use any more; that has a line of its own.
    """
    api = Api(settings.api.socket)
    try:
        here = [one for one in api.get("participants")["participants"] if one["moved"] is None]
        for slug in [str(one["slug"]) for one in here[:MOST_LOOKED_AT]]:
            seen = api.get("participants", slug, "reachable")
            facts = {"slug": slug, "url": seen["url"], "reason": (seen["reason"] or {}).get(lang, "")}
            yield Finding("ok" if seen["ok"] else "bad", "reachable" if seen["ok"] else "not-reachable", facts)
    except (Problem, HanseError):
        return  # that there is no server, or none that answers, is said already


def _certificate(settings: Settings, lang: str) -> Iterator[Finding]:
    from cryptography import x509

    from connector.foundation.http.server import tls_server

    path = settings.peer.tls_cert_file
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        yield Finding("bad", "no-certificate", {"path": path})
        return
    days = (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() / 86_400
    facts: dict[str, object] = {"path": path, "days": decimal(days, lang, 0)}
    yield Finding(
        "ok" if days >= LEAST_DAYS else "bad", "certificate" if days >= LEAST_DAYS else "certificate-ends", facts
    )
    if not settings.peer.tls_key_file.is_file():
        yield Finding("bad", "no-tls-key", {"path": settings.peer.tls_key_file})
        return
    try:
        tls_server(path, settings.peer.tls_key_file)
    except HanseError as error:
        yield Finding("bad", "no-start", {"reason": say(f"error.{error.code}", lang, **error.facts)})


def _trust(settings: Settings, lang: str) -> Iterator[Finding]:
    trust = settings.trust
    own: tuple[Path, ...] = (trust.list_file, trust.authority_key_file)
    if not trust.list_url and not any(path.is_file() for path in own):
        yield Finding("ok", "no-list", {})
        own = ()
    for path in dict.fromkeys((*own, *trust.seal_ca_files, *trust.ca_files)):
        yield Finding(
            "ok" if path.is_file() else "bad", "trust-file" if path.is_file() else "no-trust-file", {"path": path}
        )
    place = trust.master_key_file
    if trust.master_key or (place is not None and place.exists()):
        try:
            master_key(settings)
            yield Finding("ok", "master-key", {"origin": settings.origins["trust.master_key"]})
        except HanseError as error:
            yield Finding("bad", "no-start", {"reason": say(f"error.{error.code}", lang, **error.facts)})
    elif place is None:
        yield Finding("bad", "no-master-key", {})
    else:
        yield Finding("ok", "master-key-new", {"path": place})
    if place is not None and place.is_file() and stat.S_IMODE(place.stat().st_mode) & 0o077:
        yield Finding("bad", "open-master-key", {"path": place})


def _timestamps(settings: Settings, lang: str) -> Iterator[Finding]:
    """Whether a start would find everything that the authority's tokens need; nobody is asked for one."""
    from connector.dataspace.witness.timestamp_job import authority

    try:
        if (named := authority(settings)) is not None:
            yield Finding("ok", "timestamps", {"url": named.url})
    except HanseError as error:
        yield Finding("bad", "timestamps-bad", {"reason": say(f"error.{error.code}", lang, **error.facts)})


def _plugins(settings: Settings, lang: str) -> Iterator[Finding]:
    """The allowed plug-ins are loaded, as a start would do; of the others only the name is read."""
    from connector.app import plugins

    try:
        for one in plugins.load(settings.plugins.allow):
            operands = ", ".join(operand.iri for operand in one.operands)
            yield Finding("ok", "plugin", {**one.facts(), "operands": operands})
    except HanseError as error:
        yield Finding("bad", "plugin-bad", {"reason": say(f"error.{error.code}", lang, **error.facts)})
    for name in plugins.installed():
        if name not in settings.plugins.allow:
            yield Finding("ok", "plugin-idle", {"name": name})


def _runs(settings: Settings) -> bool:
    """Whether anybody listens: a server that has ended leaves its socket behind."""
    try:
        Api(settings.api.socket).health("live")
    except HanseError as error:
        return error.code != "cli.no-server"
    except Problem:
        pass
    return True


def _port(settings: Settings, lang: str) -> Iterator[Finding]:
    """Whether the port is free; a running server of ours holds it rightly."""
    from connector.foundation.http.server import not_had

    stored = settings.folder / "port"
    text = stored.read_text(encoding="ascii", errors="replace").strip() if stored.is_file() else ""
    port = settings.peer.port or (int(text) if text.isdecimal() else 0)
    if not port or _runs(settings):
        return
    try:
        socket.create_server((settings.peer.host, port)).close()
        yield Finding("ok", "port", {"port": port})
    except OSError as problem:
        error = not_had(problem, settings.peer.host, port)
        yield Finding("bad", "no-start", {"reason": say(f"error.{error.code}", lang, **error.facts)})


CHECKS: tuple[Callable[[Settings, str], Iterator[Finding]], ...] = (
    _python,
    _folder,
    _server,
    _reachable,
    lambda settings, lang: starmap(Finding, doctor_database.lines(settings, lang)),
    _certificate,
    _trust,
    _timestamps,
    lambda settings, lang: starmap(Finding, doctor_clock.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_secrets.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_witness.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_contracts.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_federation.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_spaces.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_moved.lines(settings, lang)),
    lambda settings, lang: starmap(Finding, doctor_moves.lines(settings, lang)),
    _plugins,
    _port,
)
