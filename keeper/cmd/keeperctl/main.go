// Command keeperctl asks the keeper of this terminal: what runs, what is wrong with the
// machine, restart a program, suspend and resume service.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const usage = `keeperctl [-control SOCKET] COMMAND

  status            what runs, and what is wrong with the machine
  restart PROGRAM   end a program; the keeper starts it again
  suspend           no new customer
  resume            customers again
`

func main() {
	sock := flag.String("control", "keeperctl.sock", "the keeper's control socket")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if err := run(*sock, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "keeperctl:", err)
		os.Exit(1)
	}
}

func run(sock string, args []string) error {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", sock)
	}}}
	post := func(path string) error {
		resp, err := c.Post("http://keeper"+path, "", nil)
		if err != nil {
			return fmt.Errorf("is the keeper running? %w", err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode >= 400 {
			return fmt.Errorf("%s", b)
		}
		return nil
	}
	switch {
	case len(args) == 1 && args[0] == "status":
		return status(c)
	case len(args) == 2 && args[0] == "restart":
		return post("/restart/" + args[1])
	case len(args) == 1 && (args[0] == "suspend" || args[0] == "resume"):
		return post("/" + args[0])
	}
	flag.Usage()
	return fmt.Errorf("unknown command %q", args)
}

func status(c *http.Client) error {
	resp, err := c.Get("http://keeper/status")
	if err != nil {
		return fmt.Errorf("is the keeper running? %w", err)
	}
	defer resp.Body.Close()
	var s struct {
		Programs []struct {
			Role, State, Why, NotReady, Lease string
			PID, Restarts                     int
			Since                             time.Time
			Ready                             bool
		}
		Environment []struct{ Check, Text string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return err
	}
	fmt.Printf("%-10s %-9s %7s %8s %8s  %s\n", "program", "state", "pid", "restarts", "for", "")
	for _, p := range s.Programs {
		note := p.Why
		if p.NotReady != "" {
			note = p.NotReady
		}
		if p.Lease != "" {
			note = "serving a customer"
		}
		fmt.Printf("%-10s %-9s %7d %8d %8s  %s\n", p.Role, p.State, p.PID, p.Restarts, time.Since(p.Since).Round(time.Second), note)
	}
	for _, f := range s.Environment {
		fmt.Printf("machine: %s: %s\n", f.Check, f.Text)
	}
	return nil
}
