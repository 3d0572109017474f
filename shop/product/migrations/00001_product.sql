-- +goose Up
-- Times are microseconds since 1970; price is in minor units of currency.
CREATE TABLE product (
	id          TEXT   NOT NULL PRIMARY KEY,
	name        TEXT   NOT NULL,
	price       BIGINT NOT NULL CHECK (price > 0),
	currency    TEXT   NOT NULL,
	stock       BIGINT CHECK (stock >= 0),  -- to begin with; NULL: not tracked
	description TEXT   NOT NULL,
	category    TEXT   NOT NULL,
	created     BIGINT NOT NULL,
	seq         BIGINT NOT NULL UNIQUE      -- its place in lists
);
