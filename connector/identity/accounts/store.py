"""SQL of persons and of what they may do where. Every look-up of a participant's rows names it.

Whoever signs in is found before the participant is: those units run in the scope of the process.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping

from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import SYSTEM, Conflict, Row, Tx, for_update
from connector.identity.accounts.model import Member, Person, Role

_PERSON = (
    "SELECT id, login, name, operator, totp IS NOT NULL AS second, password <> '' AS secret, issuer, language,"
    " created_at, seen_at FROM person"
)


# Persons


def add(
    tx: Tx,
    login: str,
    name: str,
    *,
    password: str = "",
    operator: bool = False,
    issuer: str | None = None,
    subject: str | None = None,
) -> str:
    """The id of a new person; raises Mistake if the name to sign in with is taken."""
    fresh = new_uuid()
    added = tx.run(
        "INSERT INTO person (id, login, name, password, totp_step, operator, issuer, subject, language, created_at)"
        " VALUES (:id, :login, :name, :password, 0, :operator, :issuer, :subject, '', :now) ON CONFLICT DO NOTHING",
        id=fresh,
        login=login,
        name=name,
        password=password,
        operator=int(operator),
        issuer=issuer,
        subject=subject,
        now=tx.now,
    )
    if not added:
        raise Mistake("accounts.login-taken", login=login)
    return fresh


def person(tx: Tx, person_id: str) -> Person:
    """Raises Unknown."""
    row = tx.one(f"{_PERSON} WHERE id = :id", id=person_id)
    if row is None:
        raise Unknown("accounts.no-person")
    return _person(row)


def by_login(tx: Tx, login: str) -> Person | None:
    row = tx.one(f"{_PERSON} WHERE login = :login", login=login)
    return None if row is None else _person(row)


def by_subject(tx: Tx, issuer: str, subject: str) -> Person | None:
    row = tx.one(f"{_PERSON} WHERE issuer = :issuer AND subject = :subject", issuer=issuer, subject=subject)
    return None if row is None else _person(row)


def persons(tx: Tx) -> list[Person]:
    return [_person(row) for row in tx.all(f"{_PERSON} ORDER BY login")]


def hold_rights(tx: Tx, look: Callable[[], Row | None]) -> Row | None:
    """The session or key that `look` finds, or None; until the unit has ended it does not end, and nobody takes a role
    of its `person`, or that of an operator.

    Raises Conflict while somebody waits to take one (`before_taking`), also on another replica. Who shares a lock of a
    row passes those who wait for it, so whoever sent enough kept her role; who waits in line behind a long unit of hers
    keeps a connection from everybody. A unit that has lost to others of hers is alone with them then: it may take, too.
    """
    row = look()
    if row is None or tx.dialect != "postgres":
        return row
    shared = "" if tx.lost else "_shared"
    lock = tx.one(
        f"SELECT pg_try_advisory_xact_lock{shared}(hashtextextended(:person, 2)) AS free",
        person=row["person"],
    )
    if lock is None or not lock["free"]:
        raise Conflict
    return look()


def named_as_now(tx: Tx, pseudonyms: Mapping[str, str]) -> bool:
    """Whether the unit is done under the pseudonym that she has now: under one that was erased meanwhile she could
    agree a second time."""
    return tx.actor == pseudonyms.get(tx.scope, SYSTEM)


def before_taking(tx: Tx, person_id: str) -> None:
    """Waits for all units that rest on what this person has; those that come later wait for this one."""
    if tx.dialect == "postgres":
        tx.one("SELECT pg_advisory_xact_lock(hashtextextended(:person, 2))", person=person_id)


def remove(tx: Tx, person_id: str) -> None:
    """With sessions, roles, keys, and her word for others; what logs say of her pseudonym names nobody from now on."""
    before_taking(tx, person_id)
    for statement in (
        "DELETE FROM invitation WHERE invited_by = :id",
        "DELETE FROM role_proposal WHERE proposed_by = :id",
        "DELETE FROM person WHERE id = :id",
    ):
        tx.run(statement, id=person_id)


def secrets_of(tx: Tx, person_id: str, *, lock: bool = False) -> Row:
    """`password`, `totp` (sealed) and `totp_step`; raises Unknown. `lock`: nobody changes them before the unit ends."""
    row = tx.one(
        "SELECT password, totp, totp_step FROM person WHERE id = :id"  # noqa: S608 constants
        + (for_update(tx) if lock else ""),
        id=person_id,
    )
    if row is None:
        raise Unknown("accounts.no-person")
    return row


def password_of(tx: Tx, person_id: str, *, lock: bool = False) -> str | None:
    """The hash; None of nobody. `lock`: nobody changes it before the unit ends."""
    row = tx.one(
        "SELECT password FROM person WHERE id = :id" + (for_update(tx) if lock else ""),  # noqa: S608 constants
        id=person_id,
    )
    return None if row is None else str(row["password"])


def set_password(tx: Tx, person_id: str, encoded: str) -> None:
    tx.run("UPDATE person SET password = :password WHERE id = :id", id=person_id, password=encoded)


def set_operator(tx: Tx, person_id: str, operator: bool) -> None:
    """Who is none any more has invited nobody, and proposed nothing, where she is not admin herself."""
    before_taking(tx, person_id)
    tx.run("UPDATE person SET operator = :operator WHERE id = :id", id=person_id, operator=int(operator))
    if not operator:
        for statement in (
            "DELETE FROM invitation WHERE invited_by = :id AND participant NOT IN"
            " (SELECT participant FROM person_role WHERE person = :id AND role = 'admin')",
            "DELETE FROM role_proposal WHERE proposed_by = :id AND participant NOT IN"
            " (SELECT participant FROM person_role WHERE person = :id AND role = 'admin')",
        ):
            tx.run(statement, id=person_id)


def is_operator(tx: Tx, person_id: str) -> bool:
    """Now; False too for nobody."""
    return tx.one("SELECT 1 FROM person WHERE id = :id AND operator = 1", id=person_id) is not None


def grants(tx: Tx, participant: str, person_id: str) -> bool:
    """Whether her word about roles there counts now: an admin's, or an operator's."""
    return "admin" in roles_at(tx, participant, person_id) or is_operator(tx, person_id)


def set_details(tx: Tx, person_id: str, name: str, language: str) -> None:
    tx.run(
        "UPDATE person SET name = :name, language = :language WHERE id = :id",
        id=person_id,
        name=name,
        language=language,
    )


def seen(tx: Tx, person_id: str) -> None:
    tx.run("UPDATE person SET seen_at = :now WHERE id = :id", id=person_id, now=tx.now)


def _person(row: Row) -> Person:
    return Person(
        id=row["id"],
        login=row["login"],
        name=row["name"],
        operator=bool(row["operator"]),
        second=bool(row["second"]),
        password=bool(row["secret"]),
        external=row["issuer"] is not None,
        language=row["language"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
    )


# Second factor


def set_totp(tx: Tx, person_id: str, sealed: bytes | None, step: int, codes: Iterable[str]) -> None:
    """With the digests of new recovery codes; `step` is the one whose code was shown just now."""
    tx.run("UPDATE person SET totp = :totp, totp_step = :step WHERE id = :id", id=person_id, totp=sealed, step=step)
    tx.run("DELETE FROM recovery_code WHERE person = :id", id=person_id)
    for code in codes:
        tx.run("INSERT INTO recovery_code (person, digest) VALUES (:id, :digest)", id=person_id, digest=code)


def use_step(tx: Tx, person_id: str, step: int) -> bool:
    """Whether a code of this step, or a later one, was not used before; over all replicas only once."""
    return bool(
        tx.run("UPDATE person SET totp_step = :step WHERE id = :id AND totp_step < :step", id=person_id, step=step)
    )


def use_recovery_code(tx: Tx, person_id: str, digest: str) -> bool:
    return bool(
        tx.run("DELETE FROM recovery_code WHERE person = :id AND digest = :digest", id=person_id, digest=digest)
    )


def recovery_codes(tx: Tx, person_id: str) -> int:
    row = tx.one("SELECT COUNT(*) AS n FROM recovery_code WHERE person = :id", id=person_id)
    return 0 if row is None else int(row["n"])


# Roles


def roles(tx: Tx, person_id: str) -> dict[str, frozenset[Role]]:
    """By participant; one that is being deleted, or works elsewhere, has nobody here (threat T29)."""
    found: dict[str, set[Role]] = {}
    for row in tx.all(
        "SELECT r.participant AS participant, r.role AS role FROM person_role r JOIN participant p"
        " ON p.id = r.participant WHERE r.person = :person"
        " AND p.state NOT IN ('deleting', 'deleted', 'arriving', 'moved') ORDER BY r.participant",
        person=person_id,
    ):
        found.setdefault(row["participant"], set()).add(row["role"])
    return {slug: frozenset(some) for slug, some in found.items()}


def roles_at(tx: Tx, participant: str, person_id: str) -> frozenset[Role]:
    rows = tx.all(
        "SELECT r.role AS role FROM person_role r JOIN participant p ON p.id = r.participant"
        " WHERE r.participant = :participant AND r.person = :person"
        " AND p.state NOT IN ('deleting', 'deleted', 'arriving', 'moved')",
        participant=participant,
        person=person_id,
    )
    return frozenset(row["role"] for row in rows)


def granted_by(tx: Tx, person_id: str, by: str) -> dict[str, frozenset[Role]]:
    """By participant: the roles that came from there."""
    found: dict[str, set[Role]] = {}
    for row in tx.all(
        "SELECT participant, role FROM person_role WHERE person = :person AND granted_by = :by",
        person=person_id,
        by=by,
    ):
        found.setdefault(row["participant"], set()).add(row["role"])
    return {slug: frozenset(some) for slug, some in found.items()}


def grant(tx: Tx, participant: str, person_id: str, role: Role, by: str) -> bool:
    """False if she has it already. She gets a pseudonym with her first role."""
    pseudonym(tx, participant, person_id)
    withdraw_proposal(tx, participant, person_id, role)
    return bool(
        tx.run(
            "INSERT INTO person_role (participant, person, role, granted_by, granted_at)"
            " VALUES (:participant, :person, :role, :by, :now) ON CONFLICT DO NOTHING",
            participant=participant,
            person=person_id,
            role=role,
            by=by,
            now=tx.now,
        )
    )


def revoke(tx: Tx, participant: str, person_id: str, role: Role) -> bool:
    before_taking(tx, person_id)
    return bool(
        tx.run(
            "DELETE FROM person_role WHERE participant = :participant AND person = :person AND role = :role",
            participant=participant,
            person=person_id,
            role=role,
        )
    )


def holders(tx: Tx, participant: str, role: Role) -> list[str]:
    """Ids of who has the role, locked: two who each remove the other leave one behind."""
    rows = tx.all(
        "SELECT person FROM person_role WHERE participant = :participant AND role = :role"  # noqa: S608
        f" ORDER BY person{for_update(tx)}",
        participant=participant,
        role=role,
    )
    return [row["person"] for row in rows]


def members(tx: Tx, participant: str) -> list[Member]:
    """Everybody with a role, or with one proposed, by name."""
    given: dict[str, set[Role]] = {}
    for row in tx.all("SELECT person, role FROM person_role WHERE participant = :participant", participant=participant):
        given.setdefault(row["person"], set()).add(row["role"])
    wanted: dict[str, dict[Role, str]] = {}
    for row in tx.all(
        "SELECT person, role, proposed_by FROM role_proposal WHERE participant = :participant", participant=participant
    ):
        wanted.setdefault(row["person"], {})[row["role"]] = row["proposed_by"]
    called_here = {
        row["person"]: row
        for row in tx.all(
            "SELECT person, pseudonym, named, named_by FROM person_pseudonym WHERE participant = :p", p=participant
        )
    }
    found = [
        _member(person(tx, one), called_here.get(one), frozenset(given.get(one, ())), wanted.get(one, {}))
        for one in given.keys() | wanted.keys()
    ]
    return sorted(found, key=lambda member: (member.person.name.casefold(), member.person.login))


def _member(one: Person, known: Row | None, roles: frozenset[Role], proposed: dict[Role, str]) -> Member:
    if known is None:
        return Member(person=one, pseudonym="", roles=roles, proposed=proposed)
    by = known["named_by"] if known["named"] == one.name else ""
    return Member(person=one, pseudonym=known["pseudonym"], roles=roles, proposed=proposed, named_by=by)


def propose(tx: Tx, participant: str, person_id: str, role: Role, by: str) -> None:
    pseudonym(tx, participant, person_id)
    tx.run(
        "INSERT INTO role_proposal (participant, person, role, proposed_by, proposed_at)"
        " VALUES (:participant, :person, :role, :by, :now) ON CONFLICT DO NOTHING",
        participant=participant,
        person=person_id,
        role=role,
        by=by,
        now=tx.now,
    )


def proposed_by(tx: Tx, participant: str, person_id: str, role: Role) -> str | None:
    row = tx.one(
        "SELECT proposed_by FROM role_proposal WHERE participant = :participant"  # noqa: S608
        f" AND person = :person AND role = :role{for_update(tx)}",
        participant=participant,
        person=person_id,
        role=role,
    )
    return None if row is None else str(row["proposed_by"])


def withdraw_proposal(tx: Tx, participant: str, person_id: str, role: Role) -> bool:
    return bool(
        tx.run(
            "DELETE FROM role_proposal WHERE participant = :participant AND person = :person AND role = :role",
            participant=participant,
            person=person_id,
            role=role,
        )
    )


# Pseudonyms


def pseudonyms(tx: Tx, person_id: str) -> dict[str, str]:
    """By participant."""
    rows = tx.all("SELECT participant, pseudonym FROM person_pseudonym WHERE person = :person", person=person_id)
    return {row["participant"]: row["pseudonym"] for row in rows}


def pseudonyms_here(tx: Tx, person_id: str) -> dict[str, str]:
    """Of participants of which anything changes here still; their roles may have been taken before."""
    rows = tx.all(
        "SELECT n.participant AS participant, n.pseudonym AS pseudonym FROM person_pseudonym n JOIN participant p"
        " ON p.id = n.participant WHERE n.person = :person"
        " AND p.state NOT IN ('deleting', 'deleted', 'arriving', 'moved')",
        person=person_id,
    )
    return {row["participant"]: row["pseudonym"] for row in rows}


def pseudonym(tx: Tx, participant: str, person_id: str) -> str:
    """What the participant's log calls her: chance, another at each participant, made when it is first needed."""
    row = _pseudonym(tx, participant, person_id)
    if row is None:
        tx.run(
            "INSERT INTO person_pseudonym (participant, person, pseudonym)"
            " VALUES (:participant, :person, :pseudonym) ON CONFLICT DO NOTHING",
            participant=participant,
            person=person_id,
            pseudonym=f"p-{secrets.token_hex(3)}",
        )
        row = _pseudonym(tx, participant, person_id)
    if row is None:  # the same chance twice
        raise Conflict("person_pseudonym")
    return str(row["pseudonym"])


def confirm_name(tx: Tx, participant: str, person_id: str, name: str, by: str) -> None:
    """Somebody else's word (pseudonym `by`) that she is called so."""
    tx.run(
        "UPDATE person_pseudonym SET named = :name, named_by = :by, named_at = :now"
        " WHERE participant = :participant AND person = :person",
        participant=participant,
        person=person_id,
        name=name,
        by=by,
        now=tx.now,
    )


def confirmed_at(tx: Tx, person_id: str) -> list[str]:
    """Participants at which somebody has confirmed the name that she has now."""
    rows = tx.all(
        "SELECT n.participant FROM person_pseudonym n JOIN person p ON p.id = n.person"
        " WHERE n.person = :person AND n.named = p.name ORDER BY n.participant",
        person=person_id,
    )
    return [row["participant"] for row in rows]


def unconfirmed(tx: Tx, participant: str, pseudonyms: Iterable[str]) -> list[str]:
    """The names of those whose name nobody here has confirmed; who is not known has none."""
    found = dict[str, None]()
    for one in pseudonyms:
        row = tx.one(
            "SELECT p.name FROM person_pseudonym n JOIN person p ON p.id = n.person"
            " WHERE n.participant = :participant AND n.pseudonym = :pseudonym AND n.named <> p.name",
            participant=participant,
            pseudonym=one,
        )
        if row is not None:
            found[row["name"]] = None
    return list(found)


def called(tx: Tx, participant: str, pseudonym: str) -> Person | None:
    """Who that is, as long as she is known here."""
    row = tx.one(
        "SELECT person FROM person_pseudonym WHERE participant = :participant AND pseudonym = :pseudonym",
        participant=participant,
        pseudonym=pseudonym,
    )
    return None if row is None else person(tx, row["person"])


def _pseudonym(tx: Tx, participant: str, person_id: str) -> Row | None:
    return tx.one(
        "SELECT pseudonym FROM person_pseudonym WHERE participant = :participant AND person = :person",
        participant=participant,
        person=person_id,
    )
