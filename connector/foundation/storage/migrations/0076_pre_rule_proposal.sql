-- Changes of who has to agree to what that loosen a rule and wait for a second person (spec/approvals.md 1.4), as `approval_rule`;
-- `people` of a rule that is to be dropped is `dropped`. `admin` and `officer` are who has agreed, pseudonyms or empty. Times in ms.
CREATE TABLE rule_proposal (
  participant {text} NOT NULL REFERENCES participant (id), subject {text} NOT NULL, template {text} NOT NULL, id {text} NOT NULL,
  people {text} NOT NULL, protection {int} NOT NULL, days {int} NOT NULL, responsible {text} NOT NULL, deputy {text} NOT NULL,
  proposed_at {int} NOT NULL, proposed_by {text} NOT NULL, admin {text} NOT NULL, officer {text} NOT NULL,
  PRIMARY KEY (participant, subject, template));
