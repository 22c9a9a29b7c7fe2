ALTER TABLE desk_seen ENABLE ROW LEVEL SECURITY;
ALTER TABLE desk_seen FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON desk_seen TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
CREATE POLICY backup ON desk_seen FOR SELECT TO CURRENT_USER USING (current_setting('hanse.backup', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON desk_seen TO hanse;
