package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"zhigui/server/internal/store"
)

// onMonth opens the store and runs f with the month of the arguments.
func onMonth(name string, args []string, f func(ctx context.Context, st *store.Store, month time.Time) error) error {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration file")
	text := fs.String("month", "", "yyyyMM")
	if err := fs.Parse(args); err != nil {
		return err
	}
	month, err := time.Parse("200601", *text)
	if err != nil {
		return fmt.Errorf("--month: %q is no yyyyMM", *text)
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	return f(context.Background(), st, month)
}

func storeArchive(args []string) error {
	return onMonth("store archive", args, func(ctx context.Context, st *store.Store, month time.Time) error {
		a, err := st.Archive(ctx, month, time.Now())
		if err == nil {
			fmt.Println(a.Month, a.File, a.Rows, a.Digest, a.State)
		}
		return err
	})
}

func storeRestore(args []string) error {
	return onMonth("store restore", args, func(ctx context.Context, st *store.Store, month time.Time) error {
		n, err := st.Restore(ctx, month)
		if err == nil {
			fmt.Println(n, "transactions are back")
		}
		return err
	})
}

func storeList(args []string) error {
	fs := flag.NewFlagSet("store list", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	as, err := st.Archives(context.Background())
	for _, a := range as {
		fmt.Println(a.Month, a.File, a.Rows, a.Digest, a.State)
	}
	return err
}
