-- Which version of the data people are asked about, in an approval of a contract (spec/approvals.md 2.1); empty: not known.
ALTER TABLE approval ADD COLUMN dataset_version {text} NOT NULL DEFAULT '';
