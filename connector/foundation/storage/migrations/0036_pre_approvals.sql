-- What waits for people to say yes (spec/approvals.md). `votes`: who said yes in which part (JSON); people are pseudonyms.
-- `draft` is a publication that is not out yet (JSON); `process` a negotiation, empty for publications. Times in ms.
CREATE TABLE approval (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, subject {text} NOT NULL, process {text} NOT NULL,
  dataset {text} NOT NULL, title {text} NOT NULL, counterparty {text} NOT NULL, template {text} NOT NULL, terms {text} NOT NULL,
  draft {text}, drafter {text} NOT NULL, stewards {int} NOT NULL, protection {int} NOT NULL, state {text} NOT NULL,
  votes {text} NOT NULL, code {text} NOT NULL, reason {text} NOT NULL, terms_back {text}, ended_by {text} NOT NULL,
  asked_at {int} NOT NULL, remind_at {int} NOT NULL, due_at {int} NOT NULL, ended_at {int}, version {int} NOT NULL,
  PRIMARY KEY (participant, id));
CREATE INDEX approval_open ON approval (participant, due_at) WHERE state = 'open';
CREATE INDEX approval_process ON approval (participant, process) WHERE process <> '';
-- How many people have to agree to what: `template` is a rule's id, or empty for all others. `changed_by` is a pseudonym.
CREATE TABLE approval_rule (
  participant {text} NOT NULL REFERENCES participant (id), subject {text} NOT NULL, template {text} NOT NULL,
  people {text} NOT NULL, protection {int} NOT NULL, days {int} NOT NULL, responsible {text} NOT NULL, deputy {text} NOT NULL,
  changed_at {int} NOT NULL, changed_by {text} NOT NULL,
  PRIMARY KEY (participant, subject, template));
