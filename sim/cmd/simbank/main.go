// Command simbank runs the simulated bank host.
package main

import (
	"crypto/tls"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"

	"zhigui/server/api/batch"
	"zhigui/sim/bankhost"
)

func main() {
	var o bankhost.Options
	var keys string
	flag.StringVar(&o.Listen, "listen", "127.0.0.1:7900", "address of the interchange link")
	flag.StringVar(&o.Control, "control", "127.0.0.1:7980", "address of the HTTP control")
	flag.StringVar(&o.Ledger, "ledger", "simbank.ledger", "file of the ledger")
	flag.BoolVar(&o.Zone.SM4, "sm4", false, "the zone to the acquirer uses SM4 instead of 3DES")
	flag.StringVar(&o.Zone.MAC, "mac", "", "x9.9 or fold instead of X9.19 (with -sm4: fold instead of the CBC-MAC)")
	flag.BoolVar(&o.Zone.Format3, "iso3", false, "PIN blocks are of ISO format 3 instead of 0")
	flag.StringVar(&keys, "keys", "zone.keys", "file with the zone's PIN key and MAC key, two lines of 32 hexadecimal digits")
	flag.IntVar(&o.BenchCards, "bench-cards", 0, "open so many more accounts for load tests")
	flag.BoolVar(&o.Fast, "fast", false, "for load tests: a codec of its own instead of moov-io/iso8583, answers before the ledger is on the disk, plain http; a kill may lose bookings")
	flag.Func("door", "one more way to the host: kind,dialect (or its file),listen[,address of the acquirer[,connections]] (long, short, async, group, http, soap); may be repeated; https has a certificate and key by -cert and -key", func(s string) error {
		f := strings.Split(s, ",")
		if len(f) < 3 || len(f) > 5 {
			return fmt.Errorf("want kind,dialect,listen[,address[,connections]]")
		}
		d := bankhost.Door{Kind: f[0], Dialect: f[1], Listen: f[2]}
		if len(f) > 3 {
			d.Address = f[3]
		}
		if len(f) > 4 {
			n, err := strconv.Atoi(f[4])
			if err != nil {
				return err
			}
			d.Count = n
		}
		o.Doors = append(o.Doors, d)
		return nil
	})
	cert := flag.String("cert", "", "certificate of https doors")
	key := flag.String("key", "", "key of https doors")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800) // the 8583 library makes much garbage; the heap itself is small
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := batch.Process(); err != nil {
		o.Log.Info("without turns that are finished", "error", err)
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "simbank: profile:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	for i := range o.Doors {
		if o.Doors[i].Kind != "https" {
			continue
		}
		c, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			fmt.Fprintln(os.Stderr, "simbank: https needs -cert and -key:", err)
			os.Exit(1)
		}
		o.Doors[i].Kind, o.Doors[i].TLS = "http", &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
	}
	if err := run(o, keys); err != nil {
		fmt.Fprintln(os.Stderr, "simbank:", err)
		os.Exit(1)
	}
}

func run(o bankhost.Options, keys string) error {
	data, err := os.ReadFile(keys)
	if err != nil {
		return fmt.Errorf("zone keys (serverctl zone keys writes them): %w", err)
	}
	var pik, mak string
	if _, err := fmt.Sscan(string(data), &pik, &mak); err != nil {
		return fmt.Errorf("%s: two lines of 32 hexadecimal digits are wanted", keys)
	}
	if o.Zone.PIK, err = hex.DecodeString(pik); err == nil {
		o.Zone.MAK, err = hex.DecodeString(mak)
	}
	if err != nil {
		return fmt.Errorf("%s: not hexadecimal", keys)
	}
	h, err := bankhost.Start(o)
	if err != nil {
		return err
	}
	o.Log.Info("bank host is up", "link", h.Addr(), "control", h.WebAddr)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	return h.Close()
}
