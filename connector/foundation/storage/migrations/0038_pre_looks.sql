-- What jobs and the first page look for every minute, without reading what is long over.
CREATE INDEX transfer_failed ON transfer (participant, changed_at)
  WHERE (outcome IN ('refused', 'broken') OR (state = 'TERMINATED' AND outcome IS NULL AND role = 'consumer'));
CREATE INDEX agreement_running_out ON agreement (participant, expires_at) WHERE state IN ('finalized', 'one-sided');
CREATE INDEX question_open ON question (participant, asked_at) WHERE answered_at IS NULL;
