-- The same tokens as lexemes. Row-level security would keep the index from being used (`@@` is not leakproof), so what is
-- searched has none and every search joins the entries, which have it; the entries' texts lie behind the lock.
ALTER TABLE copy_content ADD COLUMN words TSVECTOR NOT NULL DEFAULT '';
CREATE INDEX copy_content_words ON copy_content USING gin (words);
GRANT SELECT, INSERT, UPDATE, DELETE ON copy_content TO hanse;

DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['copy_entry', 'copy_member'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hanse', name);
  END LOOP;
  ALTER TABLE copy_document ENABLE ROW LEVEL SECURITY;
  ALTER TABLE copy_document FORCE ROW LEVEL SECURITY;
  FOREACH name IN ARRAY ARRAY['copy_entry', 'copy_member', 'copy_document'] LOOP
    EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER'
      ' USING (current_setting(''hanse.backup'', true) = ''on'')', name);
  END LOOP;
END
$$;
-- A text is readable for whom an entry says that it was shown it: the entries in this question are already only its own.
CREATE POLICY shown ON copy_document FOR SELECT TO hanse
  USING (EXISTS (SELECT 1 FROM copy_entry e WHERE e.content = copy_document.content));
CREATE POLICY kept ON copy_document FOR INSERT TO hanse WITH CHECK (true);
GRANT SELECT, INSERT ON copy_document TO hanse;

-- Whoever adds or takes an entry, however: the count of its content goes with it.
CREATE FUNCTION copy_entry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE copy_content SET uses = uses - 1 WHERE id = OLD.content;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE copy_content SET uses = uses + 1 WHERE id = NEW.content;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER copy_entry_used AFTER INSERT OR DELETE OR UPDATE OF content ON copy_entry
  FOR EACH ROW EXECUTE FUNCTION copy_entry_changed();
