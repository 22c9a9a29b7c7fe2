-- Negotiations that the provider begins. What the peer began counts once, whichever replica it reaches; a pid that a peer
-- names in an answer is its own affair and need not be unique.
ALTER TABLE negotiation ADD COLUMN proposed {int} NOT NULL DEFAULT 0;
-- The terms that the peer spoke last, while other terms of ours are under way: a refusal brings them back.
ALTER TABLE negotiation ADD COLUMN standing {text};
-- The states that it went through, in order, as JSON.
ALTER TABLE negotiation ADD COLUMN states {text} NOT NULL DEFAULT '[]';
DROP INDEX negotiation_peer;
CREATE UNIQUE INDEX negotiation_requested ON negotiation (participant, counterparty, peer_pid) WHERE role = 'provider' AND proposed = 0;
CREATE UNIQUE INDEX negotiation_proposed ON negotiation (participant, counterparty, peer_pid) WHERE role = 'consumer' AND proposed = 1;
