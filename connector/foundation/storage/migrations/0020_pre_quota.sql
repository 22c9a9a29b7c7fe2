-- What each peer caused here, by hour (start of the hour in ms), for quotas (decision 0049). `bytes` is reckoned, not
-- measured; `slot` keeps the messages of one busy peer from queueing for one row on PostgreSQL.
CREATE TABLE usage (
  participant {text} NOT NULL REFERENCES participant (id), peer {text} NOT NULL, hour {int} NOT NULL, slot {int} NOT NULL,
  bytes {int} NOT NULL, begun {int} NOT NULL, PRIMARY KEY (participant, peer, hour, slot));
CREATE INDEX usage_hour ON usage (participant, hour);
-- What an operator permits to one peer: so many times the usual quota.
CREATE TABLE allowance (
  participant {text} NOT NULL REFERENCES participant (id), did {text} NOT NULL, times {int} NOT NULL, entered_at {int} NOT NULL,
  PRIMARY KEY (participant, did));
