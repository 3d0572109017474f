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
	seq         BIGINT NOT NULL UNIQUE,     -- its place in lists
	version     BIGINT NOT NULL,            -- 1, and one more with every change
	asked       TEXT   NOT NULL,            -- digest of what it was created as
	words       TEXT   NOT NULL             -- of name and description, as words.go has them; found() searches them
);
CREATE INDEX product_category ON product (category, seq);

-- What a product costs, and what it did before: the last one is the product's price.
CREATE TABLE price (
	product_id TEXT   NOT NULL,
	n          BIGINT NOT NULL CHECK (n > 0),  -- 1, 2, 3, …
	price      BIGINT NOT NULL CHECK (price > 0),
	at         BIGINT NOT NULL,
	PRIMARY KEY (product_id, n)
);
