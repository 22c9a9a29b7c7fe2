"""Tests mirror the package: whoever looks for the test of a rule goes by the name of the module that holds it.

`connector/SLICE/MODULE.py` is tested in `tests/SLICE/test_MODULE.py`, and a further aspect of it in
`test_MODULE_ASPECT.py` beside that. What several test files need stands in a module that is no test.
"""

import ast
import re
from collections.abc import Iterator, Set
from pathlib import Path

from tests.testkit.places import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "connector"
ABOUT_THE_WHOLE = frozenset(
    {"cities", "conformance", "desk", "fuzz", "house", "load", "nasty", "plugins", "suites", "testkit", "vocab"}
)
"""Folders whose tests are about the product or the repository, and those that are the tools of tests."""
SHORT = 40
"""A module of no more statements than this is proven by whoever uses it."""
PROVED_BY: dict[str, str] = {
    "identity/accounts/oidc/groups.py": "identity/accounts/oidc/test_flow.py",
    "identity/accounts/oidc/provider.py": "identity/accounts/oidc/test_flow.py",
    "identity/accounts/assemble.py": "app/test_services.py",
    "identity/accounts/attempts.py": "identity/accounts/test_signing_in.py",
    "identity/accounts/model.py": "identity/accounts/test_sessions.py",
    "identity/accounts/roles.py": "identity/accounts/test_sessions.py",
    "identity/accounts/session_store.py": "identity/accounts/test_sessions.py",
    "identity/accounts/store.py": "identity/accounts/test_people.py",
    "surfaces/api/catalogue.py": "surfaces/api/test_openapi.py",
    "surfaces/api/contracts.py": "cities/test_negotiating.py",
    "surfaces/api/duties.py": "cities/test_enforcing.py",
    "surfaces/api/list_forks.py": "cli/operate/test_space_forks.py",
    "surfaces/api/mandates.py": "cities/test_mandates.py",
    "surfaces/api/mergers.py": "dataspace/spaces/keeping/test_mergers.py",
    "data/harvest/waiting.py": "data/approvals/test_imports.py",
    "surfaces/api/moving.py": "cities/test_participant_moves.py",
    "surfaces/api/offboarding.py": "cities/test_leaving.py",
    "surfaces/api/records.py": "cities/test_records.py",
    "app/plugins.py": "plugins/test_plugins.py",
    "app/ports.py": "app/test_services.py",
    "app/process.py": "cities/test_restarts.py",
    "app/surfaces.py": "surfaces/api/test_openapi.py",
    "app/management.py": "surfaces/api/test_openapi.py",
    "identity/accounts/mailboxes.py": "oversight/notifications/test_mail_queue.py",
    "data/approvals/model.py": "data/approvals/test_decide.py",
    "identity/audit/integrity.py": "continuity/backup/test_restore.py",
    "continuity/backup/content.py": "continuity/backup/test_keys.py",
    "continuity/backup/copies.py": "continuity/backup/test_create.py",
    "continuity/backup/examine.py": "continuity/backup/test_restore.py",
    "continuity/backup/manifest.py": "continuity/backup/test_keys.py",
    "data/catalogue/model.py": "data/catalogue/test_service.py",
    "data/catalogue/offers.py": "data/catalogue/test_life.py",
    "data/catalogue/pages.py": "data/catalogue/test_service.py",
    "data/catalogue/snapshots/store.py": "data/catalogue/snapshots/test_making.py",
    "data/catalogue/store.py": "data/catalogue/test_service.py",
    "cli/agreements/countersign.py": "cities/test_seals.py",
    "cli/checkout.py": "cli/test_main_usage.py",
    "cli/exchange/negotiate.py": "cities/test_negotiating.py",
    "surfaces/views/merger.py": "dataspace/spaces/joining/test_mergers.py",
    "surfaces/views/mandate.py": "cities/test_mandates.py",
    "cli/frame/parser.py": "cli/test_main_usage.py",
    "cli/operate/backup.py": "cities/test_backup_drill.py",
    "cli/operate/witness.py": "cities/test_watching.py",
    "cli/records/trace.py": "cities/test_trace.py",
    "exchange/contracts/agreement/log_records.py": "exchange/contracts/signing/test_late_delivery_second_seals.py",
    "exchange/contracts/agreement/records.py": "exchange/contracts/signing/test_late_delivery_second_seals.py",
    "exchange/contracts/assemble.py": "app/test_services.py",
    "exchange/contracts/document/described_data.py": "exchange/contracts/document/test_automatic_seal.py",
    "exchange/contracts/evidence/attention.py": "surfaces/api/test_attention.py",
    "exchange/contracts/model.py": "exchange/reconciliation/test_ask.py",
    "exchange/contracts/negotiation/outgoing.py": "exchange/contracts/negotiation/test_service.py",
    "exchange/contracts/negotiation/send.py": "exchange/contracts/negotiation/test_service.py",
    "exchange/contracts/signing/book.py": "exchange/contracts/signing/test_countersign_at_once.py",
    "exchange/contracts/signing/gather.py": "exchange/contracts/signing/test_countersign.py",
    "data/dataplane/gate.py": "data/dataplane/serve/test_stream.py",
    "data/sources/model.py": "data/sources/test_kinds.py",
    "data/sources/store.py": "data/sources/test_kinds.py",
    "kernel/dialects/jsonld/grammar.py": "kernel/dialects/jsonld/test_plain.py",
    "kernel/dialects/jsonld/nodes.py": "kernel/dialects/policies/test_foreign_notations.py",
    "kernel/dialects/jsonld/schemas.py": "kernel/dialects/jsonld/test_explain.py",
    "kernel/dialects/policies/identity.py": "kernel/dialects/policies/test_foreign_nothing_is_lost.py",
    "kernel/dialects/policies/joining.py": "kernel/dialects/policies/test_foreign_notations.py",
    "kernel/dialects/policies/parties.py": "kernel/dialects/policies/test_foreign_nothing_is_lost.py",
    "kernel/dialects/policies/skos.py": "vocab/test_vocabulary.py",
    "data/drafts/model.py": "data/drafts/test_service.py",
    "data/drafts/store.py": "data/drafts/test_service.py",
    "data/federation/booking.py": "data/federation/test_crawl.py",
    "data/federation/model.py": "data/federation/test_crawl.py",
    "oversight/figures/model.py": "oversight/figures/test_count.py",
    "oversight/figures/store.py": "oversight/figures/test_count.py",
    "oversight/figures/story.py": "oversight/figures/test_count.py",
    "kernel/metadata/check/model.py": "kernel/metadata/check/test_engine.py",
    "kernel/metadata/check/rows.py": "kernel/metadata/check/test_rules.py",
    "kernel/metadata/rdf/names.py": "kernel/metadata/rdf/test_graph.py",
    "kernel/metadata/rdf/parse_process.py": "kernel/metadata/rdf/test_reading.py",
    "data/harvest/ckan.py": "data/harvest/test_fetch.py",
    "data/harvest/ckan_process.py": "data/harvest/test_ckan_answer.py",
    "data/harvest/derive.py": "data/harvest/test_service.py",
    "data/harvest/described.py": "data/harvest/test_service.py",
    "data/harvest/model.py": "data/harvest/test_service.py",
    "data/harvest/store.py": "data/harvest/test_service.py",
    "kernel/metadata/repair/listed.py": "kernel/metadata/repair/test_rules.py",
    "kernel/metadata/repair/nodes.py": "kernel/metadata/repair/test_rules.py",
    "kernel/metadata/repair/spelling.py": "kernel/metadata/repair/test_rules.py",
    "kernel/metadata/repair/work.py": "kernel/metadata/repair/test_rules.py",
    "oversight/notifications/message.py": "oversight/notifications/test_mail_queue.py",
    "oversight/notifications/service.py": "oversight/notifications/test_causes.py",
    "oversight/notifications/smtp.py": "oversight/notifications/test_mail_queue.py",
    "oversight/notifications/store.py": "oversight/notifications/test_causes.py",
    "continuity/moving/contents.py": "continuity/moving/test_arrival_hostile.py",
    "continuity/moving/departure.py": "continuity/moving/test_arrival.py",
    "continuity/moving/envelope.py": "continuity/moving/test_arrival.py",
    "continuity/moving/manifest.py": "continuity/moving/test_arrival.py",
    "continuity/moving/rows.py": "continuity/moving/test_tables.py",
    "continuity/moving/statements.py": "continuity/moving/test_arrival.py",
    "continuity/moving/store.py": "continuity/moving/test_arrival.py",
    "continuity/offboarding/contracts.py": "continuity/offboarding/test_delete_retention.py",
    "oversight/operation/monitoring.py": "surfaces/api/test_operation.py",
    "oversight/operation/trust_changes.py": "surfaces/peer/test_auth_keys.py",
    "identity/participants/keys.py": "identity/participants/test_service_revoking.py",
    "identity/participants/lifecycle_store.py": "continuity/offboarding/test_close.py",
    "identity/participants/store.py": "identity/participants/test_service.py",
    "oversight/operation/overview.py": "surfaces/web/administration/test_handlers.py",
    "surfaces/peer/public/view.py": "surfaces/peer/public/test_html.py",
    "kernel/policy/advice/apply.py": "kernel/policy/advice/test_advice.py",
    "kernel/policy/evaluation/decision.py": "kernel/policy/advice/test_advice.py",
    "kernel/policy/odrl/model.py": "kernel/policy/test_engine_templates.py",
    "kernel/policy/odrl/reader.py": "kernel/policy/odrl/test_parse_hostile.py",
    "kernel/policy/odrl/registry.py": "kernel/policy/evaluation/test_checks.py",
    "kernel/policy/odrl/state_of_world.py": "kernel/policy/evaluation/test_checks.py",
    "continuity/privacy/column_rules.py": "continuity/privacy/test_person_in_tables.py",
    "continuity/privacy/column_scan.py": "continuity/privacy/test_person_in_tables.py",
    "continuity/privacy/retention_store.py": "continuity/privacy/test_erasure.py",
    "continuity/privacy/unexpired.py": "continuity/offboarding/test_delete_retention.py",
    "kernel/protocol/messages.py": "kernel/protocol/test_codec.py",
    "kernel/reading/columns.py": "kernel/reading/test_contents.py",
    "kernel/reading/csv_table.py": "kernel/reading/test_contents.py",
    "kernel/reading/encoding.py": "kernel/reading/test_contents.py",
    "kernel/reading/json_table.py": "kernel/reading/test_contents.py",
    "kernel/reading/model.py": "kernel/reading/test_contents.py",
    "kernel/reading/workbook.py": "kernel/reading/test_contents.py",
    "exchange/reconciliation/partner_log.py": "exchange/reconciliation/test_ask.py",
    "exchange/reconciliation/proven_records.py": "exchange/reconciliation/test_ask.py",
    "exchange/reconciliation/service.py": "exchange/reconciliation/test_ask.py",
    "exchange/reconciliation/store.py": "exchange/reconciliation/test_ask.py",
    "surfaces/requests/dataset.py": "surfaces/web/find/test_handlers.py",
    "surfaces/requests/link_store.py": "surfaces/requests/test_links.py",
    "surfaces/requests/search.py": "surfaces/api/test_find.py",
    "foundation/settings/sections.py": "identity/trust/signers/test_csc.py",
    "foundation/storage/postgres/tx.py": "foundation/storage/test_database.py",
    "foundation/storage/sqlite/checkpoint.py": "foundation/storage/sqlite/test_database.py",
    "foundation/storage/sqlite/lock.py": "foundation/storage/sqlite/test_database.py",
    "foundation/storage/sqlite/snapshot.py": "foundation/storage/sqlite/test_integrity.py",
    "foundation/storage/sqlite/tx.py": "foundation/storage/test_database.py",
    "foundation/storage/sqlite/turns.py": "foundation/storage/sqlite/test_database.py",
    "foundation/storage/sqlite/batch.py": "foundation/storage/sqlite/test_database.py",
    "exchange/trace/events.py": "exchange/trace/test_service.py",
    "exchange/trace/store.py": "exchange/trace/test_service.py",
    "oversight/tasks/store.py": "oversight/tasks/test_service.py",
    "exchange/transfer/decide.py": "exchange/transfer/test_send_suspension.py",
    "exchange/transfer/decision/decision_store.py": "exchange/transfer/decision/test_decisions.py",
    "exchange/transfer/decision/state_of_world.py": "exchange/transfer/decision/test_decisions.py",
    "exchange/transfer/model.py": "exchange/transfer/test_send_suspension.py",
    "exchange/transfer/plane/reports.py": "exchange/transfer/test_service.py",
    "exchange/transfer/store.py": "exchange/transfer/test_service.py",
    "surfaces/views/approval.py": "surfaces/web/approvals/test_handlers.py",
    "surfaces/views/people.py": "surfaces/api/test_people.py",
    "surfaces/views/sources.py": "surfaces/api/test_sources.py",
    "identity/trust/clock_skew.py": "surfaces/peer/test_auth_clock_skew.py",
    "identity/trust/keys/jwk.py": "identity/trust/keys/test_signing.py",
    "identity/trust/keys/vault.py": "identity/trust/keys/test_signing.py",
    "identity/trust/members/authority.py": "identity/trust/members/test_source.py",
    "surfaces/api/spaces.py": "cli/operate/test_space.py",
    "identity/participants/groups.py": "oversight/partners/test_groups.py",
    "cli/operate/space_group.py": "dataspace/spaces/keeping/test_groups.py",
    "cli/operate/space_csv.py": "cli/operate/test_space.py",
    "surfaces/peer/spaces.py": "dataspace/spaces/keeping/test_applications.py",
    "surfaces/views/space.py": "cli/operate/test_space.py",
    "dataspace/spaces/application_store.py": "dataspace/spaces/keeping/test_applications.py",
    "dataspace/spaces/assemble.py": "dataspace/spaces/joining/test_joining.py",
    "dataspace/spaces/decision/member_keys.py": "dataspace/spaces/keeping/test_memberships_struck.py",
    "dataspace/spaces/documents.py": "dataspace/spaces/keeping/test_applications.py",
    "dataspace/spaces/group_store.py": "dataspace/spaces/keeping/test_groups.py",
    "dataspace/spaces/keeping/hints.py": "dataspace/spaces/joining/test_joining.py",
    "dataspace/spaces/keeping/invitations.py": "dataspace/spaces/keeping/test_applications.py",
    "dataspace/spaces/member_store.py": "dataspace/spaces/keeping/test_issuing.py",
    "dataspace/spaces/news.py": "oversight/notifications/test_spaces.py",
    "oversight/tasks/assemble.py": "oversight/notifications/test_spaces.py",
    "dataspace/spaces/keeping/taken_groups.py": "dataspace/spaces/keeping/test_recovery.py",
    "dataspace/spaces/recovery_store.py": "dataspace/spaces/keeping/test_recovery.py",
    "dataspace/spaces/store.py": "dataspace/spaces/keeping/test_issuing.py",
    "identity/trust/members/entries.py": "identity/trust/members/test_trust_list_seal_periods.py",
    "identity/trust/members/pins.py": "identity/trust/members/test_anchor_of_spaces.py",
    "identity/trust/members/roots.py": "identity/trust/members/test_trust_list.py",
    "identity/trust/signers/registry.py": "cities/test_seals.py",
    "verify/__main__.py": "verify/test_bundle_alone.py",
    "verify/checks/anchors.py": "verify/test_bundle.py",
    "verify/checks/examination.py": "verify/test_bundle.py",
    "verify/formats/cms.py": "verify/formats/test_timestamp.py",
    "verify/formats/key_binding.py": "verify/test_bundle.py",
    "verify/formats/merkle.py": "identity/audit/test_merkle.py",
    "verify/formats/trustlist.py": "verify/checks/test_second_seal_logged.py",
    "verify/remarks.py": "verify/test_bundle.py",
    "verify/report.py": "cli/records/test_verify.py",
    "app/desk.py": "surfaces/web/test_routes.py",
    "surfaces/web/contracts/view.py": "surfaces/web/contracts/test_handlers.py",
    "surfaces/web/approvals/view.py": "surfaces/web/approvals/test_handlers.py",
    "surfaces/web/call.py": "surfaces/web/test_routes.py",
    "surfaces/web/menu.py": "surfaces/web/frame/test_handlers.py",
    "surfaces/web/problems.py": "surfaces/web/test_routes.py",
    "surfaces/views/harvest.py": "cities/test_importing.py",
    "surfaces/views/agreement.py": "surfaces/api/test_openapi.py",
    "surfaces/views/duty.py": "surfaces/api/test_openapi.py",
    "surfaces/views/federation.py": "cities/test_federation.py",
    "surfaces/views/negotiation.py": "surfaces/api/test_openapi.py",
    "surfaces/views/moving.py": "cities/test_participant_moves.py",
    "surfaces/views/offboarding.py": "cities/test_leaving.py",
    "surfaces/views/operation.py": "surfaces/api/test_openapi.py",
    "surfaces/views/participant.py": "surfaces/api/test_openapi.py",
    "surfaces/views/person.py": "cities/test_records.py",
    "surfaces/views/record.py": "cities/test_records.py",
    "surfaces/views/termination.py": "cities/test_agreement_life.py",
    "surfaces/views/trace.py": "surfaces/api/test_openapi.py",
    "surfaces/views/witness.py": "cities/test_watching.py",
    "surfaces/web/figures/view.py": "surfaces/web/figures/test_handlers.py",
    "surfaces/web/today/view.py": "surfaces/web/today/test_handlers.py",
    "surfaces/web/datasets/view.py": "surfaces/web/datasets/test_handlers.py",
    "surfaces/web/publish/source_form.py": "surfaces/web/publish/test_handlers.py",
    "surfaces/web/publish/terms.py": "surfaces/web/publish/test_handlers.py",
    "surfaces/web/spaces/view.py": "surfaces/web/spaces/test_keeping.py",
    "surfaces/web/publish/view.py": "surfaces/web/publish/test_handlers.py",
    "dataspace/witness/cosignatures.py": "dataspace/witness/test_ask.py",
    "dataspace/witness/heads.py": "dataspace/witness/test_restore.py",
    "dataspace/witness/quorum.py": "oversight/operation/test_witness_status.py",
    "surfaces/views/dataset_life.py": "surfaces/api/test_datasets.py",
}
"""Modules without a test of their own name: the test that fails if they are wrong."""


def mirrored() -> list[Path]:
    """The test files that are about one module each."""
    found = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return sorted(path for path in found if path.parts[0] not in ABOUT_THE_WHOLE)


def module_of(test: Path) -> str | None:
    """The module, as `SLICE/MODULE.py`, with the longest name that the name of the test file begins with."""
    words = test.stem.removeprefix("test_").split("_")
    names = ("_".join(words[:count]) for count in range(len(words), 0, -1))
    found = (test.with_name(f"{name}.py") for name in names)
    return next((path.as_posix() for path in found if (PACKAGE / path).is_file()), None)


def statements(module: Path) -> int:
    """However its lines are broken."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))))


def modules() -> Iterator[str]:
    """Whoever holds logic needs a test; the demonstration is one, and each test is run on a tree of its own."""
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.name != "__init__.py" and not name.startswith("cli/demo/"):
            yield name


def borrowed(path: Path, names: Set[str]) -> Iterator[str]:
    """What a file imports, if it names one of these at all."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if names & set(re.findall(r"\btest_\w+", text)) else ():
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_a_test_file_is_named_after_its_module() -> None:
    assert [test.as_posix() for test in mirrored() if not module_of(test)] == []


def test_a_module_with_logic_has_a_test_of_its_name() -> None:
    """>> a new module << its test, or a row that says which other test proves it."""
    tested = {module_of(test) for test in mirrored()}
    untested = sorted(set(modules()) - tested - set(PROVED_BY))
    assert [module for module in untested if statements(PACKAGE / module) > SHORT] == []


def test_what_proves_a_module_exists() -> None:
    """A row goes when its module gets a test of its own, or is gone."""
    assert [module for module in PROVED_BY if not (PACKAGE / module).is_file()] == []
    assert [proof for proof in PROVED_BY.values() if not (TESTS / proof).is_file()] == []
    assert PROVED_BY.keys() & {module_of(test) for test in mirrored()} == set()


def test_nothing_is_imported_from_a_test_module() -> None:
    """What two files need has a name of its own: whoever changes a test changes no other."""
    tests = {f"tests.{'.'.join(test.relative_to(TESTS).with_suffix('').parts)}" for test in TESTS.rglob("test_*.py")}
    names = {name.rpartition(".")[2] for name in tests}
    found = {path.relative_to(TESTS).as_posix(): borrowed(path, names) for path in sorted(TESTS.rglob("*.py"))}
    assert {
        path: wrong
        for path, imported in found.items()
        if (wrong := [name for name in imported if name in tests or name.rpartition(".")[0] in tests])
    } == {}
