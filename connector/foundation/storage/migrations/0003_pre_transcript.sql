-- What peers said and answered, for the operator (decision 0015). `slot` bounds it: what repeats itself counts up one row.
-- `process` is our pid; for messages about no process of ours it is "~" and the DID of the sender, and `pid` what it named.
CREATE TABLE transcript (
  participant {text} NOT NULL, process {text} NOT NULL, slot {text} NOT NULL, pid {text} NOT NULL, direction {text} NOT NULL,
  kind {text} NOT NULL, message_id {text} NOT NULL, sent {int} NOT NULL, status {int} NOT NULL, code {text} NOT NULL,
  detail {text} NOT NULL, reason {text}, body {text} NOT NULL, times {int} NOT NULL DEFAULT 1, at {int} NOT NULL,
  last_at {int} NOT NULL, PRIMARY KEY (participant, process, slot));
CREATE INDEX transcript_pid ON transcript (participant, pid) WHERE pid <> '';
CREATE INDEX transcript_age ON transcript (participant, last_at);
-- An operator may know a process by the peer's pid only.
CREATE INDEX negotiation_pid ON negotiation (participant, peer_pid) WHERE peer_pid IS NOT NULL;
CREATE INDEX transfer_pid ON transfer (participant, peer_pid) WHERE peer_pid IS NOT NULL;
