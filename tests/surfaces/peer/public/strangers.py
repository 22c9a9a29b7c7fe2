"""A record in which strangers wrote whatever they may: markup, scripts, addresses that run something."""

from connector.identity.participants.model import Participant
from connector.kernel.metadata.record.model import (
    Agent,
    Checksum,
    Contact,
    DataService,
    DatasetRecord,
    Distribution,
    Hvd,
    Period,
    Place,
    Series,
)
from tests.surfaces.peer.public.portal import ROOT, TOWN, uuid

EVIL = (
    "\"'><script>alert(1)</script></script><!--{{7*7}}-->\u202e\x1b[31m&amp;</title></style>"
    "<img src=x onerror=alert(1)>"
)
BAD_LINK = "javascript:alert(1)"
PARTICIPANT = Participant(
    id=TOWN,
    did="did:web:a.example",
    root=ROOT,
    host="a",
    path="/m",
    name=f"Stadt {EVIL}",
    kind="k",
    operator="o",
    state="active",
)


def evil() -> DatasetRecord:
    """Every text and every address that a stranger may choose."""
    said = {"de": EVIL}
    agent = Agent(iri=BAD_LINK, name=said, kind=BAD_LINK)
    place = Place(iri=BAD_LINK, label=said)
    return DatasetRecord(
        iri=f"{ROOT}/datasets/{uuid(0)}",
        title=said,
        description=said,
        licence=BAD_LINK,
        attribution=said,
        themes=(BAD_LINK,),
        keywords={"de": (EVIL,)},
        frequency=BAD_LINK,
        access="announced",
        periods=(Period(start=EVIL, end=EVIL),),
        hvd=Hvd(categories=(BAD_LINK,)),
        identifiers=(EVIL,),
        publisher=agent,
        contacts=(Contact(name=EVIL, email=f"a@b{EVIL}", url=BAD_LINK, telephone=EVIL),),
        places=(place,),
        languages=(BAD_LINK,),
        availability=BAD_LINK,
        access_right=BAD_LINK,
        series=(Series(iri=BAD_LINK, title=said),),
        version=EVIL,
        version_notes=said,
        issued=EVIL,
        modified=EVIL,
        references=(BAD_LINK,),
        legislation=(BAD_LINK,),
        conforms_to=(BAD_LINK,),
        distributions=(
            Distribution(
                access_url=BAD_LINK,
                download_url=BAD_LINK,
                title=said,
                format=BAD_LINK,
                media_type=EVIL,
                licence=BAD_LINK,
                attribution=said,
                rights=said,
                conforms_to=(BAD_LINK,),
                checksum=Checksum(value=EVIL),
                service=DataService(endpoint=BAD_LINK, description=BAD_LINK, page=BAD_LINK),
            ),
            Distribution(access_url=f"https://a.example/{EVIL}"),
        ),
    )
