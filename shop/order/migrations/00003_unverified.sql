-- +goose Up
-- 1: it was accepted while the user service was away, which has not said yet that there is this
-- user. Nothing is done for it before that.
ALTER TABLE orders ADD COLUMN unverified BIGINT NOT NULL DEFAULT 0;
