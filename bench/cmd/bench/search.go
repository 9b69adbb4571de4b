package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// search fills a journal with made-up transactions and measures searches by every key.
func search(ctx context.Context, o options, fs *figures) error {
	if o.quick {
		o.rows = min(o.rows, 300_000)
	}
	dsn := filepath.Join(o.dir, "search.db")
	if o.db != nil {
		var err error
		if dsn, err = o.db.Database("search"); err != nil {
			return err
		}
	}
	c := exec.CommandContext(ctx, filepath.Join(o.bin, "storebench"), "-json", "-rows", strconv.FormatInt(o.rows, 10), "-dsn", dsn)
	c.Stderr = os.Stderr
	begin := time.Now()
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("storebench: %w", err)
	}
	fs.add("search.whole_run_s", time.Since(begin).Seconds(), "s", vs{"rows": float64(o.rows)}, "filling, building the indexes, searching; "+o.store)
	for line := range bytes.Lines(out) {
		var v struct {
			Search, Plan                 string
			Matches                      int
			FirstMS, MedianMS, LongestMS float64
		}
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		fs.add("search."+v.Search+".ms", v.MedianMS, "ms", vs{"goalMax": 1000, "first": v.FirstMS, "longest": v.LongestMS, "matches": float64(v.Matches), "rows": float64(o.rows)}, v.Plan)
	}
	return nil
}
