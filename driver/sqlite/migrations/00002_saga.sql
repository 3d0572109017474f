-- +goose Up
-- Where each saga of this service stands; its own state is in the service's tables. Times are
-- microseconds since 1970. One that has ended stays: a late message finds it.
CREATE TABLE saga (
	id      TEXT   NOT NULL PRIMARY KEY,
	saga    TEXT   NOT NULL,             -- name of the definition
	state   TEXT   NOT NULL,             -- running, undoing; completed, undone, closed
	step    TEXT   NOT NULL,             -- that is waited for; '' once it has ended
	turned  TEXT   NOT NULL DEFAULT '',  -- step at which it turned back,
	why     TEXT   NOT NULL DEFAULT '',  -- and the message that made it
	tries   BIGINT NOT NULL,             -- how often it was asked for what it waits for
	started BIGINT NOT NULL,
	since   BIGINT NOT NULL              -- it waits, or has ended
) WITHOUT ROWID;
CREATE INDEX saga_waiting ON saga (started, id) WHERE state IN ('running', 'undoing');
CREATE INDEX saga_undone ON saga (started, id) WHERE state IN ('undone', 'closed');
