package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"zhigui/server/internal/certificate"
	"zhigui/server/internal/config"
)

// certificates lists what the configuration names; those that end soon make it fail, for scripts.
func certificates(args []string) error {
	fs := flag.NewFlagSet("certificates", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	if err := fs.Parse(args); err != nil {
		return err
	}
	c, err := config.Load(*cfg)
	if err != nil {
		return err
	}
	ends := 0
	for _, f := range c.Certificates() {
		all, err := certificate.Read(f)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(stdout, "%s: is not there\n", f)
			continue
		}
		if err != nil {
			return err
		}
		for _, x := range all {
			days := int(time.Until(x.Until).Hours() / 24)
			if days < int(certificate.Soon.Hours()/24) {
				ends++
			}
			fmt.Fprintf(stdout, "%s  %4d days  %s  by %s  SHA-256 %s\n", x.Until.UTC().Format(time.DateOnly), days, x.Subject, x.Issuer, x.Digest[:16])
		}
	}
	if ends > 0 {
		return fmt.Errorf("%d end within a month", ends)
	}
	return nil
}
