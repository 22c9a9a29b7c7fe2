-- The worker asks once who has work due, instead of every participant. It sees whose a row is and the times and states that say so,
-- and neither whom nor what a row is about (threat T114). Of open transfers it sees the partner, for changes of the trust list.
DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['seen_token', 'usage', 'question', 'transcript', 'decision', 'crawl', 'agreement', 'public_snapshot',
    'approval', 'approval_rule', 'notification', 'cosignature'] LOOP
    EXECUTE format('CREATE POLICY due ON %I FOR SELECT TO hanse_worker USING (true)', name);
  END LOOP;
END
$$;
CREATE POLICY due ON transfer FOR SELECT TO hanse_worker
  USING (settled = 0 OR outcome IN ('refused', 'broken') OR (state = 'TERMINATED' AND outcome IS NULL AND role = 'consumer'));
GRANT SELECT (participant, expires_at) ON seen_token TO hanse_worker;
GRANT SELECT (participant, hour) ON usage TO hanse_worker;
GRANT SELECT (participant, kind, asked_at, answered_at) ON question TO hanse_worker;
GRANT SELECT (participant, last_at) ON transcript TO hanse_worker;
GRANT SELECT (participant, at) ON decision TO hanse_worker;
GRANT SELECT (participant, due_at) ON crawl TO hanse_worker;
GRANT SELECT (participant) ON agreement TO hanse_worker;
GRANT SELECT (participant) ON public_snapshot TO hanse_worker;
GRANT SELECT (participant, state, due_at) ON approval TO hanse_worker;
GRANT SELECT (participant, changed_at) ON approval_rule TO hanse_worker;
GRANT SELECT (participant, at) ON notification TO hanse_worker;
GRANT SELECT (participant, size) ON cosignature TO hanse_worker;
GRANT SELECT (outcome, role, changed_at) ON transfer TO hanse_worker;
