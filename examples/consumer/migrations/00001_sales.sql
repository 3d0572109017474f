-- +goose Up
CREATE TABLE sale (
	order_id  TEXT   NOT NULL PRIMARY KEY,
	total     BIGINT NOT NULL,
	currency  TEXT   NOT NULL,
	completed BIGINT NOT NULL DEFAULT 0
);
