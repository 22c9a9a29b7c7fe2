"""What a participant says of itself for all its datasets: place, contact, contributor (spec/metadata-record.md 1.2).

The regional key (ARS, twelve digits: state 2, government district 1, county 2, association 4, municipality 3) gives
the official key of the place; the municipality key (AGS) is its digits 1-5 and 10-12.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from connector.foundation.errors import Mistake
from connector.identity.participants.publisher_details import PublisherChange, PublisherDetails
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.rdf.names import AUTHORITY
from connector.kernel.metadata.record.model import Agent, Box, Contact, Place, Publisher
from connector.kernel.policy.odrl.names import HANSE

GEOCODING: Final = "http://dcat-ap.de/def/politicalGeocoding/"
ADMS_TYPE: Final = "http://purl.org/adms/publishertype/"
TYPES: Mapping[str, str] = {
    "municipality": "LocalAuthority",
    "county": "LocalAuthority",
    "stateAuthority": "RegionalAuthority",
    "federalAuthority": "NationalAuthority",
    "researchInstitution": "Academia-ScientificOrganisation",
    "university": "Academia-ScientificOrganisation",
    "civilSociety": "NonProfitOrganisation",
    "company": "Company",
}
"""Kind of participant to the ADMS type of publisher that comes close to it; the others have none.

A table of its own, for showing a participant would else load the code lists and the RDF library they are read with.
"""
_STATES = ("stateAuthority", "statisticsOffice")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()/-]{3,38}")
_ADDRESS = re.compile(r"(?:[!$&-;=?-Z_a-z~#]|%[0-9A-Fa-f]{2}){1,2000}")
"""Signs that an IRI may have, without brackets: a portal that reads strictly takes no others."""


def changed(details: PublisherDetails, change: PublisherChange, kind: str) -> PublisherDetails:
    """The details with the change, each value checked; `kind` is the IRI of the participant's kind.

    Raises Mistake, also if nobody could be reached any more: what is published already may need somebody.
    """
    said = {name: value.strip() if isinstance(value, str) else value for name, value in change.said.items()}
    fresh = msgspec.structs.replace(details, **said)
    if _reachable(details) and not _reachable(fresh):
        raise Mistake("participants.contact-last")
    return msgspec.structs.replace(
        fresh,
        ars=checked_key(fresh.ars, kind) if fresh.ars else "",
        contact_name=_checked_name(fresh.contact_name),
        contact_email=_checked(fresh.contact_email, _EMAIL, "participants.contact-email"),
        contact_telephone=_checked(fresh.contact_telephone, _TELEPHONE, "participants.contact-telephone"),
        contact_url="" if not fresh.contact_url else checked_address(fresh.contact_url),
        contributor=_contributor(fresh.contributor),
        box=None if fresh.box is None else _box(fresh.box),
    )


def _reachable(details: PublisherDetails) -> bool:
    return bool(details.contact_email or details.contact_url or details.contact_telephone)


def checked_key(key: str, kind: str) -> str:
    """The twelve digits without gaps; raises Mistake (`participants.ars`) for what is no regional key of this kind."""
    digits = re.sub(r"[ .]", "", key)
    if not re.fullmatch(r"[0-9]{12}", digits) or not 1 <= int(digits[:2]) <= 16:
        raise Mistake("participants.ars", key=key[:40])
    if _level(kind, digits) == "administrativeDistrict" and (digits[3:5] == "00" or digits[5:] != "0000000"):
        raise Mistake("participants.ars-county", key=digits)
    return digits


def municipality_key(ars: str) -> str:
    """The eight digits (AGS) of a regional key (ARS)."""
    return ars[:5] + ars[9:]


def checked_address(url: str) -> str:
    """An http(s) address that every portal reads; raises Mistake (`participants.address`)."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
        usable = usable and parts.port != 0 and url.count("#") < 2
    except ValueError:
        usable = False
    if not usable or not _ADDRESS.fullmatch(url):
        raise Mistake("participants.address", url=url[:200])
    return url


def publisher(root: str, name: str, kind: str, details: PublisherDetails) -> Publisher:
    """What its datasets say of a participant with this root (without a slash), name and kind (IRI)."""
    local = kind.removeprefix(HANSE)
    adms = TYPES.get(local)
    contact = Contact(
        name=details.contact_name or name,
        email=details.contact_email,
        url=details.contact_url,
        telephone=details.contact_telephone,
    )
    level = _level(kind, details.ars) if details.ars else ""
    return Publisher(
        agent=Agent(iri=f"{root}/#publisher", name={"de": name}, kind=f"{ADMS_TYPE}{adms}" if adms else ""),
        contact=contact if contact.reachable else None,
        contributor=details.contributor,
        level=f"{GEOCODING}Level/{level}" if level else "",
        places=(*_key_place(level, details.ars), *([] if details.box is None else [Place(box=Box(*details.box))])),
        languages=(AUTHORITY + "language/DEU",),
        availability=AUTHORITY + "planned-availability/AVAILABLE",
    )


def _level(kind: str, ars: str) -> str:
    """A town that is no part of a county has zeros where others have their number: the kind tells them apart."""
    local = kind.removeprefix(HANSE)
    if local == "municipality":
        return "municipality"
    if local == "county":
        return "administrativeDistrict"
    if local in _STATES or ars[2:] == "0" * 10:
        return "state"
    return "administrativeDistrict" if ars[5:] == "0" * 7 else "municipality"


def _key_place(level: str, ars: str) -> list[Place]:
    match level:
        case "municipality":
            return [Place(iri=f"{GEOCODING}municipalityKey/{municipality_key(ars)}")]
        case "administrativeDistrict":
            return [Place(iri=f"{GEOCODING}districtKey/{ars[:5]}")]
        case "state":
            return [Place(iri=f"{GEOCODING}stateKey/{ars[:2]}")]
    return []


def _checked(text: str, form: re.Pattern[str], code: str) -> str:
    if text and not form.fullmatch(text):
        raise Mistake(code, text=text[:80])
    return text


def _checked_name(text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise Mistake("participants.name", most=200)
    return text


def _contributor(text: str) -> str:
    """By its code or IRI."""
    if not text:
        return ""
    known = lists.code_lists()
    found = known.by_code(lists.CONTRIBUTORS, text.rpartition("/")[2])
    if found is None or (text not in (found.iri, found.code) and text.casefold() != found.code.casefold()):
        raise Mistake("participants.contributor", contributor=text[:120])
    return found.iri


def _box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = box
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Mistake("participants.box")
    return box
