-- The tokens are kept beside the index, because FTS5 wants to be told what it deletes. The analyser made them (it writes
-- words apart by one space), so the tokenizer has nothing to decide: every mark the analyser uses belongs to a token.
ALTER TABLE copy_content ADD COLUMN words TEXT NOT NULL DEFAULT '';
CREATE VIRTUAL TABLE copy_word USING fts5 (words, content = '', detail = none, tokenize = "ascii tokenchars '^=+:@~'");
CREATE TRIGGER copy_content_insert AFTER INSERT ON copy_content BEGIN
  INSERT INTO copy_word (rowid, words) VALUES (NEW.id, NEW.words);
END;
CREATE TRIGGER copy_content_update AFTER UPDATE OF words ON copy_content BEGIN
  INSERT INTO copy_word (copy_word, rowid, words) VALUES ('delete', OLD.id, OLD.words);
  INSERT INTO copy_word (rowid, words) VALUES (NEW.id, NEW.words);
END;
CREATE TRIGGER copy_content_delete AFTER DELETE ON copy_content BEGIN
  INSERT INTO copy_word (copy_word, rowid, words) VALUES ('delete', OLD.id, OLD.words);
END;
-- Whoever adds or takes an entry, however: the count of its content goes with it.
CREATE TRIGGER copy_entry_insert AFTER INSERT ON copy_entry BEGIN
  UPDATE copy_content SET uses = uses + 1 WHERE id = NEW.content;
END;
CREATE TRIGGER copy_entry_update AFTER UPDATE OF content ON copy_entry BEGIN
  UPDATE copy_content SET uses = uses - 1 WHERE id = OLD.content;
  UPDATE copy_content SET uses = uses + 1 WHERE id = NEW.content;
END;
CREATE TRIGGER copy_entry_delete AFTER DELETE ON copy_entry BEGIN
  UPDATE copy_content SET uses = uses - 1 WHERE id = OLD.content;
END;
