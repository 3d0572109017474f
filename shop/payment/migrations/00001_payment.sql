-- +goose Up
-- Times are microseconds since 1970, money is in minor units.
CREATE TABLE payment (
	order_id  TEXT   NOT NULL PRIMARY KEY,
	status    TEXT   NOT NULL,  -- wanted, captured, failed, refunding, refunded, ended
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
	CHECK (status = 'ended' OR (status IN ('wanted', 'captured', 'failed', 'refunding', 'refunded') AND amount > 0 AND key <> '')) -- one: each costs PostgreSQL as much as the row
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
-- that the sum over all accounts is zero whatever happens. The id allows one of each kind
-- for an order.
CREATE TABLE entry (
	id       TEXT   NOT NULL PRIMARY KEY CHECK (id = kind || '-' || order_id),
	order_id TEXT   NOT NULL,
	kind     TEXT   NOT NULL CHECK (kind IN ('capture', 'refund')),
	debit    TEXT   NOT NULL,
	credit   TEXT   NOT NULL,
	amount   BIGINT NOT NULL CHECK (amount > 0),
	currency TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	made     BIGINT NOT NULL DEFAULT 0,  -- by the provider's clock: it is in its ledger at that time
	CHECK (debit <> credit)
);
CREATE INDEX entry_made ON entry (made);

-- The ledger at the provider that all of this is about.
CREATE TABLE provider (
	ledger TEXT NOT NULL
);

-- How far the provider's ledger has been compared with ours.
CREATE TABLE reconciliation (
	place   TEXT   NOT NULL,  -- a cursor in the provider's ledger: what is before it was compared
	upto    BIGINT NOT NULL,  -- and so were entries made up to then, by the provider's clock
	watched TEXT   NOT NULL,  -- the last order in doubt at which this round looked again
	begun   BIGINT NOT NULL,  -- when the last pass from the beginning began, after the first
	done    BIGINT NOT NULL   -- when the last round was over
);
INSERT INTO reconciliation (place, upto, watched, begun, done) VALUES ('', 0, '', 0, 0);

-- Money of which the two ledgers say different things.
CREATE TABLE discrepancy (
	order_id TEXT   NOT NULL,
	entry    TEXT   NOT NULL CHECK (entry IN ('capture', 'refund')),
	key      TEXT   NOT NULL,  -- at the provider
	kind     TEXT   NOT NULL,  -- what is wrong; '' until it is found
	ours     TEXT   NOT NULL,  -- for people
	theirs   TEXT   NOT NULL,  -- as ours would be if all were well; '' if the provider has nothing
	amount   BIGINT NOT NULL,  -- theirs
	currency TEXT   NOT NULL,
	seen     BIGINT NOT NULL,
	found    BIGINT NOT NULL,  -- 0: only looked at again, for an answer may be on its way
	resolved BIGINT NOT NULL,  -- 0: open
	PRIMARY KEY (order_id, entry, key)
);
CREATE INDEX discrepancy_open ON discrepancy (order_id) WHERE resolved = 0;
