-- What was done under an agreement since it was signed: duties done, as somebody vouches for them. `facts` are parameters by operand IRI.
CREATE TABLE deed (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, agreement {text} NOT NULL, action {text} NOT NULL,
  rule {text} NOT NULL, party {text} NOT NULL, at {int} NOT NULL, facts {text} NOT NULL, evidence {text} NOT NULL, actor {text} NOT NULL,
  created_at {int} NOT NULL, PRIMARY KEY (participant, id),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
CREATE INDEX deed_agreement ON deed (participant, agreement, at);
-- The case file of decisions: the record and the state of the world that it was made from; kept for as long as transcripts are.
CREATE TABLE decision (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, agreement {text} NOT NULL, process {text} NOT NULL,
  phase {text} NOT NULL, permit {int} NOT NULL, at {int} NOT NULL, record {text} NOT NULL, world {text} NOT NULL,
  PRIMARY KEY (participant, id));
CREATE INDEX decision_process ON decision (participant, process, at);
CREATE INDEX decision_at ON decision (participant, at);
-- When the first byte under it was asked for; deadlines may count from here.
ALTER TABLE agreement ADD COLUMN first_access {int};
-- Why we hold a transfer ourselves until its policy permits it again: 'duty' or 'policy'; NULL if we do not.
ALTER TABLE transfer ADD COLUMN held {text};
-- Where in the policy a later phase still decides, as JSON pointers, since we last decided.
ALTER TABLE negotiation ADD COLUMN deferred {text};
-- At most one review of each subject waits.
CREATE UNIQUE INDEX timer_review ON timer (participant, subject) WHERE kind = 'review' AND done_at IS NULL;
