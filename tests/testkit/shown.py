"""What a town's catalogue shows of its data, as its partners keep it."""

from msgspec.structs import replace

from connector.data.catalogue.model import Dataset, Offer
from connector.exchange.contracts.document.described_data import Described, of_dataset


def as_shown(dataset: Dataset, offer: Offer) -> Described:
    """All that the contract will say of it, but for the ending of the file's name."""
    return replace(of_dataset(dataset, offer.countersignature), ending="")
