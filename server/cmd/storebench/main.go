// Command storebench fills an empty database with made-up transactions and prints how long each
// search in the journal takes, with the engine's plan. It is for measurements only.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zhigui/server/internal/store"
)

func main() {
	dsn := flag.String("dsn", "", "empty database: a new file, mysql://… or postgres://…; empty: a temporary file")
	rows := flag.Int64("rows", 1_000_000, "transactions to make")
	asJSON := flag.Bool("json", false, "print one JSON line for each search")
	filled := flag.Bool("filled", false, "the database is one that was filled with so many --rows this month: only search")
	count := flag.Bool("count", false, "print how many transactions the journal of --dsn holds, and nothing else")
	rc := flag.String("rc", "", "with --count: only those with this response code")
	flag.Parse()
	if *count {
		if err := countRows(context.Background(), *dsn, *rc); err != nil {
			fmt.Fprintln(os.Stderr, "storebench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), *dsn, *rows, *filled, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "storebench:", err)
		os.Exit(1)
	}
}

type figure struct {
	Search    string  `json:"search"`
	Matches   int     `json:"matches"`
	FirstMS   float64 `json:"firstMs"`
	MedianMS  float64 `json:"medianMs"`
	LongestMS float64 `json:"longestMs"`
	Plan      string  `json:"plan"`
}

func run(ctx context.Context, dsn string, rows int64, filled, asJSON bool) error {
	if dsn == "" {
		dir, err := os.MkdirTemp("", "storebench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // temporary
		dsn = filepath.Join(dir, "db")
	}
	begin := time.Now()
	said := begin
	progress := func(step string, n int64) {
		if step != "rows" || time.Since(said) > 10*time.Second || n == rows {
			said = time.Now()
			fmt.Fprintf(os.Stderr, "%7.1f s  %d %s\n", time.Since(begin).Seconds(), n, step)
		}
	}
	f := store.FilledWith(rows)
	var err error
	file := !strings.Contains(dsn, "://") && !strings.Contains(dsn, "@")
	if file && !filled {
		if f, err = store.FillFile(ctx, strings.TrimPrefix(dsn, "sqlite:"), rows, progress); err != nil {
			return err
		}
	}
	s, err := store.Open(ctx, store.Options{DSN: dsn, Tool: true}) // which leaves the indexes as they are
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	if !file && !filled {
		if f, err = s.Fill(ctx, rows, progress); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "there in %.1f s\n", time.Since(begin).Seconds())
	qs := f.Questions()
	for _, name := range slices.Sorted(maps.Keys(qs)) {
		q := qs[name]
		q.Limit = 50
		x := figure{Search: name}
		var took []float64
		for range 5 {
			t := time.Now()
			_, n, err := s.Search(ctx, q)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			x.Matches = n
			took = append(took, float64(time.Since(t).Microseconds())/1000)
		}
		x.FirstMS, x.LongestMS = took[0], slices.Max(took)
		slices.Sort(took)
		x.MedianMS = took[len(took)/2]
		if x.Plan, err = s.Explain(ctx, q, x.Matches); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(x); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%-28s %6d matches  first %8.1f ms  median %8.1f ms  longest %8.1f ms\n", name, x.Matches, x.FirstMS, x.MedianMS, x.LongestMS)
		for l := range strings.Lines(x.Plan) {
			fmt.Print("    ", l)
		}
	}
	return nil
}

func countRows(ctx context.Context, dsn, rc string) error {
	s, err := store.Open(ctx, store.Options{DSN: dsn})
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	v, err := s.Totals(ctx, store.Search{RC: rc}, func(first, last time.Time) time.Duration { return last.Sub(first) + time.Hour })
	if err != nil {
		return err
	}
	fmt.Println(v.Count)
	return nil
}
