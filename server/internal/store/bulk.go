package store

import (
	"context"
	"errors"
	"strings"
	"sync"

	"zhigui/server/internal/store/schema"
)

// On a networked engine each statement is a way to the server and back. The two writes that
// every transaction has are therefore given as rows, too: those of one batch become a few
// statements of many rows. When that fails for whatever reason, the batch is undone and done
// again with each write's own function.

// rows are what one write adds to a statement of many rows.
type rows struct {
	kind *bulk
	args []any
}

// bulk is a statement of any number of rows.
type bulk struct {
	head, row, sep, tail map[schema.Engine]string
	texts                sync.Map // [engine, rows] → text
}

// errBulk: a statement of many rows has not found or made each of them.
var errBulk = errors.New("store: not every row of many")

func same(s string) map[schema.Engine]string {
	return map[schema.Engine]string{schema.MariaDB: s, schema.Postgres: s}
}

func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

func inserts(insert string) *bulk {
	head, _, _ := strings.Cut(insert, "VALUES")
	return &bulk{head: same(head + "VALUES "), row: same(marks(strings.Count(insert, "?"))), sep: same(", "), tail: same("")}
}

var (
	bulkKey = inserts(strings.TrimSuffix(insertKey, " ON CONFLICT (IDEMPOTENCY_KEY) DO NOTHING"))
	bulkTxn = inserts(insertTxn)
	// bulkFinish is finishAnswer for many: number, state, code, authorization, settlement day, time, answer, states before.
	bulkFinish = &bulk{
		head: map[schema.Engine]string{
			schema.MariaDB: `UPDATE TX_ON_JOURNAL j JOIN (`,
			schema.Postgres: `UPDATE TX_ON_JOURNAL j SET TRANS_STATE=v.s, RESPONSE_CODE=COALESCE(NULLIF(v.r,''), j.RESPONSE_CODE), AUTHORIZATION_CODE=COALESCE(NULLIF(v.a,''), j.AUTHORIZATION_CODE),
 SETTLE_DATE=COALESCE(NULLIF(v.d,''), j.SETTLE_DATE), UPDATE_TIME=v.t, VERSION_NUMBER=j.VERSION_NUMBER+1, ANSWER_SEALED=v.w FROM (VALUES `,
		},
		row: map[schema.Engine]string{
			schema.MariaDB:  `SELECT ? n, ? s, ? r, ? a, ? d, ? t, CAST(? AS BINARY) w, ? x, ? y, ? z`,
			schema.Postgres: `(?::bigint,?::smallint,?::text,?::text,?::text,?::bigint,?::bytea,?::smallint,?::smallint,?::smallint)`,
		},
		sep: map[schema.Engine]string{schema.MariaDB: " UNION ALL ", schema.Postgres: ", "},
		tail: map[schema.Engine]string{
			schema.MariaDB: `) v ON j.JOURNAL_NUMBER=v.n SET j.TRANS_STATE=v.s, j.RESPONSE_CODE=COALESCE(NULLIF(v.r,''), j.RESPONSE_CODE),
 j.AUTHORIZATION_CODE=COALESCE(NULLIF(v.a,''), j.AUTHORIZATION_CODE), j.SETTLE_DATE=COALESCE(NULLIF(v.d,''), j.SETTLE_DATE), j.UPDATE_TIME=v.t, j.VERSION_NUMBER=j.VERSION_NUMBER+1, j.ANSWER_SEALED=v.w
 WHERE j.TRANS_STATE=v.x OR j.TRANS_STATE=v.y OR j.TRANS_STATE=v.z`,
			schema.Postgres: `) v(n, s, r, a, d, t, w, x, y, z) WHERE j.JOURNAL_NUMBER=v.n AND (j.TRANS_STATE=v.x OR j.TRANS_STATE=v.y OR j.TRANS_STATE=v.z)`,
		},
	}
)

// text is the statement for n rows.
func (b *bulk) text(e schema.Engine, n int) string {
	type key struct {
		e schema.Engine
		n int
	}
	if v, ok := b.texts.Load(key{e, n}); ok {
		return v.(string)
	}
	t := b.head[e] + strings.TrimSuffix(strings.Repeat(b.row[e]+b.sep[e], n), b.sep[e]) + b.tail[e]
	b.texts.Store(key{e, n}, t)
	return t
}

// most is the greatest number of rows in one statement.
const most = 64

// run writes n rows of args, in statements of powers of two, of which few must be prepared.
func (b *bulk) run(tx *Tx, n int, args []any) error {
	width := len(args) / n
	for size := most; n > 0; size /= 2 {
		for ; n >= size; n -= size {
			got, err := tx.exec(b.text(tx.d.engine, size), args[:size*width]...)
			if err != nil {
				return err
			}
			if got != int64(size) {
				return errBulk
			}
			args = args[size*width:]
		}
	}
	return nil
}

// writeRows is write for a write that f does alone and rows do with others; ok is called
// instead of f when they did.
func (s *Store) writeRows(ctx context.Context, f func(*Tx) error, ok func(), rs ...rows) error {
	return s.w.doRows(ctx, f, ok, rs)
}

// many does the writes of a batch that can be done as rows.
func (l *lane) many(batch []*job) error {
	kinds := l.kinds[:0]
	for _, j := range batch {
		for _, r := range j.rows {
			at := -1
			for i := range kinds {
				if kinds[i].kind == r.kind {
					at = i
				}
			}
			if at < 0 {
				if at = len(kinds); cap(kinds) > at {
					kinds = kinds[:at+1]
					kinds[at].kind, kinds[at].n, kinds[at].args = r.kind, 0, kinds[at].args[:0]
				} else {
					kinds = append(kinds, gathered{kind: r.kind})
				}
			}
			kinds[at].n++
			kinds[at].args = append(kinds[at].args, r.args...)
		}
	}
	l.kinds = kinds
	for i := range kinds {
		if err := kinds[i].kind.run(l.tx, kinds[i].n, kinds[i].args); err != nil {
			return err
		}
	}
	return nil
}

// gathered are the rows of one kind in a batch.
type gathered struct {
	kind *bulk
	n    int
	args []any
}
