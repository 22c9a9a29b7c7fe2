-- What members showed us, as they showed it, for search (decision 0062). A content is stored once, whoever was shown it;
-- only an entry says that a participant was. `uses` counts entries, by triggers: at 0 the content is swept.
-- `facets` are lines `facet:value` in order; the box is in millionths of a degree, times are milliseconds, NULL is unknown.
CREATE TABLE copy_content (
  id {id}, hash {text} NOT NULL UNIQUE, edition {text} NOT NULL, facets {text} NOT NULL,
  west {int}, south {int}, east {int}, north {int}, starts {int}, ends {int}, modified {int}, uses {int} NOT NULL DEFAULT 0);
CREATE INDEX copy_content_unused ON copy_content (id) WHERE uses = 0;
CREATE INDEX copy_content_edition ON copy_content (edition);
-- A question by place or time without a word: what says nothing of it is not in the way.
CREATE INDEX copy_content_box ON copy_content (south, north, west, east) WHERE south IS NOT NULL;
CREATE INDEX copy_content_period ON copy_content (starts, ends) WHERE starts IS NOT NULL OR ends IS NOT NULL;
-- The entry itself, as JSON: apart from what is searched, so that a search reads narrow rows and a second lock can hold it.
CREATE TABLE copy_document (
  content {int} PRIMARY KEY REFERENCES copy_content (id) ON DELETE CASCADE, entry {bytes} NOT NULL);
-- `told` is what the provider calls this state of the dataset (hash in its inventory); `modified` repeats the content's.
CREATE TABLE copy_entry (
  participant {text} NOT NULL REFERENCES participant (id), provider {text} NOT NULL, dataset {text} NOT NULL,
  content {int} NOT NULL REFERENCES copy_content (id), told {text}, modified {int} NOT NULL, first_seen {int} NOT NULL,
  changed_at {int} NOT NULL, seen_at {int} NOT NULL, PRIMARY KEY (participant, provider, dataset));
CREATE INDEX copy_entry_found ON copy_entry (content, participant, modified, dataset, provider);
-- How the copies of one member stand: last complete crawl, and since when it does not answer, with the reason.
CREATE TABLE copy_member (
  participant {text} NOT NULL REFERENCES participant (id), provider {text} NOT NULL, complete_at {int}, partial_at {int},
  failing_since {int}, failed_at {int}, code {text}, PRIMARY KEY (participant, provider));
-- Without any word: the newest first.
CREATE INDEX copy_entry_newest ON copy_entry (participant, modified, dataset, provider, content);
