"""What there is of a person, by pseudonym, and what of it went or stays (Art. 15 and 17 GDPR)."""

from typing import Any

import msgspec

from connector.continuity.privacy import column_rules
from connector.continuity.privacy.person_in_tables import Mention
from connector.continuity.privacy.retention import Kept, RetentionReason, Why
from connector.continuity.privacy.subject_access import OBJECT, Answer, Following, Portion, Signed, shown
from connector.foundation.clock import rfc3339
from connector.surfaces.views.fields import Json, Time


class RecordRefView(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the log: `index` is its leaf, null until it is sealed; `time` is `at`, in milliseconds."""

    index: int | None
    type: str
    seq: int
    at: int
    time: Time
    agreement: str | None


class RecordCopyView(RecordRefView, frozen=True, kw_only=True):
    record: Json


class ObjectRefView(msgspec.Struct, frozen=True, kw_only=True):
    """A signed document at one of its uses; without agreement and name, another one has taken its place there."""

    agreement: str | None
    name: str
    sha256: str


class ObjectCopyView(ObjectRefView, frozen=True, kw_only=True):
    object: Json


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a row of the database."""

    table: str
    column: str
    key: dict[str, str | int]
    agreement: str | None


class PlaceCopyView(PlaceView, frozen=True, kw_only=True):
    value: Json


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """One portion of all that says the pseudonym; the next one begins `after` this `next`."""

    participant: str
    pseudonym: str
    next: Following
    complete: bool
    records: list[RecordCopyView]
    objects: list[ObjectCopyView]
    places: list[PlaceCopyView]


class RecordStaysView(RecordRefView, frozen=True, kw_only=True):
    """Why it stays, until when (milliseconds), or how many days after the end of its agreement."""

    why: Why
    until: int | None
    days: int | None


class ObjectStaysView(ObjectRefView, frozen=True, kw_only=True):
    why: Why
    until: int | None
    days: int | None


class PlaceStaysView(PlaceView, frozen=True, kw_only=True):
    why: Why
    until: int | None
    days: int | None


class PersonErasureView(msgspec.Struct, frozen=True, kw_only=True):
    """Of one portion: records that `may` go and values that may be cleared (`clears`), and what stays.

    `erased` and `cleared` count what went: nothing unless the order was `sure`.
    """

    may: list[RecordRefView]
    erased: int
    stays: list[RecordStaysView]
    objects: list[ObjectStaysView]
    clears: list[PlaceView]
    cleared: int
    places: list[PlaceStaysView]
    next: Following
    complete: bool


def person(did: str, pseudonym: str, found: Portion) -> PersonView:
    return PersonView(
        participant=did,
        pseudonym=pseudonym,
        next=found.following,
        complete=found.following is None,
        records=[RecordCopyView(**_record(one), record=value) for one, value in found.records],
        objects=[ObjectCopyView(**_signed(one), object=shown(one.item)) for one in found.objects],
        places=[PlaceCopyView(**_place(one), value=column_rules.shown(one.text)) for one in found.places],
    )


def erasure(found: Answer, *, sure: bool) -> PersonErasureView:
    clears = [_cleared_object(one) for one, stay in found.objects if stay is None]
    clears += [PlaceView(**_place(one)) for one in found.places.cleared]
    return PersonErasureView(
        may=[RecordRefView(**_record(one)) for one in found.records.erased],
        erased=len(found.records.erased) if sure else 0,
        stays=[RecordStaysView(**_record(one), **_stay(stay)) for one, stay in found.records.stays],
        objects=[ObjectStaysView(**_signed(one), **_stay(stay)) for one, stay in found.objects if stay is not None],
        clears=clears,
        cleared=len(clears) if sure else 0,
        places=[PlaceStaysView(**_place(one), **_stay(stay)) for one, stay in found.places.stays],
        next=found.following,
        complete=found.following is None,
    )


def _record(one: Kept) -> dict[str, Any]:
    return {
        "index": one.place,
        "type": one.type,
        "seq": one.seq,
        "at": one.at,
        "time": rfc3339(one.at),
        "agreement": one.agreement,
    }


def _signed(one: Signed) -> dict[str, Any]:
    use = one.use
    return {
        "agreement": None if use is None else use.agreement,
        "name": "" if use is None else use.name,
        "sha256": one.item.sha256,
    }


def _cleared_object(one: Signed) -> PlaceView:
    use = one.use
    key: dict[str, str | int] = {"sha256": one.item.sha256, "name": "" if use is None else use.name}
    return PlaceView(table=OBJECT, column="body", key=key, agreement=None if use is None else use.agreement)


def _place(one: Mention) -> dict[str, Any]:
    return {
        "table": one.table,
        "column": one.column,
        "key": dict(zip(one.names, one.key, strict=True)),
        "agreement": one.agreement,
    }


def _stay(stay: RetentionReason) -> dict[str, Any]:
    return msgspec.structs.asdict(stay)
