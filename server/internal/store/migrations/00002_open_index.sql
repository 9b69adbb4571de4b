-- +goose Up
-- The same index with OR in place of IN: SQLite builds a temporary table for IN in the condition of an
-- index at every write, a tenth of the cost of a transaction. InState repeats the condition word for word.
DROP INDEX txn_open;
CREATE INDEX txn_open ON txn(state, id) WHERE state = 1 OR state = 3 OR state = 4 OR state = 5 OR state = 10;
