-- +goose Up
-- By which version of a projection's fold its rebuild was begun: another one starts anew.
ALTER TABLE rebuild ADD COLUMN format BIGINT NOT NULL DEFAULT 0;
