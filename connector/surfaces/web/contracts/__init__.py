"""Pages of contracts: which there are, what one says, how it ends or is renewed, and evidence that is checked here."""
