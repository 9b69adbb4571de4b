package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
)

// reconRun compares a settlement day with the host's book and with the terminals' journals.
func reconRun(args []string) error {
	fs := flag.NewFlagSet("recon run", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	host := fs.String("host", "core", "whose book it is")
	day := fs.String("day", "", "settlement day, yyyyMMdd")
	partner := fs.String("partner", "", "the channel of a partner whose book it is, instead of a host's")
	name := fs.String("format", "core", "of the book's lines: core, cups, one of the configuration's books, or a dialect file")
	every := fs.Duration("counts-every", recon.CountEvery, "a terminal that moves notes and was not counted for longer is a difference")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if _, err := time.Parse("20060102", *day); err != nil || fs.NArg() != 1 {
		return fmt.Errorf("say --day yyyyMMdd and one file")
	}
	c, cat, err := catalogue(*cfg)
	if err != nil {
		return err
	}
	if *partner != "" && !slices.Contains(c.PartnerNames(), *partner) {
		return fmt.Errorf("%q is no channel of a partner (with keys)", *partner)
	}
	for _, b := range c.Books {
		if b.Name == *name {
			*name = b.Format
		}
	}
	d, err := recon.Format(*name)
	if err != nil {
		return err
	}
	f, err := os.Open(fs.Arg(0))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading
	rows, digest, err := recon.Read(f, d, *day)
	if err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	ctx := context.Background()
	b := &recon.Books{Store: st, Products: cat, Now: time.Now, CountEvery: *every}
	if *partner != "" {
		err = b.RunPartner(ctx, *partner, c.HostNames(), *day, digest, rows)
	} else {
		err = b.Run(ctx, *host, *day, digest, rows)
	}
	if err != nil {
		return err
	}
	return report(ctx, st, *day)
}

func reconReport(args []string) error {
	fs := flag.NewFlagSet("recon report", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	day := fs.String("day", "", "settlement day, yyyyMMdd")
	if err := fs.Parse(args); err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // reading
	return report(context.Background(), st, *day)
}

// report prints a day: the comparisons, what is open, and what each terminal did.
func report(ctx context.Context, st *store.Store, day string) error {
	runs, err := st.Runs(ctx, day)
	if err != nil {
		return err
	}
	diffs, err := st.Differences(ctx, day, "", false, 1000)
	if err != nil {
		return err
	}
	totals, part := st.DayTotals(ctx, day, "")
	if err := part; err != nil && !errors.Is(err, store.ErrArchived) {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "settlement day %s\n\nhost\tbook\tours\ttheirs\tagree\tour sum\ttheir sum\n", day)
	for _, r := range runs {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.Host, r.Book, r.Ours, r.Theirs, r.Matched, yuan(r.OurAmount), yuan(r.TheirAmount))
	}
	fmt.Fprintf(w, "\nopen differences: %d\n", len(diffs))
	if len(diffs) > 0 {
		fmt.Fprintf(w, "id\tbook\tclass\tbranch\tterminal\treference\tours\ttheirs\towner\n")
	}
	for _, d := range diffs {
		ours, theirs := "-", "-"
		if d.Ours.Valid {
			ours = yuan(d.Ours.Int64)
		}
		if d.Theirs.Valid {
			theirs = yuan(d.Theirs.Int64)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Book, d.Class, d.Branch, d.Terminal, d.Reference, ours, theirs, d.Owner)
	}
	if part != nil {
		fmt.Fprintf(w, "\nwhat follows is not the whole day (%v: serverctl store restore brings it back)\n", part)
	}
	fmt.Fprintf(w, "\nbranch\tterminal\tproduct\tstate\tcount\tamount\tpaid\n")
	for _, t := range totals {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", t.Branch, t.Terminal, t.Kind, t.State, t.Count, yuan(t.Amount), yuan(t.Paid))
	}
	return w.Flush()
}

// yuan prints minor units.
func yuan(v int64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%02d", sign, v/100, v%100)
}
