-- The worker asks whose log has something to seal, and which participants work here. It had the whole log of everybody for that,
-- to read and to add to, and what is told of a participant (threat T114). Entries are sealed under the participant's own name.
REVOKE SELECT, INSERT, UPDATE (leaf_index) ON audit_entry FROM hanse_worker;
REVOKE SELECT, INSERT, UPDATE (checkpoint) ON audit_seal FROM hanse_worker;
REVOKE SELECT ON participant FROM hanse_worker;
GRANT SELECT (participant, id, leaf_index, type) ON audit_entry TO hanse_worker;
GRANT SELECT (participant, size, checkpoint) ON audit_seal TO hanse_worker;
GRANT SELECT (id, state) ON participant TO hanse_worker;
DROP POLICY all_rows ON audit_entry;
DROP POLICY all_rows ON audit_seal;
CREATE POLICY due ON audit_entry FOR SELECT TO hanse_worker USING (true);
CREATE POLICY due ON audit_seal FOR SELECT TO hanse_worker USING (true);
