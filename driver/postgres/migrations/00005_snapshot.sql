-- +goose Up
-- What aggregates were at one of their events: a cache, which may be emptied at any time.
CREATE TABLE snapshot (
	aggregate TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	format    BIGINT NOT NULL,  -- of the body: each is read by who writes it, and passed over by others
	version   BIGINT NOT NULL,  -- of the last event in it,
	time      BIGINT NOT NULL,
	event     TEXT   NOT NULL,  -- and its id: another one at that place is another history
	body      BYTEA  NOT NULL,
	PRIMARY KEY (aggregate, key, format)
) WITH (fillfactor = 50);
