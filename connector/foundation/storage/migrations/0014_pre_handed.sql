-- How many records of an agreement the evidence had that an operator took along: what came later is not in it. 0: not known.
ALTER TABLE handover ADD COLUMN records {int} NOT NULL DEFAULT 0;
