-- +goose Up
-- SELECT rowid FROM found('cof* pre*') is the seq of each product that has words which
-- begin so. The tokenizer only splits at spaces: the words are made already.
CREATE VIRTUAL TABLE found USING fts5(words, content='product', content_rowid='seq', tokenize='ascii', detail=none, columnsize=0);

-- +goose StatementBegin
CREATE TRIGGER product_listed AFTER INSERT ON product BEGIN
	INSERT INTO found (rowid, words) VALUES (new.seq, new.words);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER product_changed AFTER UPDATE OF words ON product WHEN old.words <> new.words BEGIN
	INSERT INTO found (found, rowid, words) VALUES ('delete', old.seq, old.words);
	INSERT INTO found (rowid, words) VALUES (new.seq, new.words);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER product_gone AFTER DELETE ON product BEGIN
	INSERT INTO found (found, rowid, words) VALUES ('delete', old.seq, old.words);
END;
-- +goose StatementEnd
