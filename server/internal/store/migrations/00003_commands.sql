-- +goose Up
-- command: an order for a terminal; states are those of store.Command.
CREATE TABLE command (
  id TEXT PRIMARY KEY,
  terminal TEXT NOT NULL,
  kind TEXT NOT NULL,
  args TEXT NOT NULL,
  note TEXT NOT NULL,
  state TEXT NOT NULL,
  by_user TEXT NOT NULL,
  second_user TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  updated INTEGER NOT NULL
);
CREATE INDEX command_terminal ON command(terminal, created);
