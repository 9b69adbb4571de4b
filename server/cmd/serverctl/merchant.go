package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"zhigui/server/internal/clearing"
	"zhigui/server/internal/config"
	"zhigui/server/internal/product"
)

func merchantImport(args []string) error {
	fs := flag.NewFlagSet("merchant import", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	by := fs.String("by", "", "sign-in name of the person; the password is the first line of standard input; nobody: it is serverctl's")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return fmt.Errorf("say one file of merchants")
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	who, err := byPerson(st, *by)
	if err != nil {
		return err
	}
	n, err := clearing.Import(context.Background(), st, fs.Arg(0), who, time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("%d merchants and third parties\n", n)
	return nil
}

// catalogue is the configuration with its products.
func catalogue(path string) (*config.Config, *product.Catalogue, error) {
	c, err := config.Load(path)
	if err != nil || c.Products == "" {
		return c, product.Builtin(), err
	}
	cat, err := product.Load(c.Products, nil)
	return c, cat, err
}

// clearingRun clears a settlement day and prints what it pays.
func clearingRun(args []string) error {
	fs := flag.NewFlagSet("clearing run", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	day := fs.String("day", "", "settlement day, yyyyMMdd")
	by := fs.String("by", "", "sign-in name of the person; the password is the first line of standard input; nobody: it is serverctl's")
	if err := fs.Parse(args); err != nil {
		return err
	}
	c, cat, err := catalogue(*cfg)
	if err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	who, err := byPerson(st, *by)
	if err != nil {
		return err
	}
	entries, left, err := clearing.Day(context.Background(), st, cat, c.HostNames(), *day, who, time.Now())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "merchant\treceiver\tpayments\tpaid by customers\tgets\n")
	var sum int64
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", e.Merchant, e.Receiver, e.Count, yuan(e.Gross), yuan(e.Amount))
		sum += e.Amount
	}
	fmt.Fprintf(w, "\t\t\t\t%s\n", yuan(sum))
	if err := w.Flush(); err != nil {
		return err
	}
	if left.Unsaid > 0 {
		fmt.Fprintf(stdout, "%d payments at merchants' terminals are cleared to nobody: no product says whom they pay (pays in the product file)\n", left.Unsaid)
	}
	if left.Held > 0 {
		fmt.Fprintf(stdout, "%d payments of %s are held back: a difference about each is open\n", left.Held, yuan(left.HeldAmount))
	}
	if left.Closed > 0 {
		fmt.Fprintf(stdout, "%d payments of %s are cleared to nobody: their merchants are out of use\n", left.Closed, yuan(left.ClosedAmount))
	}
	if left.Unregistered > 0 {
		fmt.Fprintf(stdout, "%d payments of %s are cleared to nobody: their third parties are not registered\n", left.Unregistered, yuan(left.UnregisteredAmount))
	}
	if left.ByHand > 0 {
		fmt.Fprintf(stdout, "%d payments of %s were closed by hand and are cleared to nobody: pay or give them back outside\n", left.ByHand, yuan(left.ByHandAmount))
	}
	if left.Refunded > 0 {
		fmt.Fprintf(stdout, "%d payments were given back by people and are the merchants' no more\n", left.Refunded)
	}
	return nil
}
