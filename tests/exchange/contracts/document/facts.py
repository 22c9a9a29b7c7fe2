"""The facts and clauses of one contract, from which its text is written."""

from connector.exchange.contracts.document.text import Clause, ContractFacts, Party

FACTS = ContractFacts(
    agreement="urn:uuid:1",
    provider=Party("Musterstadt", "did:web:localhost%3A18443:musterstadt"),
    consumer=Party("Nachbardorf", "did:web:localhost%3A18443:nachbardorf"),
    dataset="https://localhost:18443/musterstadt/datasets/1",
    dataset_title="Baumkataster",
    description_sha256="ab" * 32,
    dataset_sha256="cd" * 32,
    purpose="Verwaltungsaufgaben",
    concluded_at=1_795_000_003_000,
    expires_at=1_830_000_000_000,
)
CLAUSES: list[Clause] = [
    ("Nur Kommunen dürfen die Daten nutzen.", "enforced"),
    ("Die Daten werden bis zum 31.12.2027 gelöscht.", "monitored"),
    ("Die Daten dürfen nicht weitergegeben werden.", "contractual"),
]
