"""The course of the demonstration: prepare, serve, walk the steps, stay until Ctrl-C, clear up.

Whatever happens, the servers are stopped before anything is deleted.
"""

import signal
import time
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from connector.cli.demo import county, people
from connector.cli.demo.county import County
from connector.cli.demo.place import EXCHANGE, FEDERATION, LOG, Place, place
from connector.cli.demo.show import CountyShow, Show
from connector.cli.demo.steps import Party, Step, Tour
from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Problem
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language import say

_LOOK_S = 0.5
_INTERRUPTED = 130
Walk = Tour | County


class Course(NamedTuple):
    """What differs between the two demonstrations; the steps are those that are shown."""

    folders: Mapping[str, bool]
    tour: Callable[[Place, Path | None, str], Walk]
    show: type[Show]
    people: Mapping[Party, tuple[str, str]]


TOWNS = Course(EXCHANGE, Tour, Show, people.PEOPLE)
SPACE = Course(FEDERATION, County, CountyShow, county.PEOPLE)


def run(call: Call) -> int:
    """0 if every step ended as it must, 1 if not, 130 after Ctrl-C in the middle."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that a polite kill clears up as Ctrl-C does
        signal.signal(number, signal.default_int_handler)
    args = call.args
    lang = args.lang or "de"  # the data, the rule and the contract are German; the locale does not matter here
    course = SPACE if args.space else TOWNS
    show = course.show(lang, as_json=args.json)
    with place(args.keep, course.folders) as here, ExitStack() as stack:
        tour = course.tour(here, args.file, lang)
        try:
            if not _walked(tour, stack, call, show):
                return REFUSED
            show.results(tour)
            if args.once:
                return _left(tour, show, call)
            return _stayed(tour, show, course.people, browser=args.browser)
        except KeyboardInterrupt:
            show.line("deleted" if args.keep is None else "kept", path=here.base)
            return OK if tour.over else _INTERRUPTED


def _walked(tour: Walk, stack: ExitStack, call: Call, show: Show) -> bool:
    """Whether all steps went well; the first one includes the start of the servers."""
    for number, step in enumerate(show.steps, 1):
        show.begin(number, step.name)
        began = time.monotonic()
        try:
            if number == 1:
                tour.place.prepare()
                tour.place.serve(stack, call.environ)
            facts = step.act(tour)
        except (HanseError, Problem) as problem:
            _explain(tour, step, problem, show, _ms(began), kept=call.args.keep is not None)
            return False
        show.done(step.name, facts, _ms(began))
    return True


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _explain(tour: Walk, step: Step, problem: HanseError | Problem, show: Show, ms: int, *, kept: bool) -> None:
    """Whose side failed, why, and what its server said last."""
    if isinstance(problem, Problem):
        reason = problem.sentence(tour.lang)
    else:
        reason = say(f"error.{problem.code}", tour.lang, **problem.facts)
    dead = [server for server in tour.place.servers.values() if not server.alive()]
    operators = {step.party.server: step.party.operator for step in show.steps}
    party = operators.get(dead[0].folder.name, dead[0].folder.name) if dead else step.party.name
    show.failed(step.name, party, reason, ms)
    ours = isinstance(problem, Mistake)  # the caller's own mistake: no log explains it
    asked = [] if ours else [server for name, server in tour.place.servers.items() if name == step.party.server]
    for server in dead or asked:
        show.log(server.folder / LOG, server.last_words())
    if not ours:
        show.examine(tour.place.base / step.party.server, kept=kept)


def _left(tour: Walk, show: Show, call: Call) -> int:
    """After `--once` only files remain."""
    show.offline(tour)
    if call.args.keep is None:
        tour.place.leave_results = True
        show.line("left", path=tour.place.results)
    else:
        show.again(tour)
        show.line("paste.then")
        show.online(tour)
    return OK


def _stayed(tour: Walk, show: Show, who: Mapping[Party, tuple[str, str]], *, browser: bool) -> int:
    """Serve until Ctrl-C; a server that ends by itself is a failure."""
    show.offline(tour)
    show.online(tour)
    doors = people.doors(tour, who)
    show.doors(tour, doors)
    if browser:
        webbrowser.open(doors[0].url)
    show.line("serving")
    tour.over = True
    while all(server.alive() for server in tour.place.servers.values()):
        time.sleep(_LOOK_S)
    show.line("server-ended")
    return REFUSED
