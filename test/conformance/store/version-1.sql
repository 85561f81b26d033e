-- A store as version 1 of the schema left it.
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL,
  next_line INTEGER NOT NULL,
  expired INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 5, 2, 0);
CREATE TABLE objects (key TEXT NOT NULL UNIQUE, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
INSERT INTO objects VALUES ('a/1', '3', 4);
CREATE TABLE changes (
  number INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  at INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT,
  previous TEXT
) STRICT;
CREATE INDEX changes_by_revision ON changes (revision);
INSERT INTO changes VALUES
  (1, 2, 4000000000000, 'a/1', '1', NULL),
  (2, 3, 4000000000000, 'a/2', '2', NULL),
  (3, 4, 4000000000000, 'a/1', '3', '1'),
  (4, 5, 4000000000000, 'a/2', NULL, '2');
CREATE TABLE lines (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
INSERT INTO lines VALUES (0, 2, 'one'), (1, 4, 'two');
PRAGMA application_id = 0x686f6f70;
PRAGMA user_version = 1;
