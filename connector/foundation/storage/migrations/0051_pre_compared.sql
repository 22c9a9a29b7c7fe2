-- Which contracts are to be compared with the partner is asked of all that were concluded: by an index that says all of it, for the
-- rows hold documents and seals.
CREATE INDEX agreement_concluded ON agreement (participant, finalized_at, counterparty, id, state, ended_at, expires_at)
  WHERE finalized_at IS NOT NULL;
