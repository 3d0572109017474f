-- +goose Up
-- What was held. It stays when it was captured, given up or refused: then there is a
-- charge of the same key.
CREATE TABLE hold (
	key       TEXT   NOT NULL PRIMARY KEY,
	n         BIGINT NOT NULL UNIQUE,  -- of the call that made it
	order_id  TEXT   NOT NULL,
	amount    BIGINT NOT NULL CHECK (amount > 0),
	currency  TEXT   NOT NULL,
	method    TEXT   NOT NULL,         -- says how the capture will go
	reference TEXT   NOT NULL,
	at        BIGINT NOT NULL
) WITHOUT ROWID;
