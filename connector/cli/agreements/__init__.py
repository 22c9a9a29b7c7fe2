"""Commands about what was agreed: contracts, countersignatures, duties, evidence."""
