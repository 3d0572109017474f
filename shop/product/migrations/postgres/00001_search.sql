-- +goose Up
-- SELECT rowid FROM found('cof* pre*') is the seq of each product that has words which
-- begin so, as on SQLite. No parser and no dictionary: the words are made already. STRICT
-- keeps it from being inlined: for a page in order, the planner would read all products.
CREATE INDEX product_words ON product USING GIN (array_to_tsvector(string_to_array(words, ' ')));

-- +goose StatementBegin
CREATE FUNCTION found(query TEXT) RETURNS TABLE (rowid BIGINT) LANGUAGE sql STABLE STRICT ROWS 100 AS $$
	SELECT seq FROM product
	WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST(replace(replace(query, '*', ':*'), ' ', ' & ') AS tsquery)
$$;
-- +goose StatementEnd
