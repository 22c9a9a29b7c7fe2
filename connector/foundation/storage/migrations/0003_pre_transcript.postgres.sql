-- The second lock on the transcript, as in the first schema; the worker's role has no business here.
ALTER TABLE transcript ENABLE ROW LEVEL SECURITY;
ALTER TABLE transcript FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON transcript TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON transcript TO hanse;
