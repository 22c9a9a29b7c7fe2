-- How each member's catalogue was read last for each participant, and when it is read again (decision 0064). `digest` is that
-- of the inventory with which the copies agree; `doubted_at`: since when a listing waits to be heard again. Times in ms.
CREATE TABLE crawl (
  participant {text} NOT NULL REFERENCES participant (id), provider {text} NOT NULL, form {text} NOT NULL, digest {text},
  due_at {int} NOT NULL, failures {int} NOT NULL, code {text}, facts {text} NOT NULL, doubted_at {int},
  PRIMARY KEY (participant, provider));
CREATE INDEX crawl_due ON crawl (participant, due_at);
-- Datasets that a member showed and that cannot be used, with the reason; `told` is what the member calls that state of it.
CREATE TABLE crawl_aside (
  participant {text} NOT NULL REFERENCES participant (id), provider {text} NOT NULL, dataset {text} NOT NULL,
  told {text} NOT NULL, code {text} NOT NULL, facts {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, provider, dataset));
-- Which rules stand for the eligible alone: an inventory is decided by each of them once.
CREATE INDEX offer_eligible ON offer (participant, digest) WHERE state = 'published' AND visibility = 'eligible';
