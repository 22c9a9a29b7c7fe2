"""The witness's door as strangers and hostile members find it: `POST /witness/add-checkpoint` (C2SP tlog-witness)."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.dataspace.witness import cosign
from connector.foundation.clock import FakeClock
from connector.foundation.errors import PeerError
from connector.foundation.http.refusals import TooMany, WrongMedia
from connector.foundation.storage.database import PROCESS
from connector.identity.audit import merkle, sealer
from connector.identity.audit.sealer import Batch
from connector.identity.trust.members.trust_list import Entry
from connector.surfaces.peer.evidence.witness import WitnessHandlers
from connector.verify.formats import checkpoint, cosignature
from tests.surfaces.peer.evidence.stage import CALM, SLUG, Stage, tree
from tests.testkit.cities import MUNICIPALITY, Space
from tests.verify.forge import LogKey


@pytest.fixture
async def stage(space: Space) -> Stage:
    city = await space.city("town", {SLUG: MUNICIPALITY}, CALM)
    return Stage(city, space.folder.parent / "town", sealer.origin(city.root(SLUG)).replace("/log/0", "/log/7"))


async def test_vouches_for_a_log_that_only_grows(stage: Stage) -> None:
    """>> the first state, the next, the same again << two lines each time, which hold under the listed keys."""
    for old, size in ((0, 3), (3, 8), (8, 8)):
        answer = await stage.ask(old, size)
        assert answer.status == 200, answer.body
        note = checkpoint.parse(f"{checkpoint.text_of(stage.origin, size, tree(size).root())}\n{answer.body.decode()}")
        listed = stage.city.services.trust.anchor.current.witnesses
        entries = [{"operator": one.operator, "url": one.url, "keys": list(one.keys)} for one in listed]
        policy = cosignature.derived(entries, "another operator")
        assert policy is not None
        vouched = cosignature.time_of(note, policy)
        assert vouched is not None
        assert abs(vouched - stage.city.services.infra.clock.now()) < 60_000
        assert len(note.lines) == 2


@pytest.mark.threat("T51")
async def test_says_what_it_knows_and_no_more(stage: Stage) -> None:
    """Another size is 409 with the one known, as text of its own type; a proof that does not hold is 422."""
    assert (await stage.ask(0, 5)).status == 200
    for old, size in ((0, 0), (0, 8), (4, 8), (3, 4)):
        answer = await stage.ask(old, size)
        assert (answer.status, answer.body) == (409, b"5\n")
        assert answer.headers["Content-Type"] == "text/x.tlog.size"
    for proof in ([], [b"x" * 32]):
        assert (await stage.ask(5, 8, proof=proof)).status == 422
    assert (await stage.ask(5, 8, b"other")).status == 422
    assert (await stage.ask(5, 8)).status == 200


@pytest.mark.threat("T51")
async def test_knows_the_logs_of_the_trust_list_alone(stage: Stage) -> None:
    """404 for a log of nobody, 403 where nobody entitled signed; neither leaves a trace."""
    root = stage.origin.removesuffix("/log/7")
    for nobody in (
        "localhost:18443/nachbardorf/log/0",
        "stranger.example/log/0",
        f"{root}/log/",
        f"{root}/log/-1",
        f"{root}/log/00",
        f"{root}/log/99999",
        f"{root}/logs/0",
        f"{root}/x/log/0",
        f"https://{root}/log/0",
        "log/0",
        "127.0.0.1/log/0",
        f"{root.upper()}/log/0",
    ):
        assert (await stage.ask(0, 3, origin=nobody)).status == 404, nobody
    assert (await stage.ask(0, 3, keys=[LogKey()])).status == 403
    known = await stage.city.services.infra.db.read(PROCESS, lambda tx: tx.all("SELECT origin FROM witness_log"))
    assert known == []


@pytest.mark.threat("T51")
async def test_a_bad_line_of_the_log_is_not_outvoted(stage: Stage) -> None:
    """The Ed25519 line holds, the ML-DSA line is that of another state: nobody vouches for a log that says both."""
    batch = Batch(participant=SLUG, size=3, root=tree(3).root(), frontier=merkle.NOTHING, checkpoint=None, at=0)
    other = Batch(participant=SLUG, size=3, root=tree(3, b"x").root(), frontier=merkle.NOTHING, checkpoint=None, at=0)
    first, second = (sealer.sign(one, stage.origin, stage.signers()).splitlines(True) for one in (batch, other))
    answer = await stage.post(cosign.write(0, (), "".join([*first[:5], second[5]])))
    assert answer.status == 403


@pytest.mark.threat("T51")
async def test_two_histories_raise_an_alarm_with_both_as_proof(stage: Stage) -> None:
    """>> another tree of the size known, then a smaller tree signed later << refused, kept, told once each."""
    assert (await stage.ask(0, 5)).status == 200
    for _ in range(2):
        assert (await stage.ask(5, 5, b"fork")).status == 409
    for _ in range(2):
        assert (await stage.ask(0, 4, later_s=7200, proof=[])).status == 409
    told = stage.alarms()
    assert [alarm["event"] for alarm in told] == ["log-fork", "log-rollback"]
    for alarm, size in zip(told, (5, 4), strict=True):
        held, offered = (checkpoint.parse(str(alarm[name])) for name in ("held", "offered"))
        keys = [dict(signer.public_jwk) for signer in stage.signers()]
        checkpoint.check(held, keys)  # whoever doubts it checks both signatures
        checkpoint.check(offered, keys)
        assert (held.origin, held.size, offered.size) == (offered.origin, 5, size)
    shown = await stage.city.api.get("/api/v1/witness")
    assert [alarm["kind"] for alarm in shown["alarms"]] == ["fork", "rollback"]
    assert [(log["origin"], log["size"]) for log in shown["logs"]] == [(stage.origin, 5)]
    assert stage.city.services.trust.anchor.current.witnesses[0].keys == tuple(shown["keys"])
    assert [cosignature.parse(f"witness w {vkey}\nquorum w").quorum for vkey in shown["vkeys"]] == ["w", "w"]


@pytest.mark.parametrize(("lang", "said"), [("de", "zurückgesetzt"), ("en", "was rolled back")])
async def test_the_operator_sees_keys_logs_and_alarms(stage: Stage, lang: str, said: str, capsys: Any) -> None:
    """>> `hanse witness` << 0 and the keys; 1 once a log has two histories."""
    command = ["--lang", lang, "witness", "--data", str(stage.folder)]
    assert await asyncio.to_thread(main, command, {}) == 0
    assert stage.city.services.witness.keys.name in capsys.readouterr().out
    await stage.ask(0, 5)
    await stage.ask(5, 5, b"fork")
    await stage.ask(0, 4, later_s=7200, proof=[])
    assert await asyncio.to_thread(main, command, {}) == 1
    out = capsys.readouterr().out
    assert f"{stage.origin}: 5 " in out
    assert said in out


@pytest.mark.threat("T51")
async def test_a_suspended_member_is_nobody(stage: Stage, space: Space) -> None:
    """Its log was known; from now on it is not."""
    from connector.identity.trust.development.space import DevelopmentSpace
    from connector.identity.trust.members.trust_list import Entry

    assert (await stage.ask(0, 3)).status == 200
    entry = stage.city.services.trust.anchor.entry(stage.city.did(SLUG))
    assert entry is not None
    gone = Entry(
        did=entry.did,
        name=entry.name,
        operator=entry.operator,
        kind=entry.kind,
        groups=(),
        state="suspended",
        valid_from=entry.valid_from,
        log_keys=entry.log_keys,
    )
    DevelopmentSpace(space.folder / "certs", space.clock).enlist(lambda _: [gone])
    await space.reload(stage.city)
    assert (await stage.ask(3, 4)).status == 404


@pytest.mark.threat("T51")
async def test_size_is_limited(stage: Stage) -> None:
    """What is too large or no request at all is refused; other methods find nothing."""
    assert (await stage.post(b"old 0\n\n" + b"x" * cosign.LIMIT)).status == 413
    assert (await stage.post(b"old 0\n\nx")).status == 400
    url = f"{stage.city.services.witness.keys.url}/add-checkpoint"
    assert (await stage.city.services.infra.http.get(url)).status == 404


@pytest.mark.threat("T51")
async def test_asking_is_paced_per_address(stage: Stage) -> None:
    """>> more requests at once than a bucket holds << refused before anything of them is read; others are served."""
    clock, services = FakeClock(), stage.city.services
    door = WitnessHandlers(
        services.infra.db,
        clock,
        services.trust.anchor,
        services.witness.keys,
        services.operation.maintenance.log_misbehaved,
    )

    def request(remote: str) -> Any:
        return SimpleNamespace(remote=remote, headers={"Content-Encoding": "gzip"})

    for _ in range(30):
        with pytest.raises(WrongMedia):
            await door.add(request("192.0.2.1"))
    with pytest.raises(TooMany):
        await door.add(request("192.0.2.1"))
    with pytest.raises(WrongMedia):
        await door.add(request("192.0.2.2"))


@pytest.mark.threat("T51")
async def test_a_note_full_of_other_lines_is_not_kept(stage: Stage) -> None:
    """>> fifty lines of strangers and the own line twice, one name with a null byte << vouched; own lines are kept."""
    keys = [*stage.signers(), next(one for one in stage.signers() if one.alg == "Ed25519")]
    batch = Batch(
        participant=SLUG,
        size=3,
        root=tree(3).root(),
        frontier=merkle.NOTHING,
        checkpoint=None,
        at=stage.city.services.infra.clock.now(),
    )
    note = sealer.sign(batch, stage.origin, keys)
    bomb = "".join(checkpoint.line_of(f"name\0{at}", b"abcd", b"x" * 800) for at in range(50))
    assert (await stage.post(cosign.write(0, (), note + bomb))).status == 200
    held = await stage.city.services.infra.db.read(PROCESS, cosign.known, stage.origin)
    assert len(held.note) < 5_000
    assert [name for name, _, _ in checkpoint.parse(held.note).lines] == [stage.origin] * 2


@pytest.mark.threat("T51")
async def test_a_member_has_only_so_many_logs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one origin after the other << so many are taken; those that are known go on, and so does everybody else."""
    monkeypatch.setattr(cosign, "MOST_LOGS", 3)
    origins = [stage.origin.replace("/log/7", f"/log/{at}") for at in range(5)]
    assert [(await stage.ask(0, 3, origin=one)).status for one in origins] == [200, 200, 200, 400, 400]
    assert (await stage.ask(3, 4, origin=origins[0])).status == 200


@pytest.mark.threat("T61")
async def test_an_operator_has_new_logs_only_so_fast(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one new origin after the other << 429 after some, for all members of the operator; a known log goes on."""
    monkeypatch.setattr("connector.surfaces.peer.evidence.witness.NEW_AT_ONCE", 3)
    services = stage.city.services
    clock = FakeClock(services.infra.clock.now())
    door = WitnessHandlers(
        services.infra.db,
        clock,
        services.trust.anchor,
        services.witness.keys,
        services.operation.maintenance.log_misbehaved,
    )

    bodies: list[bytes] = []
    request: Any = SimpleNamespace(remote="192.0.2.1")

    async def read(_: object, *, limit: int) -> bytes:
        return bodies.pop()

    monkeypatch.setattr("connector.foundation.http.limits.read_body", read)

    async def ask(origin: str, old: int, size: int) -> int:
        whole = tree(size)
        batch = Batch(
            participant=SLUG, size=size, root=whole.root(), frontier=merkle.NOTHING, checkpoint=None, at=clock.now()
        )
        bodies.append(cosign.write(old, whole.consistency(old), sealer.sign(batch, origin, stage.signers())))
        try:
            return (await door.add(request)).status
        except TooMany as many:
            return many.status

    origins = [stage.origin.replace("/log/7", f"/log/{at}") for at in range(5)]
    assert [await ask(one, 0, 3) for one in origins] == [200, 200, 200, 429, 429]
    assert await ask(origins[0], 3, 4) == 200
    clock.advance(61_000)
    assert [await ask(one, 0, 3) for one in origins[3:]] == [200, 429]


@pytest.mark.threat("T61")
async def test_what_a_log_says_without_end_is_not_read(stage: Stage) -> None:
    """>> a proof of 20,000 hashes, a note of 1,000 lines, a larger old size << refused; the log goes on as before."""
    assert (await stage.ask(0, 5)).status == 200
    assert (await stage.ask(5, 8, proof=[b"x" * 32] * 20_000)).status == 413
    assert (await stage.ask(5, 8, proof=[b"x" * 32] * 1_000)).status == 400
    line = checkpoint.line_of("x", b"abcd", b"y" * 8)
    note = f"{checkpoint.text_of(stage.origin, 8, tree(8).root())}\n{line * 1_000}"
    assert (await stage.post(cosign.write(5, (), note))).status == 400
    assert (await stage.ask(9, 8, proof=[])).status == 400
    assert (await stage.ask(5, 8)).status == 200


@pytest.mark.threat("T61")
async def test_outcomes_are_counted_without_names(stage: Stage) -> None:
    """>> vouched, behind, a fork, a log of nobody, nonsense << a series for each outcome, none for whoever asked."""
    await stage.ask(0, 5)
    await stage.ask(3, 8)
    await stage.ask(5, 5, b"fork")
    for number in range(5):
        await stage.ask(0, 3, origin=f"stranger-{number}.example/log/0")
        await stage.post(b"nonsense %d" % number)
    counted = [
        line for line in stage.city.services.infra.metrics.text().splitlines() if line.startswith("hanse_witness_a")
    ]
    assert counted == [
        'hanse_witness_alarms_total{kind="fork"} 1',
        'hanse_witness_answered_total{outcome="conflict"} 2',
        'hanse_witness_answered_total{outcome="vouched"} 1',
        'hanse_witness_answered_total{outcome="witness.form"} 5',
        'hanse_witness_answered_total{outcome="witness.log"} 5',
    ]


@pytest.mark.threat("T61")
async def test_a_witness_from_a_backup_remembers(stage: Stage) -> None:
    """>> vouched for five leaves, its database knows of three again, a second history is shown << refused, an alarm.

    The one it vouched for goes on, and a log it never saw is not concerned.
    """
    for old, size in ((0, 3), (3, 5)):
        assert (await stage.ask(old, size)).status == 200
    held = await stage.city.services.infra.db.read(PROCESS, cosign.known, stage.origin)

    def back(tx: Any) -> None:
        root = tree(3).root()
        tx.run("UPDATE witness_log SET size = 3, root = :root WHERE origin = :o", root=root, o=stage.origin)

    await stage.city.services.infra.db.write(PROCESS, back)
    answer = await stage.ask(3, 8, b"fork", proof=tree(8).consistency(3))
    assert (answer.status, answer.body) == (409, b"5\n")
    assert (await stage.ask(5, 5, b"fork")).status == 409
    assert [alarm["event"] for alarm in stage.alarms()] == ["log-fork"]
    assert await stage.city.services.infra.db.read(PROCESS, cosign.known, stage.origin) == held
    assert (await stage.ask(5, 8)).status == 200
    await stage.city.services.infra.db.write(PROCESS, lambda tx: tx.run("DELETE FROM witness_log"))
    assert (await stage.ask(0, 3)).body == b"8\n"
    assert (await stage.ask(0, 3, origin=stage.origin.replace("/log/7", "/log/8"))).status == 200


@pytest.mark.threat("T146")
async def test_bug_a_neighbours_list_without_its_keys_took_the_witness_from_a_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: >> a tenant's own list names a member of others with a thief's key, or with none << 403 for its log.

    The member's document says whose keys they are: it is vouched for under those that a list and the document name, a
    thief's is refused, one that was withdrawn too, and where the lists agree nobody is asked.
    """
    services = stage.city.services
    thief, asked, bodies = LogKey(), list[str](), list[bytes]()
    real = services.trust.anchor.entry(stage.city.did(SLUG))
    assert real is not None
    withdrawn = dict(services.participants.held(SLUG).document) | {"hanse:logKey": [thief.public_jwk]}
    bare, foul = replace(real, log_keys=()), replace(real, log_keys=(thief.public_jwk,))
    listings, document = list[tuple[str, Entry]](), dict[str, object]()

    async def documents(did: str) -> Mapping[str, object]:
        asked.append(did)
        return document

    async def read(_: object, *, limit: int) -> bytes:
        return bodies.pop()

    monkeypatch.setattr("connector.foundation.http.limits.read_body", read)
    anchor: Any = SimpleNamespace(listings=lambda did: listings)
    tell, clock = services.operation.maintenance.log_misbehaved, FakeClock(services.infra.clock.now())
    door = WitnessHandlers(services.infra.db, clock, anchor, services.witness.keys, tell, documents=documents)

    async def ask(said: list[Entry], signers: Any, shown: Mapping[str, object], log: int) -> int:
        listings[:] = [(f"urn:{at}", one) for at, one in enumerate(said)]
        document.clear()
        document.update(shown)
        batch = Batch(
            participant=SLUG, size=3, root=tree(3).root(), frontier=merkle.NOTHING, checkpoint=None, at=clock.now()
        )
        origin = stage.origin.replace("/log/7", f"/log/{log}")
        bodies.append(cosign.write(0, (), sealer.sign(batch, origin, signers)))
        try:
            return (await door.add(SimpleNamespace(remote="192.0.2.1"))).status  # type: ignore[arg-type]
        except PeerError as refused:
            return refused.status

    own, signers = services.participants.held(SLUG).document, stage.signers()
    assert await ask([real, real], signers, {}, 1) == 200
    assert asked == []
    for log, said in enumerate(([foul, real], [real, foul], [bare, real]), 2):
        assert await ask(said, signers, own, log) == 200, said
        assert await ask(said, [thief], own, log + 10) == 403, said
        assert await ask(said, signers, withdrawn, log + 20) == 403, said
        assert await ask(said, signers, {}, log + 30) == 403, said
    assert set(asked) == {real.did}
    assert await ask([foul, bare], signers, own, 50) == 403
