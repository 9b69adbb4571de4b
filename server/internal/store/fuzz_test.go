package store

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"
)

// An archive lies in a folder where others may have changed it. What is read of one has a bounded memory: each line is given on.
func FuzzLinesOfAnArchive(f *testing.F) {
	packed := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.Bytes()
	}
	f.Add(packed(`{"t":"TX_ON_JOURNAL","r":{"JOURNAL_NUMBER":1,"TERMINAL_NUMBER":"00000001"}}` + "\n"))
	f.Add(packed(`{"t":1}`))
	f.Add([]byte{})
	f.Add([]byte{0x1F, 0x8B})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, text := range [][]byte{b, packed(string(b))} {
			lines, journal := int64(0), int64(0)
			n, err := eachLine(bytes.NewReader(text), nil, func(l archiveLine) error {
				lines++
				if l.Table == "TX_ON_JOURNAL" {
					journal++
				}
				_, err := json.Marshal(l)
				return err
			})
			if n != journal || err == nil && n > lines {
				t.Fatalf("%d rows of %d lines, %d of the journal", n, lines, journal)
			}
		}
	})
}
