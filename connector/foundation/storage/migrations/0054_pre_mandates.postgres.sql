ALTER TABLE mandate ENABLE ROW LEVEL SECURITY;
ALTER TABLE mandate FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON mandate TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
CREATE POLICY backup ON mandate FOR SELECT TO CURRENT_USER USING (current_setting('hanse.backup', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON mandate TO hanse;
