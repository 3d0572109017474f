-- +goose Up
-- Times are microseconds since 1970, money is in minor units.
CREATE TABLE payment (
	order_id  TEXT   NOT NULL PRIMARY KEY,
	status    TEXT   NOT NULL CHECK (status IN ('wanted', 'captured', 'failed', 'refunding', 'refunded', 'ended')),
	closed    BIGINT NOT NULL,  -- 1: the order has ended; what is captured from now on goes back
	amount    BIGINT NOT NULL,
	currency  TEXT   NOT NULL,
	method    TEXT   NOT NULL,
	style     TEXT   NOT NULL,
	lines     TEXT   NOT NULL,  -- JSON, for whoever takes the stock
	key       TEXT   NOT NULL,  -- stored before the first call, the same for every try
	reference TEXT   NOT NULL,  -- the provider's, of the capture
	reason    TEXT   NOT NULL,  -- why it failed
	attempts  BIGINT NOT NULL,  -- tries to charge
	calls     BIGINT NOT NULL,  -- rows in attempt
	created   BIGINT NOT NULL,
	updated   BIGINT NOT NULL,
	CHECK (status = 'ended' OR (amount > 0 AND key <> ''))
);

-- Every call to the provider that came to an end.
CREATE TABLE attempt (
	order_id  TEXT   NOT NULL,
	n         BIGINT NOT NULL,
	kind      TEXT   NOT NULL,  -- charge, lookup, void, refund
	key       TEXT   NOT NULL,
	status    TEXT   NOT NULL,
	reference TEXT   NOT NULL,
	error     TEXT   NOT NULL,
	at        BIGINT NOT NULL,
	PRIMARY KEY (order_id, n)
);

-- Double entry: a row takes an amount from one account and gives it to another, so
-- that the sum over all accounts is zero whatever happens.
CREATE TABLE entry (
	id       TEXT   NOT NULL PRIMARY KEY,
	order_id TEXT   NOT NULL,
	kind     TEXT   NOT NULL CHECK (kind IN ('capture', 'refund')),
	debit    TEXT   NOT NULL,
	credit   TEXT   NOT NULL,
	amount   BIGINT NOT NULL CHECK (amount > 0),
	currency TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	CHECK (debit <> credit),
	UNIQUE (order_id, kind)
);

-- The ledger at the provider that all of this is about.
CREATE TABLE provider (
	ledger TEXT NOT NULL
);
