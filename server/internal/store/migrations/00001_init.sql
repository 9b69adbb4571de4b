-- +goose Up
-- idem begins with the terminal number and '|', so its index also finds the transactions of a terminal: one
-- index less to write on the hot path.
-- txn: one row per transaction; state numbers are those of store.State. Times are Unix milliseconds.
CREATE TABLE txn (
  id INTEGER PRIMARY KEY,
  idem TEXT NOT NULL UNIQUE,
  digest BLOB NOT NULL,
  terminal TEXT NOT NULL,
  channel TEXT NOT NULL DEFAULT '', -- by which it came
  host TEXT NOT NULL DEFAULT '',    -- to which it went
  kind TEXT NOT NULL,
  batch TEXT NOT NULL,
  stan TEXT NOT NULL,
  amount INTEGER NOT NULL,
  state INTEGER NOT NULL,
  rc TEXT NOT NULL DEFAULT '',
  host_stan TEXT NOT NULL DEFAULT '',
  host_time TEXT NOT NULL DEFAULT '',
  reference TEXT NOT NULL DEFAULT '',
  auth TEXT NOT NULL DEFAULT '',
  pan_masked TEXT NOT NULL DEFAULT '',
  pan_index BLOB,
  request BLOB,
  answer BLOB,
  paid INTEGER,
  note TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
);
CREATE INDEX txn_open ON txn(state, id) WHERE state IN (1, 3, 4, 5, 10);
CREATE TABLE txn_event (txn INTEGER NOT NULL, at INTEGER NOT NULL, state INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '');
CREATE INDEX txn_event_txn ON txn_event(txn);
-- reversal: at most one per original.
CREATE TABLE reversal (
  txn INTEGER PRIMARY KEY,
  terminal TEXT NOT NULL,
  host TEXT NOT NULL DEFAULT '',
  state INTEGER NOT NULL, -- 0 pending, 1 reversed, 2 not found, 3 stuck
  reason TEXT NOT NULL,
  paid INTEGER,
  stan TEXT NOT NULL,
  time TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_found INTEGER NOT NULL DEFAULT 0,
  rc TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  next INTEGER NOT NULL,
  updated INTEGER NOT NULL
);
CREATE INDEX reversal_pending ON reversal(next) WHERE state = 0;
CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE hsm_key (owner TEXT NOT NULL, use INTEGER NOT NULL, version INTEGER NOT NULL, alg INTEGER NOT NULL,
  sealed BLOB NOT NULL, kcv BLOB NOT NULL, PRIMARY KEY (owner, use, version));
CREATE TABLE terminal (id TEXT PRIMARY KEY, merchant TEXT NOT NULL, branch TEXT NOT NULL, name_zh TEXT NOT NULL, name_en TEXT NOT NULL,
  zone TEXT NOT NULL, enabled INTEGER NOT NULL DEFAULT 1, created INTEGER NOT NULL);
CREATE TABLE terminal_status (terminal TEXT PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL, lease TEXT NOT NULL,
  bundle TEXT NOT NULL, version TEXT NOT NULL, outbox INTEGER NOT NULL, modules TEXT NOT NULL, cash TEXT NOT NULL, software TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL, received INTEGER NOT NULL);
CREATE TABLE ej (terminal TEXT NOT NULL, seq INTEGER NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
  txn TEXT NOT NULL DEFAULT '', received INTEGER NOT NULL, PRIMARY KEY (terminal, seq)) WITHOUT ROWID;
CREATE INDEX ej_txn ON ej(terminal, txn) WHERE txn <> '';
CREATE TABLE user (name TEXT PRIMARY KEY, display TEXT NOT NULL, role TEXT NOT NULL, branch TEXT NOT NULL, hash TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1, failed INTEGER NOT NULL DEFAULT 0, locked_until INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);
CREATE TABLE session (token BLOB PRIMARY KEY, user TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE approval (id TEXT PRIMARY KEY, terminal TEXT NOT NULL, request TEXT NOT NULL, branch TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL,
  pan TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, manager TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL, expires INTEGER NOT NULL, decided INTEGER NOT NULL DEFAULT 0, UNIQUE (terminal, request));
CREATE INDEX approval_branch ON approval(branch, state, created);
CREATE TABLE bundle (digest TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL, manifest BLOB NOT NULL, signature BLOB NOT NULL,
  uploaded_by TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE assignment (id INTEGER PRIMARY KEY, terminal TEXT NOT NULL, digest TEXT NOT NULL, by_user TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX assignment_terminal ON assignment(terminal, id);
CREATE TABLE alarm (terminal TEXT NOT NULL, id TEXT NOT NULL, code TEXT NOT NULL, severity TEXT NOT NULL, module TEXT NOT NULL, detail TEXT NOT NULL,
  at INTEGER NOT NULL, received INTEGER NOT NULL, cleared INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (terminal, id));
CREATE TABLE two_person (txn INTEGER PRIMARY KEY, action TEXT NOT NULL, first_user TEXT NOT NULL, note TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE audit (id INTEGER PRIMARY KEY, user TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL);
