-- Whom a change of the trust list concerns: who is dealing with whom, and nothing of what about.
GRANT SELECT (participant, counterparty) ON transfer TO hanse_worker;
