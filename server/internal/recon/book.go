package recon

import (
	"bufio"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/server/api/message/format"
)

//go:embed books/*.yaml
var books embed.FS

// Format loads the description of a book's lines: core or cups, or a dialect file of a bank's own. Its
// fields are reference, terminal, amount, and by name sign (D debits the card, C credits it) and state
// (R: taken back).
func Format(name string) (*format.Dialect, error) {
	if strings.HasSuffix(name, ".yaml") {
		return format.Load(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	}
	sub, err := fs.Sub(books, "books")
	if err != nil {
		return nil, err
	}
	d, err := format.Load(sub, name+".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("recon: %s is no format of a book: want core, cups, or a file that ends in .yaml", name)
	}
	return d, err
}

// Most lines that a book may have.
const Most = 20_000_000

// Read reads a whole book: its lines, and the trailer "TRAILER day count sum" that proves it complete.
// A book that is not complete, is of another day, or has one line that cannot be read is refused as a
// whole, with the number of the line.
func Read(r io.Reader, d *format.Dialect, day string) (rows []Row, digest string, err error) {
	h := sm3.New()
	b := bufio.NewReaderSize(io.TeeReader(r, h), 64<<10)
	var sum int64
	for n := 1; ; n++ {
		line, err := b.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil, "", fmt.Errorf("recon: the book ends at line %d without a trailer: it is not complete", n)
		}
		if err != nil || len(rows) > Most {
			return nil, "", fmt.Errorf("recon: line %d is too long, or there are too many", n)
		}
		line = line[:len(line)-1]
		if rest, ok := strings.CutPrefix(string(line), "TRAILER "); ok {
			f := strings.Fields(rest)
			if len(f) != 3 {
				return nil, "", fmt.Errorf("recon: line %d: want TRAILER day count sum", n)
			}
			count, err1 := strconv.Atoi(f[1])
			total, err2 := strconv.ParseInt(f[2], 10, 64)
			switch {
			case err1 != nil || err2 != nil:
				return nil, "", fmt.Errorf("recon: line %d: count or sum is no number", n)
			case !strings.HasSuffix(day, f[0]) || len(f[0]) < 4:
				return nil, "", fmt.Errorf("recon: the book is of day %s, not of %s", f[0], day)
			case count != len(rows) || total != sum:
				return nil, "", fmt.Errorf("recon: the book has %d lines with a sum of %d, its trailer says %d and %d", len(rows), sum, count, total)
			}
			if _, err := b.ReadByte(); !errors.Is(err, io.EOF) {
				return nil, "", fmt.Errorf("recon: there is something behind the trailer in line %d", n)
			}
			return rows, hex.EncodeToString(h.Sum(nil)), nil
		}
		t, _, err := d.Unpack(line)
		if err != nil {
			return nil, "", fmt.Errorf("recon: line %d: %w", n, err)
		}
		amount, err := strconv.ParseInt(strings.TrimSpace(t.Values["amount"]), 10, 64)
		if err != nil || amount < 0 {
			return nil, "", fmt.Errorf("recon: line %d: the amount is no number", n)
		}
		switch t.Values["sign"] {
		case "D":
		case "C":
			amount = -amount
		default:
			return nil, "", fmt.Errorf("recon: line %d: sign: want D or C", n)
		}
		sum += amount
		rows = append(rows, Row{Reference: t.Values["reference"], Terminal: t.Values["terminal"], Amount: amount, Reversed: t.Values["state"] == "R"})
	}
}
