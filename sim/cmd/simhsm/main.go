// Command simhsm runs the simulated payment HSM.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"zhigui/sim/hsm"
)

func main() {
	var o hsm.Options
	flag.StringVar(&o.Listen, "listen", "127.0.0.1:1500", "address of the host commands")
	flag.StringVar(&o.Control, "control", "127.0.0.1:1580", "address of the HTTP control")
	flag.StringVar(&o.LMK, "lmk", "simhsm.lmk", "file of the local master key; made when it is missing")
	flag.IntVar(&o.Header, "header", 4, "characters of the message header")
	flag.IntVar(&o.Max, "max", 64, "connections at a time")
	flag.BoolVar(&o.AnyFormat, "any-format", false, "let translations of PIN blocks through that ISO 9564-1 bans")
	flag.BoolVar(&o.Authorised, "authorised", false, "take keys in the clear from the start")
	flag.Parse()
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	h, err := hsm.Start(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "simhsm:", err)
		os.Exit(1)
	}
	o.Log.Info("simulated HSM is up", "commands", h.Addr(), "control", h.WebAddr)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	if err := h.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "simhsm:", err)
	}
}
