package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/server/internal/store/schema"
)

// archiveBlock is the number of transactions in one gzip member.
const archiveBlock = 1000

// archiveLine is one row in a file: bytes as base64.
type archiveLine struct {
	Table string         `json:"t"`
	Row   map[string]any `json:"r"`
}

// archiveIndex is the second file of an archive.
type archiveIndex struct {
	Rows   int64        `json:"rows"`
	SM3    string       `json:"sm3"`
	Blocks []blockIndex `json:"blocks"`
}

type blockIndex struct {
	First  int64 `json:"first"`
	Last   int64 `json:"last"`
	Offset int64 `json:"offset"`
}

func (l archiveLine) number() int64 {
	n, _ := l.Row["JOURNAL_NUMBER"].(json.Number)
	v, _ := n.Int64()
	return v
}

// dump reads rows of a table with numbers from ≤ n < below, limit of them (0: all).
func (s *Store) dump(ctx context.Context, t *schema.Table, from, below int64, limit int) (out []archiveLine, last int64, err error) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	q := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name + " WHERE JOURNAL_NUMBER>=? AND JOURNAL_NUMBER<? ORDER BY JOURNAL_NUMBER, " + t.Key
	args := []any{from, below}
	if limit > 0 {
		q += " LIMIT ?"
		args = append(args, limit)
	}
	out, err = list(ctx, s, func(r scanner) (archiveLine, error) {
		l := archiveLine{t.Name, map[string]any{}}
		dst := make([]any, len(t.Columns))
		for i, c := range t.Columns {
			switch c.Type.Kind {
			case schema.Octets, schema.Blob:
				dst[i] = new([]byte)
			case schema.Chars, schema.Text, schema.Flag:
				dst[i] = new(sql.NullString)
			default:
				dst[i] = new(sql.NullInt64)
			}
		}
		if err := r.Scan(dst...); err != nil {
			return l, err
		}
		for i, c := range t.Columns {
			switch v := dst[i].(type) {
			case *[]byte:
				if *v != nil {
					l.Row[c.Name] = base64.StdEncoding.EncodeToString(*v)
				}
			case *sql.NullString:
				if v.Valid {
					l.Row[c.Name] = v.String
				}
			case *sql.NullInt64:
				if v.Valid {
					l.Row[c.Name] = v.Int64
				}
				if c.Name == "JOURNAL_NUMBER" {
					last = v.Int64
				}
			}
		}
		return l, nil
	}, q, args...)
	return out, last, err
}

// restoreRow puts a row back, if it is not there; a journal's key with it.
func restoreRow(tx *Tx, l archiveLine) (bool, error) {
	t := schema.TableOf(l.Table)
	if t == nil {
		return false, fmt.Errorf("store: archive: no table %s", l.Table)
	}
	var names []string
	var args []any
	for _, c := range t.Columns {
		v, ok := l.Row[c.Name]
		if !ok || c.Type.Kind == schema.Auto {
			continue
		}
		a, err := value(c, v)
		if err != nil {
			return false, err
		}
		if c.Name == "SEARCH_STATE" { // behind the mark of the indexes
			a = int64(1)
		}
		if c.Name == "IDEMPOTENCY_KEY" && !tx.d.keyed() {
			if a, err = tx.freeKey(a.(string), l.number()); err != nil {
				return false, err
			}
		}
		names, args = append(names, c.Name), append(args, a)
	}
	conflict := ""
	if l.Table == "TX_ON_JOURNAL" {
		if conflict = " ON CONFLICT (JOURNAL_NUMBER) DO NOTHING"; tx.d.keyed() {
			if _, err := tx.exec(insertKey, l.Row["IDEMPOTENCY_KEY"], l.number()); err != nil {
				return false, err
			}
		}
	}
	if l.Table == "TX_RC_DIFFERENCE" { // of files that have them, and found again since
		conflict = " ON CONFLICT (SETTLE_DATE, BOOK_NAME, MATCH_KEY) DO NOTHING"
	}
	n, err := tx.exec("INSERT INTO "+t.Name+" ("+strings.Join(names, ", ")+") VALUES ("+strings.TrimSuffix(strings.Repeat("?,", len(names)), ",")+")"+conflict, args...)
	return n == 1, err
}

// freeKey is key, or one made from it when a transaction that came after the archive has it now: SQLite's
// unique index takes it once.
func (t *Tx) freeKey(key string, number int64) (string, error) {
	whose, taken := t.young.number(key)
	taken = taken && whose != number // its own is remembered still when it went before the index had it
	if !taken {
		var n int64
		if err := t.row(`SELECT COUNT(*) FROM TX_ON_JOURNAL WHERE IDEMPOTENCY_KEY=? AND `+schema.Searchable+` AND JOURNAL_NUMBER<>?`, []any{key, number}, &n); err != nil {
			return "", err
		}
		taken = n > 0
	}
	if taken {
		return key + "|" + txnText(number), nil
	}
	return key, nil
}

// value is a value of a file as the driver takes it.
func value(c schema.Column, v any) (any, error) {
	switch x := v.(type) {
	case json.Number:
		return x.Int64()
	case string:
		if c.Type.Kind == schema.Octets || c.Type.Kind == schema.Blob {
			return base64.StdEncoding.DecodeString(x)
		}
		return x, nil
	}
	return nil, fmt.Errorf("store: archive: %s is of no known type", c.Name)
}

// columns is a row of a file as a query would give it.
func (l archiveLine) columns(names string) scanner { return fileRow{l, strings.Split(names, ",")} }

type fileRow struct {
	l     archiveLine
	names []string
}

// Scan implements scanner.
func (f fileRow) Scan(dst ...any) error {
	t := schema.TableOf(f.l.Table)
	for i, d := range dst {
		name := strings.TrimSpace(f.names[i])
		v, ok := f.l.Row[name]
		if !ok {
			continue
		}
		for _, c := range t.Columns {
			if c.Name != name {
				continue
			}
			x, err := value(c, v)
			if err != nil {
				return err
			}
			switch d := d.(type) {
			case *[]byte:
				*d, _ = x.([]byte)
			case *string:
				*d, _ = x.(string)
			case *int64:
				*d, _ = x.(int64)
			case *State:
				n, _ := x.(int64)
				*d = State(n)
			case *sql.NullInt64:
				if err := d.Scan(x); err != nil {
					return err
				}
			default:
				return fmt.Errorf("store: archive: %s into %T", name, d)
			}
		}
	}
	return nil
}

// archiveWriter writes the two files of an archive under temporary names.
type archiveWriter struct {
	path  string
	f     *os.File
	hash  hash.Hash
	at    int64
	index archiveIndex
}

func newArchiveWriter(path string) (*archiveWriter, error) {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	return &archiveWriter{path: path, f: f, hash: sm3.New()}, nil
}

func (w *archiveWriter) block(first, last int64, rows int, lines []archiveLine) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	enc := json.NewEncoder(z)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("store: archive: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("store: archive: %w", err)
	}
	w.index.Blocks = append(w.index.Blocks, blockIndex{first, last, w.at})
	w.index.Rows += int64(rows)
	w.at += int64(b.Len())
	w.hash.Write(b.Bytes())
	if _, err := w.f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("store: archive: %w", err)
	}
	return nil
}

// finish makes both files durable under their names and returns the digest.
func (w *archiveWriter) finish() (string, error) {
	w.index.SM3 = hex.EncodeToString(w.hash.Sum(nil))
	text, err := json.Marshal(w.index)
	if err != nil {
		return "", fmt.Errorf("store: archive: %w", err)
	}
	g, err := os.OpenFile(w.path+".index.new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("store: archive: %w", err)
	}
	_, err = g.Write(text)
	if err = errors.Join(err, g.Sync(), g.Close(), w.f.Sync(), w.f.Close()); err == nil {
		err = errors.Join(os.Rename(w.path+".index.new", w.path+".index"), os.Rename(w.path+".new", w.path))
	}
	if err != nil {
		return "", fmt.Errorf("store: archive: %w", err)
	}
	d, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return "", fmt.Errorf("store: archive: %w", err)
	}
	return w.index.SM3, errors.Join(d.Sync(), d.Close())
}

func (w *archiveWriter) abandon() {
	_ = w.f.Close()
	_ = os.Remove(w.path + ".new")
}

// eachLine reads a file, or a member of one; it returns the number of transactions.
func eachLine(r io.Reader, h hash.Hash, f func(archiveLine) error) (n int64, err error) {
	if h != nil {
		r = io.TeeReader(r, h)
	}
	br := bufio.NewReader(r)
	if _, err := br.Peek(1); errors.Is(err, io.EOF) {
		return 0, nil // a month without transactions
	}
	z, err := gzip.NewReader(br)
	if err != nil {
		return 0, err
	}
	dec := json.NewDecoder(z)
	dec.UseNumber()
	for {
		var l archiveLine
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if l.Table == "TX_ON_JOURNAL" {
			n++
		}
		if err := f(l); err != nil {
			return n, err
		}
	}
}

// readBlock reads the lines of the block that would hold a number.
func readBlock(path string, number int64) ([]archiveLine, error) {
	text, err := os.ReadFile(path + ".index")
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	var x archiveIndex
	if err := json.Unmarshal(text, &x); err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	i := sort.Search(len(x.Blocks), func(i int) bool { return x.Blocks[i].Last >= number })
	if i == len(x.Blocks) || number < x.Blocks[i].First {
		return nil, ErrNotFound
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading
	size := int64(1) << 62
	if i+1 < len(x.Blocks) {
		size = x.Blocks[i+1].Offset - x.Blocks[i].Offset
	}
	var out []archiveLine
	_, err = eachLine(io.NewSectionReader(f, x.Blocks[i].Offset, size), nil, func(l archiveLine) error {
		out = append(out, l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	return out, nil
}
