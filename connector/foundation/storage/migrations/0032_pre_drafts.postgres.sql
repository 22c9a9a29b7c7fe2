ALTER TABLE publication_draft ENABLE ROW LEVEL SECURITY;
ALTER TABLE publication_draft FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON publication_draft TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
CREATE POLICY backup ON publication_draft FOR SELECT TO CURRENT_USER
  USING (current_setting('hanse.backup', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON publication_draft TO hanse;
