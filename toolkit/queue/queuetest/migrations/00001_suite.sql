-- +goose Up
CREATE TABLE posted (n BIGINT NOT NULL, outcome TEXT NOT NULL);
