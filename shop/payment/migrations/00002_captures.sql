-- +goose Up
-- How often it was tried to capture what is held; attempts counts these, too.
ALTER TABLE payment ADD COLUMN captures BIGINT NOT NULL DEFAULT 0;
