// Command platformd is the native platform of a terminal: it runs the driver processes,
// guards and books every movement of cash, serves XFS4IoT to the pages, and talks to the
// server. The keeper starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"zhigui/terminal/internal/config"
	"zhigui/terminal/internal/platform"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "platformd:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("platformd", flag.ExitOnError)
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "platformd runs the native platform of a terminal.\n\n  platformd -config platform.yaml               run\n  platformd -config platform.yaml -t            check the configuration and exit\n  platformd -config platform.yaml -key FILE     install the terminal's master key into the PIN pad and exit\n  platformd -config platform.yaml -order JSON   give the running platform an operator's order:\n      {\"kind\":\"suspend\"}  {\"kind\":\"resume\"}  {\"kind\":\"previousBundle\"}\n      {\"kind\":\"resolve\",\"args\":{\"txn\":\"000001/000012\",\"paid\":20000,\"by\":\"two names\"}}   a person counted: the customer got 200.00\n      {\"kind\":\"resolve\",\"args\":{\"txn\":\"000001/000012\",\"handed\":true,\"by\":\"two names\"}}   a person looked: the customer has the new card\n      {\"kind\":\"setCounts\",\"args\":{\"units\":{\"unit1\":{\"currency\":\"CNY\",\"value\":10000,\"count\":480,\"initial\":480}},\"by\":\"two names\"}}")
		fs.PrintDefaults()
	}
	path := fs.String("config", "platform.yaml", "configuration file")
	test := fs.Bool("t", false, "check the configuration and exit")
	key := fs.String("key", "", "file with the master key, written by serverctl terminal add; FILE,FILE: its two parts")
	order := fs.String("order", "", "an operator's order as JSON, for the platform that runs")
	level := fs.String("log", "info", "debug, info, warn or error")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var lv slog.Level
	if err := lv.UnmarshalText([]byte(*level)); err != nil {
		return fmt.Errorf("-log: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: lv}))
	cfg, err := config.Load(*path)
	if err != nil {
		return err
	}
	if *test {
		fmt.Println("configuration is good")
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *key != "" {
		return platform.InstallKey(ctx, cfg, *key, log)
	}
	if *order != "" {
		return platform.GiveOrder(ctx, cfg, *order)
	}
	p, err := platform.New(cfg, log)
	if err != nil {
		return err
	}
	return p.Run(ctx)
}
