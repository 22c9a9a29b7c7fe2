"""How our copies of members' catalogues stand: how old, how many, since when a member is silent, what is set aside."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from connector.data.catalogue.search import store as copies
from connector.data.federation import store
from connector.data.federation.crawler import Crawler
from connector.data.federation.model import CrawlResult, Form, SetAside
from connector.foundation.storage.database import Database, Tx

_NEVER = copies.MemberState(
    provider="", complete_at=None, partial_at=None, failing_since=None, failed_at=None, code=None
)


class MemberCopies(Struct, frozen=True, kw_only=True):
    """The copy of one member's catalogue (DID). Times in ms: `complete_at` of the last whole reading, `partial_at` of a
    later one that brought only a part, `silent_since` while readings fail, `due_at` of the next.

    `code` and `facts` say why the last reading was not whole, or is not believed yet.
    """

    provider: str
    form: Form
    datasets: int
    complete_at: int | None
    partial_at: int | None
    silent_since: int | None
    due_at: int
    code: str | None
    facts: Mapping[str, object]
    set_aside: Sequence[SetAside]


class FederationService:
    """What people ask of the crawler."""

    def __init__(self, db: Database, crawler: Crawler) -> None:
        self._db, self._crawler = db, crawler

    async def status(self, slug: str) -> list[MemberCopies]:
        """The standing of every member that is asked, newly listed ones too, in the order of their DIDs."""
        await self._crawler.enrol(slug)
        return await self._db.read(slug, _status, slug)

    async def refresh(self, slug: str, did: str) -> CrawlResult:
        """Reads the member's catalogue now; raises Unavailable if that is being done already."""
        return await self._crawler.now(slug, did)


def _status(tx: Tx, slug: str) -> list[MemberCopies]:
    known, counted, aside = copies.members(tx, slug), copies.shown_by(tx, slug), store.all_aside(tx, slug)
    found = list[MemberCopies]()
    for state in store.states(tx, slug):
        one = known.get(state.provider) or _NEVER
        found.append(
            MemberCopies(
                provider=state.provider,
                form=state.form,
                datasets=counted.get(state.provider, 0),
                complete_at=one.complete_at,
                partial_at=one.partial_at,
                silent_since=one.failing_since,
                due_at=state.due_at,
                code=state.code,
                facts=state.facts,
                set_aside=aside.get(state.provider, ()),
            )
        )
    return found
