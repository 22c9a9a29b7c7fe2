"""The work on seals that needs the network or a key: countersignatures, deferred seals, late ones."""
