-- Tokens of the timestamp authority over the checkpoint of this size, as RFC 3161 TimeStampToken; `time` is what it says, `at` when we got it.
CREATE TABLE audit_timestamp (
  participant {text} NOT NULL, size {int} NOT NULL, token {bytes} NOT NULL, time {int} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, size), FOREIGN KEY (participant, size) REFERENCES audit_seal (participant, size));
