"""The statements of the product with what only their calls can say, read once in a process."""

from functools import cache

from connector.audit import sealer
from connector.catalogue.snapshots import store as snapshots
from connector.federation import store as crawls
from connector.notifications import store as notifications
from connector.operation import maintenance
from connector.reconciliation import store as reconciliations
from connector.storage.database import Dialect
from connector.witness import cosignatures
from tests.storage.statements import Statement, statements

DUE = (
    sealer.UNSEALED, maintenance.SERVED, maintenance.TOLD, crawls.CRAWLING, reconciliations.COMPARING, snapshots.SWEPT,
    notifications.FRESH, cosignatures.WAITING,
)  # fmt: skip
"""What rounds ask of all participants at once."""
SAMPLES: dict[str, tuple[str, ...]] = {
    "storage.due.having:condition": DUE,
    "storage.due.numbered:number": (cosignatures.NEWEST,),
    "storage.due.numbered:condition": (cosignatures.WAITING,),
    "audit.sealer._number:', '.join((f'(:id{n}, :index{n})' for n in range(len(some))))": ("(1, 2)",),
    "horizon_clause(tx)": ("",),
    "listed": (":one, :another",),
    "names": (":one, :another",),
    "_named(values)": (":one, :another",),
    "among": ("access IN (:one, :another)",),
    "named": ("id IN (:one, :another)",),
    "noun": ("negotiation", "transfer"),
    "catalogue.snapshots.store.leaf:form": ("ttl",),
    "catalogue.snapshots.store.add:among": (":one, :another",),
    "catalogue.snapshots.store.add:', '.join(rows)": ("(:a, :b, :c, :d, :e, :f, :g)",),
    "catalogue.store._sources:among": ("id IN (:one, :another)",),
    "catalogue.store.datasets_named:among": ("d.access IN (:one, :another)",),
    "catalogue.store.datasets_named:named": ("d.id IN (:one, :another)",),
    "catalogue.store.datasets_with_access:among": ("d.access IN (:one, :another)",),
    "catalogue.store.listed:among": ("dataset IN (:one, :another)",),
    "catalogue.store.shelf:' AND '.join(conditions)": (
        "participant = :participant AND state = 'published' AND (created_at, id) > (:at, :id)",
    ),
    "catalogue.store.shown:among": ("d.id IN (:one, :another)",),
    "contracts.object_store.keep_object:_bodies(len(some))": ("(:a, :b, :c, :d)",),
    "contracts.object_store.keep_object:_uses(len(some))": ("(:a, :b, :c, :d, :e)",),
    "contracts.object_store.objects:among": (":one, :another",),
    "storage.row_locks.hold:table": ("negotiation", "transfer"),
    "storage.row_locks.hold:among": (":one, :another",),
    "storage.outbox.renew:_claimed(len(some))": ("(id = :a AND fence = :b) OR (id = :c AND fence = :d)",),
    "storage.outbox.finish_all:_claimed(len(some))": ("(id = :a AND fence = :b) OR (id = :c AND fence = :d)",),
    "trace.store.write:_lines(len(some))": ("(:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o)",),
    "drafts.store._drafts:names": ("id",),
    "drafts.store._drafts:which": ("id = :id", "state = :state ORDER BY changed_at DESC", "dataset = :dataset"),
    "federation.store._all:table": ("crawl",),
    "federation.store._all:order": ("provider",),
    "harvest.store.served_of:among": (":one, :another",),
    "privacy.retention_store._any:which": ("agreement = :agreement AND type = 'agreement'",),
    "spaces.member_store.put_member:settings": ("state = :state",),
    "trace.find._by:column": ("id", "peer_pid"),
    # Nothing to read here: inserts of whole values, searches (made of what is searched), walks through every table.
    **dict.fromkeys(
        (
            "approvals.store.insert", "drafts.store.insert", "catalogue.search.store.counted",
            "catalogue.search.store.found", "catalogue.search.store.shown", "moving.rows.incoming",
            "moving.rows.page", "offboarding.participant_rows._any",
            "offboarding.participant_rows._count", "offboarding.participant_rows._erase",
            "offboarding.participant_rows.erase", "privacy.column_scan._of", "privacy.column_scan.drop",
            "privacy.column_scan.holding", "privacy.column_scan.one", "privacy.column_scan.overwriting",
            "privacy.column_scan.put", "spaces.rows.insert", "spaces.member_store.put_recognised",
            "spaces.joined_store.put",
        ),
        ("",),
    ),
}  # fmt: skip


@cache
def asked(dialect: Dialect) -> list[Statement]:
    """Read once: the whole product is parsed for it."""
    return statements(dialect, SAMPLES)
