-- The newest time that was seen while the service ran (ms), so that a start notices a clock that was set meanwhile.
CREATE TABLE clock_note (id {int} PRIMARY KEY, at {int} NOT NULL);
