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

-- The counters, which are all that the page reads.
CREATE TABLE tally (
	name  TEXT   NOT NULL,  -- accepted, completed, failed, cancelled, users: how many; revenue, refunded: how much
	label TEXT   NOT NULL,  -- of an end its reason, of money its currency
	n     BIGINT NOT NULL,
	at    BIGINT NOT NULL,  -- time of the latest event in it
	PRIMARY KEY (name, label)
);

CREATE TABLE revenue (
	day      BIGINT NOT NULL,  -- UTC's, counted from 1970
	currency TEXT   NOT NULL,
	amount   BIGINT NOT NULL,
	PRIMARY KEY (day, currency)
);

CREATE TABLE product (
	product_id TEXT   NOT NULL PRIMARY KEY,
	name       TEXT   NOT NULL,  -- '' until the catalogue's word is read
	named      BIGINT NOT NULL,  -- time of the event that said so
	quantity   BIGINT NOT NULL   -- of completed orders
);
CREATE INDEX product_top ON product (quantity DESC, product_id) WHERE quantity > 0;
