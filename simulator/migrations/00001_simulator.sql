-- +goose Up
-- Times are microseconds since 1970, money is in minor units. Rows are only added.
CREATE TABLE call (
	n      INTEGER NOT NULL PRIMARY KEY,  -- in the order in which requests were served
	key    TEXT    NOT NULL,
	kind   TEXT    NOT NULL,  -- charge, lookup, void, refund
	answer TEXT    NOT NULL,  -- as the caller got it; lost: dropped on its way here
	cut    BIGINT  NOT NULL,  -- 1: the caller got no answer
	at     BIGINT  NOT NULL
);
CREATE INDEX call_unavailable ON call (key) WHERE answer = 'unavailable';

CREATE TABLE charge (
	key       TEXT   NOT NULL PRIMARY KEY,  -- one key moves money once
	n         BIGINT NOT NULL UNIQUE,       -- of the call that made it
	order_id  TEXT   NOT NULL,
	amount    BIGINT NOT NULL,
	currency  TEXT   NOT NULL,
	status    TEXT   NOT NULL CHECK (status IN ('captured', 'declined', 'voided')),
	reference TEXT   NOT NULL,
	at        BIGINT NOT NULL,
	CHECK (amount > 0 OR status = 'voided')
) WITHOUT ROWID;

CREATE TABLE refund (
	key        TEXT   NOT NULL PRIMARY KEY,
	n          BIGINT NOT NULL UNIQUE,
	charge_key TEXT   NOT NULL REFERENCES charge (key),
	order_id   TEXT   NOT NULL,
	amount     BIGINT NOT NULL CHECK (amount > 0),
	currency   TEXT   NOT NULL,
	reference  TEXT   NOT NULL,
	at         BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX refund_charge ON refund (charge_key);
