"""The sections of the settings: every field with its default and the sentence that documents it.

How values reach them is `connector.foundation.settings.load`. A secret has a field `*_file` beside it.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct


class Secret:
    """A value that shows itself only when asked: its repr, and so any log line, hides it."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"


Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]


def doc(text: str) -> Meta:
    return Meta(description=text)


class Data(Struct, frozen=True, kw_only=True):
    """Folders for content; small state (database, keys, port) lies in the data folder itself."""

    files: Annotated[Path, doc("Folder of the files that were published.")] = Path("files")
    received: Annotated[Path, doc("Folder of the data that was received from peers.")] = Path("received")
    largest: Annotated[int, Meta(ge=1), doc("Most bytes that a peer may send us at once.")] = 1 << 40
    upload_largest: Annotated[int, Meta(ge=1), doc("Most bytes of one file that is published.")] = 1 << 37
    upload_quota: Annotated[int, Meta(ge=1), doc("Most bytes of all published files of one participant.")] = 1 << 40
    keep_free: Annotated[int, Meta(ge=0), doc("Bytes on the disk that no upload and no data of a peer take.")] = 1 << 28
    destinations: Annotated[
        tuple[str, ...], doc("URLs below which all peers may have data sent, besides where their DID points.")
    ] = ()


class Peer(Struct, frozen=True, kw_only=True):
    """The public surface for other connectors."""

    host: Annotated[str, doc("Address to listen on; `0.0.0.0` or `::` for all.")] = "127.0.0.1"
    port: Annotated[Port, doc("TCP port; 0 chooses a free one once and keeps it in `<data>/port`.")] = 0
    public_url: Annotated[
        str, doc("URL under which peers reach this surface, without final slash; empty: `https://localhost:PORT`.")
    ] = ""
    tls_cert_file: Annotated[Path, doc("PEM chain of the TLS certificate.")] = Path("certs/server.pem")
    tls_key_file: Annotated[Path, doc("PEM private key of the TLS certificate.")] = Path("certs/server.key")
    reuse_port: Annotated[bool, doc("Let several processes listen on the same port (PostgreSQL only).")] = False


class Web(Struct, frozen=True, kw_only=True):
    """The desk: the pages on which people work, on a listener of its own."""

    host: Annotated[str, doc("Address to listen on; beyond this computer only with TLS or behind a proxy.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, doc("TCP port of the desk; 0 chooses a free one once and keeps it in `<data>/web-port`.")] = 0
    public_url: Annotated[
        str, doc("URL under which people open the desk, without path; empty: `http://localhost:PORT`, with TLS https.")
    ] = ""
    tls_cert_file: Annotated[Path | None, doc("PEM chain of the desk's TLS certificate; none: plain HTTP.")] = None
    tls_key_file: Annotated[Path | None, doc("PEM private key of the desk's TLS certificate.")] = None
    imprint_file: Annotated[Path | None, doc("Text file that the desk shows as imprint.")] = None
    privacy_file: Annotated[Path | None, doc("Text file that the desk shows as privacy statement.")] = None
    accessibility_file: Annotated[
        Path | None, doc("Text file that the desk adds to its statement on accessibility: contact, enforcement body.")
    ] = None
    easy_language_file: Annotated[
        Path | None, doc("Text file in easy language (Leichte Sprache); none: a short one of ours, which says so.")
    ] = None


class Mail(Struct, frozen=True, kw_only=True):
    """Notifications by e-mail, to whoever wants them; without a host none are sent."""

    host: Annotated[str, doc("Mail server (SMTP) that takes our mails; empty: no mails are sent.")] = ""
    port: Annotated[Port, doc("TCP port of the mail server: 587 with `starttls`, 465 with `tls`.")] = 587
    tls: Annotated[
        Literal["starttls", "tls", "none"],
        doc("How the way to the mail server is encrypted; `none` on loopback alone."),
    ] = "starttls"
    ca_file: Annotated[Path | None, doc("PEM file with the roots of the mail server; none: the system's.")] = None
    sender: Annotated[str, doc("E-mail address that our mails come from.")] = ""
    user: Annotated[str, doc("User name at the mail server; empty: it wants none.")] = ""
    password: Annotated[Secret, doc("Password at the mail server.")] = Secret()
    password_file: Annotated[Path | None, doc("File that holds the password of the mail server.")] = None
    quiet_from: Annotated[int, Meta(ge=0, le=23), doc("Hour of the day (Berlin) from which nobody is written to.")] = 20
    quiet_until: Annotated[
        int, Meta(ge=0, le=23), doc("Hour of the day (Berlin) until which nobody is written to.")
    ] = 7
    digest_hour: Annotated[int, Meta(ge=0, le=23), doc("Hour of the day (Berlin) of the one mail a day.")] = 8


class Api(Struct, frozen=True, kw_only=True):
    """The management surface for the operator's own machines and the command line."""

    socket: Annotated[Path, doc("Unix socket, mode 0600; at most 100 bytes long.")] = Path("api.sock")
    port: Annotated[
        Port, doc("Also listen on this loopback port, for programs with a key of a person; 0: only the socket.")
    ] = 0


class Oidc(Struct, frozen=True, kw_only=True):
    """The identity provider at which people sign in (OpenID Connect); without an issuer there are local accounts."""

    issuer: Annotated[str, doc("Issuer of the identity provider, exactly as its discovery document names it.")] = ""
    name: Annotated[str, doc("What the button says, as in `Sign in with …`; empty: the provider's host.")] = ""
    client_id: Annotated[str, doc("Name of this service at the identity provider.")] = "hanse"
    client_secret: Annotated[Secret, doc("Secret of this service at the identity provider.")] = Secret()
    client_secret_file: Annotated[Path | None, doc("File that holds the secret.")] = None
    key_file: Annotated[Path | None, doc("PEM private key that proves this service instead of a secret.")] = None
    scopes: Annotated[tuple[str, ...], doc("Scopes that are asked for besides `openid`.")] = ("profile", "email")
    groups_claim: Annotated[str, doc("Claim of the ID token that lists the groups of a person.")] = "groups"
    roles: Annotated[
        tuple[str, ...], doc("What groups mean, a line each: `GROUP = SLUG ROLE`, or `GROUP = operator`.")
    ] = ()
    acr: Annotated[tuple[str, ...], doc("Values of `acr` that mean that a second factor was shown.")] = ()
    second_factor: Annotated[bool, doc("The identity provider asks everybody for a second factor.")] = False


class Database(Struct, frozen=True, kw_only=True):
    """Where rows live; SQLite for one process, PostgreSQL for any number."""

    url: Annotated[Secret, doc("`sqlite:///PATH` or `postgresql://…` (role hanse); empty: `<data>/hanse.db`.")] = (
        Secret()
    )
    url_file: Annotated[Path | None, doc("File that holds the URL.")] = None
    worker_url: Annotated[Secret, doc("PostgreSQL URL of the role hanse_worker; empty: as `url`.")] = Secret()
    worker_url_file: Annotated[Path | None, doc("File that holds the worker's URL.")] = None
    owner_url: Annotated[Secret, doc("PostgreSQL URL of the role that migrates; empty: no migration at start.")] = (
        Secret()
    )
    owner_url_file: Annotated[Path | None, doc("File that holds the owner's URL.")] = None
    check_s: Annotated[Seconds, doc("Seconds that the look for damage in SQLite's file may take at the start.")] = 10.0


class Trust(Struct, frozen=True, kw_only=True):
    """Whom this connector believes, and the key that encrypts its own keys at rest."""

    list_file: Annotated[Path, doc("Signed trust list; with `list_url` the last good copy.")] = Path("trust/list.jws")
    list_url: Annotated[str, doc("HTTPS URL of the signed trust list; empty: only the file.")] = ""
    authority_key_file: Annotated[Path, doc("PEM file with the authority's pinned public key.")] = Path(
        "trust/roots.pem"
    )
    list_reload_s: Annotated[Seconds, doc("Seconds between two looks at the trust list.")] = 45.0
    seal_ca_files: Annotated[tuple[Path, ...], doc("PEM files with the roots of seal certificates.")] = (
        Path("trust/roots.pem"),
    )
    ca_files: Annotated[tuple[Path, ...], doc("PEM files with TLS roots trusted besides the system's.")] = ()
    master_key: Annotated[Secret, doc("Key that encrypts private keys at rest: 32 bytes, hex or base64.")] = Secret()
    master_key_file: Annotated[Path | None, doc("File that holds the master key; made on first start.")] = Path(
        "trust/master.key"
    )


class Outbound(Struct, frozen=True, kw_only=True):
    """Requests that we send to peers and sources."""

    allow: Annotated[tuple[str, ...], doc("Private networks that may be reached all the same, as CIDR.")] = ()
    proxy: Annotated[str, doc("URL of an HTTP proxy; empty: direct.")] = ""
    total_s: Annotated[Seconds, doc("Seconds that a request may take, answer included.")] = 10.0
    stall_s: Annotated[Seconds, doc("Seconds without a byte after which a data transfer counts as cut.")] = 30.0


class Worker(Struct, frozen=True, kw_only=True):
    """Delivery, timers and sealing."""

    parallel: Annotated[int, Meta(ge=1), doc("Messages on their way at the same time.")] = 128
    lease_s: Annotated[Seconds, doc("Seconds a claimed row stays with its process (PostgreSQL).")] = 10.0
    sweep_s: Annotated[Seconds, doc("Seconds between two looks for due rows that nobody announced.")] = 1.0
    retry_max_s: Annotated[Seconds, doc("Longest pause between two attempts.")] = 300.0
    stop_s: Annotated[Seconds, doc("Seconds to finish what has begun when the process is asked to stop.")] = 10.0
    seal_every_s: Annotated[Seconds, doc("Seconds between two seals of the audit log.")] = 10.0
    transcript_days: Annotated[int, Meta(ge=1), doc("Days that the transcript keeps what peers said and answered.")] = (
        90
    )


Most = Annotated[int, Meta(ge=0)]


class Quota(Struct, frozen=True, kw_only=True):
    """How much peers may cause here, by what they begin; 0: no limit. Ends of what runs are never refused."""

    peer_hour_starts: Annotated[
        Most, doc("Negotiations and transfers that one peer may begin in an hour; 0: any number.")
    ] = 5_000
    peer_day_mib: Annotated[Most, doc("MiB that one peer may cause at one participant in 24 hours; 0: any amount.")] = (
        256
    )
    operator_day_mib: Annotated[
        Most, doc("MiB that all peers of one operator may cause at one participant in 24 hours; 0: any amount.")
    ] = 1_024
    participant_day_mib: Annotated[
        Most, doc("MiB that all peers together may cause at one participant in 24 hours; 0: any amount.")
    ] = 2_048
    process_day_mib: Annotated[
        Most,
        doc("MiB at all participants together in 24 hours, after which equal shares alone may begin; 0: any amount."),
    ] = 65_536


class Log(Struct, frozen=True, kw_only=True):
    """Log lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], doc("Least severe level that is written.")] = "info"
    format: Annotated[Literal["json", "text"], doc("`json`: one object a line; `text`: for people.")] = "json"


class Plugins(Struct, frozen=True, kw_only=True):
    """Code of others that runs inside this process; an installed package alone changes nothing."""

    allow: Annotated[tuple[str, ...], doc("Names of the entry points of group `hanse.left_operands` to load.")] = ()


class Development(Struct, frozen=True, kw_only=True):
    """Only for laptops and tests: certificates from a CA of one's own."""

    folder: Annotated[
        Path | None, doc("Folder of the development CAs; if set, `participant add` issues seal certificates.")
    ] = None


class Contracts(Struct, frozen=True, kw_only=True):
    """How contracts come about."""

    countersign_days: Annotated[
        int, Meta(ge=1, le=365), doc("Days after the agreement in which a late countersignature is taken.")
    ] = 7


class Signers(Struct, frozen=True, kw_only=True):
    """Where seal keys lie that this process does not hold: an HSM, a remote signing service, Vault."""

    pkcs11_module: Annotated[Path | None, doc("Library (PKCS#11) of the HSM.")] = None
    pkcs11_pin: Annotated[Secret, doc("User PIN of the HSM's tokens.")] = Secret()
    pkcs11_pin_file: Annotated[Path | None, doc("File that holds the PIN.")] = None
    csc_url: Annotated[str, doc("Base URL of a remote signing service (CSC API 2), up to and with `/csc/v2`.")] = ""
    csc_token: Annotated[Secret, doc("OAuth access token for the remote signing service.")] = Secret()
    csc_token_file: Annotated[Path | None, doc("File that holds the access token.")] = None
    csc_client: Annotated[
        str, doc("Name (`client_id`) for which access tokens are fetched there; wins over a token that is set.")
    ] = ""
    csc_client_secret: Annotated[Secret, doc("Secret of that client.")] = Secret()
    csc_client_secret_file: Annotated[Path | None, doc("File that holds that secret.")] = None
    csc_client_auth: Annotated[
        Literal["basic", "body"], doc("Where the secret stands: `basic` (header `Authorization`) or `body`.")
    ] = "basic"
    csc_oauth_url: Annotated[str, doc("Where tokens are fetched; empty: `oauth2/token` below `csc_url`.")] = ""
    csc_pin: Annotated[Secret, doc("PIN that releases a credential there; empty: none is asked for.")] = Secret()
    csc_pin_file: Annotated[Path | None, doc("File that holds that PIN.")] = None
    csc_pin_id: Annotated[str, doc("What the service calls that PIN (`authData`, `id`): `PIN`, `password`.")] = "PIN"
    csc_authorize: Annotated[
        bool, doc("Have the service release the credential for each hash; false for a token of the scope `credential`.")
    ] = True
    vault_url: Annotated[
        str, doc("URL of HashiCorp Vault with the mount of its transit engine, `https://…/v1/transit`.")
    ] = ""
    vault_token: Annotated[Secret, doc("Vault token that may sign with the keys of the participants.")] = Secret()
    vault_token_file: Annotated[Path | None, doc("File that holds the Vault token.")] = None
    answer_s: Annotated[Seconds, doc("Seconds that one signature may take.")] = 10.0
    deadline_s: Annotated[Seconds, doc("Seconds a contract waits for our seal; then the negotiation ends.")] = 86_400.0
    pq: Annotated[bool, doc("Add a second seal that withstands quantum computers (ML-DSA-44).")] = False
    ocsp: Annotated[
        bool, doc("Ask the authority that a seal's certificate names (OCSP) when an evidence bundle is made.")
    ] = False


class Witness(Struct, frozen=True, kw_only=True):
    """Vouching for the logs of others, and asking other operators' witnesses to vouch for ours."""

    operator: Annotated[
        str, doc("Operator that this process vouches for others as; empty: the one of all its participants.")
    ] = ""
    ask_every_s: Annotated[Seconds, doc("Seconds between two requests to a witness without a new agreement.")] = 3600.0
    look_s: Annotated[Seconds, doc("Seconds between two looks for agreements that no witness knows yet.")] = 5.0
    answer_s: Annotated[Seconds, doc("Seconds that a witness may take to answer.")] = 3.0
    start_wait_s: Annotated[
        Seconds, doc("Seconds after the start that a log waits for a witness to say how far it was.")
    ] = 30.0


class Federation(Struct, frozen=True, kw_only=True):
    """Copies of the members' catalogues, which searches are answered from."""

    every_s: Annotated[
        Seconds, doc("Seconds after which a member's catalogue is read again, a tenth more or less.")
    ] = 3600.0
    look_s: Annotated[Seconds, doc("Seconds between two looks for members that are to be asked.")] = 15.0
    crawl_s: Annotated[Seconds, doc("Seconds that reading one member's catalogue may take at a time.")] = 120.0
    at_once: Annotated[
        int, Meta(ge=1, le=64), doc("Members that are asked at the same time, each on another host.")
    ] = 8
    datasets: Annotated[int, Meta(ge=1), doc("Datasets of one member that are kept for one participant.")] = 50_000
    bytes: Annotated[int, Meta(ge=1), doc("Bytes of one member's entries that are kept for one participant.")] = (
        67_108_864
    )


class Timestamps(Struct, frozen=True, kw_only=True):
    """Tokens of a timestamp authority (RFC 3161) over the audit logs; needs the extra `timestamps`."""

    url: Annotated[str, doc("URL of the authority, https or http; empty: no timestamps.")] = ""
    ca_files: Annotated[tuple[Path, ...], doc("PEM files with the roots that its tokens lead to.")] = ()
    user: Annotated[str, doc("User name at the authority (HTTP Basic); empty: it wants none.")] = ""
    password: Annotated[Secret, doc("Password at the authority; sent over https alone.")] = Secret()
    password_file: Annotated[Path | None, doc("File that holds that password.")] = None
    every_s: Annotated[Seconds, doc("Least seconds between two tokens for one log.")] = 3600.0


Days = Annotated[int, Meta(ge=0, le=36_525)]


class Retention(Struct, frozen=True, kw_only=True):
    """How long records of the audit log are kept; 0: for ever. The defaults are no legal advice: have them checked.

    Periods of records that belong to an agreement begin with its end, the others with the event.
    """

    agreement_days: Annotated[Days, doc("Days that agreement records are kept (defaults need a legal check).")] = 3650
    termination_days: Annotated[Days, doc("Days that records of endings are kept (needs a legal check).")] = 3650
    transfer_days: Annotated[Days, doc("Days that records of transfers are kept (needs a legal check).")] = 1095
    deed_days: Annotated[Days, doc("Days that records of duties done are kept (needs a legal check).")] = 1095
    decision_days: Annotated[Days, doc("Days that records of decisions are kept (needs a legal check).")] = 1095
    confirmation_days: Annotated[Days, doc("Days that confirmations by people are kept (needs a legal check).")] = 1095
    publication_days: Annotated[Days, doc("Days that records of publications are kept (needs a legal check).")] = 1095
    alarm_days: Annotated[Days, doc("Days that alarms are kept (needs a legal check).")] = 1095
    key_days: Annotated[Days, doc("Days that key events are kept, at least as long as an agreement needs them.")] = 3650
    other_days: Annotated[Days, doc("Days that records of all other types are kept (needs a legal check).")] = 3650
    duties: Annotated[
        tuple[str, ...],
        doc("Record types whose period is a duty to keep: no request for erasure shortens it (needs a legal check)."),
    ] = ("agreement", "termination", "transfer", "deed", "key", "succession")
    performance: Annotated[
        tuple[str, ...],
        doc("Record types besides `duties` that no request for erasure takes while their agreement is in force."),
    ] = ("decision",)
    every_s: Annotated[Seconds, doc("Seconds between two rounds of erasure.")] = 86_400.0
    compare_every_s: Annotated[Seconds, doc("Seconds between two comparisons of an agreement with its partner.")] = (
        86_400.0
    )
    compare_look_s: Annotated[Seconds, doc("Seconds between two looks for agreements that are to be compared.")] = 30.0
