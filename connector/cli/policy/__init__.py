"""`hanse policy`: shows, explains, tries and checks policies of any origin, fills templates, and runs public suites."""

from pathlib import Path
from typing import Any

from connector.cli.checkout import program
from connector.cli.frame.call import Call
from connector.cli.frame.parser import Words
from connector.kernel.policy.odrl.model import PHASES

FORMATS = ("force", "w3c", "oval")


def register(top: Words, places: Any) -> None:
    group = top.command(places, "policy")
    inner = group.commands("subcommand")
    show = _policy(group.command(inner, "show"))
    show.word("--of", dest="participant", metavar="SLUG")
    show.set_defaults(run=_show)
    explain = _asked(_policy(group.command(inner, "explain")))
    explain.word("--phase", choices=PHASES, default="access")
    explain.word("--report", choices=("turtle", "json-ld"))
    explain.word("--of", dest="participant", metavar="SLUG")
    explain.set_defaults(run=_explain)
    tried = _asked(_policy(group.command(inner, "try")))
    tried.set_defaults(run=_try)
    check = _policy(group.command(inner, "check"))
    check.word("other", nargs="?", metavar="FILE")
    check.word("--open-data", action="store_true")
    check.set_defaults(run=_check)
    templates = group.command(inner, "templates")
    templates.word("id", nargs="?", metavar="ID")
    templates.word("--slot", dest="slots", action="append", default=[], metavar="SLOT=VALUE")
    templates.word("--fill", action="store_true")
    templates.set_defaults(run=_templates)
    audience = group.command(inner, "audience")
    audience.word("rule", metavar="RULE")
    audience.word("--as", dest="participant", required=True, metavar="SLUG")
    audience.word("--slot", dest="slots", action="append", default=[], metavar="SLOT=VALUE")
    audience.set_defaults(run=_audience)
    suite = group.command(inner, "suite")
    suite.word("folder", metavar="DIR", type=Path)
    suite.word("--format", choices=FORMATS, default="force")
    suite.word("--profile", dest="profiles", action="append", default=[], metavar="IRI")
    suite.set_defaults(run=lambda call: program("suites.command").run(call))


def _policy(command: Words) -> Words:
    command.word("policy", metavar="FILE")
    return command


def _asked(command: Words) -> Words:
    """Who asks for what, when, and what else is known."""
    command.word("--as", dest="who", action="append", default=[], metavar="WHO")
    command.word("--purpose", metavar="PURPOSE")
    command.word("--action", metavar="ACTION")
    command.word("--target", metavar="IRI", default="")
    command.word("--at", metavar="TIME")
    command.word("--agreed", metavar="TIME")
    command.word("--uses", type=int, metavar="N")
    command.word("--fact", dest="facts", action="append", default=[], metavar="OPERAND=VALUE")
    return command


# The modules behind the commands are imported when they are asked for: `hanse --help` stays quick.


def _show(call: Call) -> int:
    from connector.cli.policy.show import run

    return run(call)


def _explain(call: Call) -> int:
    from connector.cli.policy.explain import run_explain

    return run_explain(call)


def _try(call: Call) -> int:
    from connector.cli.policy.explain import run_try

    return run_try(call)


def _check(call: Call) -> int:
    if call.args.other is not None:
        from connector.cli.policy.beside import run as compare

        return compare(call)
    from connector.cli.policy.check import run

    return run(call)


def _templates(call: Call) -> int:
    from connector.cli.policy.templates import run

    return run(call)


def _audience(call: Call) -> int:
    from connector.cli.policy.audience import run

    return run(call)
