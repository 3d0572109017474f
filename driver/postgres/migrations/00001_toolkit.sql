-- +goose Up
-- Times are microseconds since 1970. A job lives for milliseconds, so its table is vacuumed
-- early; a position is updated in place (HOT), which needs room in its page.
CREATE TABLE identity (id TEXT NOT NULL);

-- Positions settle because a sequence grows by one, uncached: see fence.go.
CREATE SEQUENCE journal_seq AS BIGINT CACHE 1 NO CYCLE;

CREATE TABLE journal (
	partition BIGINT NOT NULL,
	seq       BIGINT NOT NULL DEFAULT nextval('journal_seq'),
	id        TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	class     TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	version   BIGINT,
	time      BIGINT NOT NULL,
	cause     TEXT   NOT NULL,
	trace     TEXT   NOT NULL,
	body      BYTEA   NOT NULL,
	PRIMARY KEY (partition, seq)
);
CREATE UNIQUE INDEX journal_version ON journal (key, version) WHERE version IS NOT NULL;
CREATE INDEX journal_prune ON journal (partition, time) WHERE class IN ('command', 'audit');

CREATE TABLE job (
	id      TEXT   NOT NULL PRIMARY KEY,
	queue   TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	time    BIGINT NOT NULL,
	cause   TEXT   NOT NULL,
	trace   TEXT   NOT NULL,
	body    BYTEA   NOT NULL,
	due     BIGINT NOT NULL,             -- when to hand it out; while it is out, when its lease ends
	lease   TEXT   NOT NULL DEFAULT '',  -- names the delivery while it is out
	strikes BIGINT NOT NULL DEFAULT 0,   -- leases that ended without a verdict
	dead    BIGINT NOT NULL DEFAULT 0,   -- 1: never handed out
	past    TEXT   NOT NULL DEFAULT ''   -- failure.History
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX job_due ON job (queue, dead, due);

CREATE TABLE position (
	subscription TEXT   NOT NULL,
	log          TEXT   NOT NULL,
	partition    BIGINT NOT NULL,
	identity     TEXT   NOT NULL DEFAULT '',  -- of the log that seq and id belong to
	seq          BIGINT NOT NULL DEFAULT 0,
	id           TEXT   NOT NULL DEFAULT '',
	owner        TEXT   NOT NULL DEFAULT '',  -- '' when released cleanly
	token        BIGINT NOT NULL DEFAULT 0,   -- grows with each owner
	until        BIGINT NOT NULL DEFAULT 0,
	strikes      BIGINT NOT NULL DEFAULT 0,   -- owners lost without progress
	careful_seq  BIGINT NOT NULL DEFAULT 0,   -- the message that runs alone,
	careful      BIGINT NOT NULL DEFAULT 0,   -- and how often it began to
	stopped      TEXT   NOT NULL DEFAULT '',  -- why this partition is not read
	PRIMARY KEY (subscription, log, partition)
) WITH (fillfactor = 40, autovacuum_vacuum_threshold = 500);

CREATE TABLE member (
	subscription TEXT   NOT NULL,
	log          TEXT   NOT NULL,
	instance     TEXT   NOT NULL,
	until        BIGINT NOT NULL,
	PRIMARY KEY (subscription, log, instance)
) WITH (fillfactor = 40);

CREATE TABLE parked (
	subscription TEXT   NOT NULL,
	log          TEXT   NOT NULL,
	partition    BIGINT NOT NULL,
	seq          BIGINT NOT NULL,
	id           TEXT   NOT NULL,
	kind         TEXT   NOT NULL,
	class        TEXT   NOT NULL,
	key          TEXT   NOT NULL,
	version      BIGINT NOT NULL,
	time         BIGINT NOT NULL,
	cause        TEXT   NOT NULL,
	trace        TEXT   NOT NULL,
	body         BYTEA   NOT NULL,
	state        TEXT   NOT NULL,  -- retry, waiting, dead; released: dead, and its key goes on
	due          BIGINT NOT NULL,
	tries        BIGINT NOT NULL DEFAULT 0,  -- begun since the last that was recorded
	past         TEXT   NOT NULL DEFAULT '',
	PRIMARY KEY (subscription, log, partition, seq)
);
CREATE INDEX parked_key ON parked (subscription, log, key, seq);

CREATE TABLE inbox (
	source TEXT   NOT NULL,
	id     TEXT   NOT NULL,
	time   BIGINT NOT NULL,
	PRIMARY KEY (source, id)
);

CREATE TABLE idempotency (
	caller   TEXT   NOT NULL,
	route    TEXT   NOT NULL,
	key      TEXT   NOT NULL,
	digest   TEXT   NOT NULL,
	status   BIGINT NOT NULL,
	location TEXT   NOT NULL,
	body     BYTEA   NOT NULL,
	time     BIGINT NOT NULL,
	PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotency_time ON idempotency (time);

-- When it was last tried whether this database can be written. It is another time at each
-- try: a value that does not change need not reach the disk.
CREATE TABLE pulse (time BIGINT NOT NULL) WITH (fillfactor = 40);
INSERT INTO pulse (time) VALUES (0);
