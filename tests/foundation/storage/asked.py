"""The statements of the product with what only their calls can say, read once in a process."""

from functools import cache

from connector.data.catalogue.snapshots import store as snapshots
from connector.data.federation import store as crawls
from connector.dataspace.witness import cosignatures
from connector.exchange.reconciliation import store as reconciliations
from connector.foundation.storage.database import Dialect
from connector.identity.audit import sealer
from connector.oversight.notifications import store as notifications
from connector.oversight.operation import maintenance
from tests.foundation.storage.statements import Statement, statements

DUE = (
    sealer.UNSEALED,
    maintenance.SERVED,
    maintenance.TOLD,
    crawls.CRAWLING,
    reconciliations.COMPARING,
    snapshots.SWEPT,
    notifications.FRESH,
    cosignatures.WAITING,
)
"""What rounds ask of all participants at once."""
SAMPLES: dict[str, tuple[str, ...]] = {
    "foundation.storage.due.having:condition": DUE,
    "foundation.storage.due.numbered:number": (cosignatures.NEWEST,),
    "foundation.storage.due.numbered:condition": (cosignatures.WAITING,),
    "identity.audit.sealer._number:', '.join((f'(:id{n}, :index{n})' for n in range(len(some))))": ("(1, 2)",),
    "horizon_clause(tx)": ("",),
    "listed": (":one, :another",),
    "names": (":one, :another",),
    "_named(values)": (":one, :another",),
    "among": ("access IN (:one, :another)",),
    "named": ("id IN (:one, :another)",),
    "noun": ("negotiation", "transfer"),
    "data.catalogue.snapshots.store.leaf:form": ("ttl",),
    "data.catalogue.snapshots.store.add:among": (":one, :another",),
    "data.catalogue.snapshots.store.add:', '.join(rows)": ("(:a, :b, :c, :d, :e, :f, :g)",),
    "data.catalogue.store._sources:among": ("id IN (:one, :another)",),
    "data.catalogue.store.datasets_named:among": ("d.access IN (:one, :another)",),
    "data.catalogue.store.datasets_named:named": ("d.id IN (:one, :another)",),
    "data.catalogue.store.datasets_with_access:among": ("d.access IN (:one, :another)",),
    "data.catalogue.store.listed:among": ("dataset IN (:one, :another)",),
    "data.catalogue.store.shelf:' AND '.join(conditions)": (
        "participant = :participant AND state = 'published' AND (created_at, id) > (:at, :id)",
    ),
    "data.catalogue.store.shown:among": ("d.id IN (:one, :another)",),
    "exchange.contracts.object_store.keep_object:_bodies(len(some))": ("(:a, :b, :c, :d)",),
    "exchange.contracts.object_store.keep_object:_uses(len(some))": ("(:a, :b, :c, :d, :e)",),
    "exchange.contracts.object_store.objects:among": (":one, :another",),
    "foundation.storage.row_locks.hold:table": ("negotiation", "transfer"),
    "foundation.storage.row_locks.hold:among": (":one, :another",),
    "foundation.storage.outbox.renew:_claimed(len(some))": ("(id = :a AND fence = :b) OR (id = :c AND fence = :d)",),
    "foundation.storage.outbox.finish_all:_claimed(len(some))": (
        "(id = :a AND fence = :b) OR (id = :c AND fence = :d)",
    ),
    "exchange.trace.store.write:_lines(len(some))": ("(:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o)",),
    "data.drafts.store._drafts:names": ("id",),
    "data.drafts.store._drafts:which": ("id = :id", "state = :state ORDER BY changed_at DESC", "dataset = :dataset"),
    "data.federation.store._all:table": ("crawl",),
    "data.federation.store._all:order": ("provider",),
    "data.harvest.store.served_of:among": (":one, :another",),
    "continuity.privacy.retention_store._any:which": ("agreement = :agreement AND type = 'agreement'",),
    "dataspace.spaces.member_store.put_member:settings": ("state = :state",),
    "exchange.trace.find._by:column": ("id", "peer_pid"),
    # Nothing to read here: inserts of whole values, searches (made of what is searched), walks through every table.
    **dict.fromkeys(
        (
            "data.approvals.store.insert",
            "data.drafts.store.insert",
            "data.catalogue.search.store.counted",
            "data.catalogue.search.store.found",
            "data.catalogue.search.store.shown",
            "continuity.moving.rows.incoming",
            "continuity.moving.rows.page",
            "continuity.offboarding.participant_rows._any",
            "continuity.offboarding.participant_rows._count",
            "continuity.offboarding.participant_rows._erase",
            "continuity.offboarding.participant_rows.erase",
            "continuity.privacy.column_scan._of",
            "continuity.privacy.column_scan.drop",
            "continuity.privacy.column_scan.holding",
            "continuity.privacy.column_scan.one",
            "continuity.privacy.column_scan.overwriting",
            "continuity.privacy.column_scan.put",
            "dataspace.spaces.rows.insert",
            "dataspace.spaces.member_store.put_recognised",
            "dataspace.spaces.joined_store.put",
        ),
        ("",),
    ),
}


@cache
def asked(dialect: Dialect) -> list[Statement]:
    """Read once: the whole product is parsed for it."""
    return statements(dialect, SAMPLES)
