-- +goose Up
-- How far a rebuild is: one row for each projection that was ever rebuilt, of its last one.
CREATE TABLE rebuild (
	projection TEXT   NOT NULL PRIMARY KEY,
	state      TEXT   NOT NULL,             -- asked, folding, clearing; done, failed, cancelled
	compares   BIGINT NOT NULL,             -- 1: it exchanges nothing
	who        TEXT   NOT NULL,
	why        TEXT   NOT NULL,
	asked      BIGINT NOT NULL,
	owner      TEXT   NOT NULL DEFAULT '',  -- '' when released cleanly
	token      BIGINT NOT NULL DEFAULT 0,   -- grows with each owner
	until      BIGINT NOT NULL DEFAULT 0,
	strikes    BIGINT NOT NULL DEFAULT 0,   -- owners lost without progress
	events     BIGINT NOT NULL DEFAULT 0,   -- folded
	digest     TEXT   NOT NULL DEFAULT '',  -- of what they came to
	live       TEXT   NOT NULL DEFAULT '',  -- of the tables in use, at the same place of all logs
	outcome    TEXT   NOT NULL DEFAULT '',  -- the state that follows clearing
	error      TEXT   NOT NULL DEFAULT '',
	exchanged  BIGINT NOT NULL DEFAULT 0,   -- when the shadows took the places of the tables; 0: not yet
	ended      BIGINT NOT NULL DEFAULT 0,
	rebuilt    BIGINT NOT NULL DEFAULT 0,   -- when the tables were last exchanged, by whatever rebuild,
	rebuilder  TEXT   NOT NULL DEFAULT ''   -- and who had asked for that
);

-- How far the rebuild that goes on has read; none when it is over. It is no subscription:
-- facts are never deleted, so that nobody need wait for it.
CREATE TABLE rebuild_position (
	projection TEXT   NOT NULL,
	log        TEXT   NOT NULL,
	partition  BIGINT NOT NULL,
	identity   TEXT   NOT NULL,
	seq        BIGINT NOT NULL DEFAULT 0,
	id         TEXT   NOT NULL DEFAULT '',
	PRIMARY KEY (projection, log, partition)
);
