ALTER TABLE audit_timestamp ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_timestamp FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON audit_timestamp TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
-- A token is evidence: it is added, never changed and never taken away.
GRANT SELECT, INSERT ON audit_timestamp TO hanse;
