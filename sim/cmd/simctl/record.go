package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"zhigui/sim/device/record"
)

// parsed takes n words and flags in any order.
func parsed(fl *flag.FlagSet, args []string, n int, errs io.Writer) ([]string, error) {
	fl.SetOutput(errs)
	var words []string
	for {
		if err := fl.Parse(args); err != nil {
			return nil, errUsage
		}
		if fl.NArg() == 0 {
			break
		}
		words, args = append(words, fl.Arg(0)), fl.Args()[1:]
	}
	if len(words) != n {
		fmt.Fprintf(errs, "%s: want %d words beside the options\n", fl.Name(), n)
		fl.PrintDefaults()
		return nil, errUsage
	}
	return words, nil
}

func runRecord(ctx context.Context, args []string, out, errs io.Writer) error {
	fl := flag.NewFlagSet("simctl record", flag.ContinueOnError)
	link := fl.String("link", "record.port", "where the driver finds the recorder")
	file := fl.String("out", "trace.txt", "the trace")
	baud := fl.Int("baud", 9600, "speed of the device's port")
	parity := fl.String("parity", "N", "N, E or O")
	words, err := parsed(fl, args, 1, errs)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(*file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w, err := record.NewWriter(f, fmt.Sprintf("port %s, %d baud, parity %s", words[0], *baud, *parity), "bytes as they were: they may hold cards, codes or keys")
	if err == nil {
		err = record.Record(ctx, record.Options{Port: words[0], Link: *link, Baud: *baud, Parity: *parity, Out: w,
			Ready: func() { fmt.Fprintf(out, "recording: the driver's port is %s\n", *link) }})
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func runReplay(ctx context.Context, args []string, out, errs io.Writer) error {
	fl := flag.NewFlagSet("simctl replay", flag.ContinueOnError)
	link := fl.String("link", "replay.port", "where the driver finds the device")
	strict := fl.Bool("strict", false, "polls must come as often as in the trace")
	pace := fl.Float64("pace", 0, "of the recorded pauses: 1 as they were, 0 none")
	words, err := parsed(fl, args, 1, errs)
	if err != nil {
		return err
	}
	es, err := readTrace(words[0])
	if err != nil {
		return err
	}
	r, err := record.NewReplay(es, record.ReplayOptions{Link: *link, Strict: *strict, Pace: *pace})
	if err != nil {
		return err
	}
	defer r.Close()
	fmt.Fprintf(out, "replaying: the driver's port is %s\n", *link)
	err = r.Wait(ctx)
	if err == nil {
		fmt.Fprintln(out, "the whole trace was played")
		<-ctx.Done()
		err = r.Departed()
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%d frames of the driver did not come", r.Rest())
	}
	return err
}

func runDiff(_ context.Context, args []string, out, errs io.Writer) error {
	fl := flag.NewFlagSet("simctl diff", flag.ContinueOnError)
	all := fl.Bool("all", false, "polls with an unchanged answer count too")
	first := fl.Int("first", 10, "how many differences are printed")
	words, err := parsed(fl, args, 2, errs)
	if err != nil {
		return err
	}
	a, err := readTrace(words[0])
	if err != nil {
		return err
	}
	b, err := readTrace(words[1])
	if err != nil {
		return err
	}
	ds := record.Diff(a, b, *all)
	if len(ds) == 0 {
		fmt.Fprintln(out, "the same frames in the same order")
		return nil
	}
	record.Print(out, filepath.Base(words[0]), filepath.Base(words[1]), ds, *first)
	return fmt.Errorf("%d differences", len(ds))
}

func readTrace(name string) ([]record.Entry, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return record.Read(name, f)
}
