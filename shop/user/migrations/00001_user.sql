-- +goose Up
-- Times are microseconds since 1970.
CREATE TABLE users (
	id      TEXT   NOT NULL PRIMARY KEY,
	name    TEXT   NOT NULL,
	email   TEXT   NOT NULL,
	role    TEXT   NOT NULL,
	created BIGINT NOT NULL,
	version BIGINT NOT NULL, -- 1, and one more with every change
	asked   TEXT   NOT NULL  -- digest of what it was created as
);
