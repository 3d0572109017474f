-- +goose Up
-- What is known of an order: how it was accepted, and how it ended. Each is written once,
-- whichever comes first, and what writes the second counts the end.
CREATE TABLE sale (
	order_id TEXT   NOT NULL PRIMARY KEY,
	accepted BIGINT NOT NULL,  -- 1: its OrderCreated was read
	currency TEXT   NOT NULL,  -- '' until then
	total    BIGINT NOT NULL,
	lines    TEXT   NOT NULL,  -- JSON object: quantity by product
	state    TEXT   NOT NULL,  -- completed, failed, cancelled; '' until it ends
	reason   TEXT   NOT NULL,  -- of its end
	ended    BIGINT            -- when
);

-- Money that went back.
CREATE TABLE refund (
	order_id TEXT   NOT NULL PRIMARY KEY,
	currency TEXT   NOT NULL,
	amount   BIGINT NOT NULL
);

CREATE TABLE customer (user_id TEXT NOT NULL PRIMARY KEY);

-- The counters, which are all that the page reads. An amount of money has no bound: it is
-- in two columns, high units of 10^18, and a rest below that.
CREATE TABLE tally (
	name  TEXT   NOT NULL,  -- accepted, completed, failed, cancelled, users: how many; revenue, refunded: how much
	label TEXT   NOT NULL,  -- of an end its reason, of money its currency
	n     BIGINT NOT NULL,
	high  BIGINT NOT NULL DEFAULT 0,
	at    BIGINT NOT NULL,  -- time of the latest event in it
	PRIMARY KEY (name, label)
);

CREATE TABLE revenue (
	day      BIGINT NOT NULL,  -- UTC's, counted from 1970
	currency TEXT   NOT NULL,
	amount   BIGINT NOT NULL,
	high     BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (day, currency)
);

CREATE TABLE product (
	product_id TEXT   NOT NULL PRIMARY KEY,
	name       TEXT   NOT NULL,  -- '' until the catalogue's word is read
	named      BIGINT NOT NULL,  -- time of the event that said so
	quantity   BIGINT NOT NULL,  -- of completed orders
	price      BIGINT NOT NULL DEFAULT 0,
	currency   TEXT   NOT NULL DEFAULT '',
	priced     BIGINT NOT NULL DEFAULT 0  -- time of the event that said so; 0: no price is known
);
CREATE INDEX product_top ON product (quantity DESC, product_id) WHERE quantity > 0;
