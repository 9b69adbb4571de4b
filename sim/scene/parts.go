package scene

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// StartHost starts the simulated bank host.
func (s *Scene) StartHost(ctx context.Context) error {
	p, err := s.launch("bank", "simbank", "-listen", addr(s.Ports.Host), "-control", addr(s.Ports.HostControl),
		"-ledger", s.path("bank.ledger"), "-keys", s.path("keys", "zone.keys"))
	if err != nil {
		return err
	}
	return waitFor(ctx, p, "the bank host's control port", func() bool { return listening(s.Ports.HostControl) })
}

// StartServer starts the server with all its roles.
func (s *Scene) StartServer(ctx context.Context) error {
	p, err := s.launch("server", "server", "-config", s.path("server.yaml"), "-roles", "all")
	if err != nil {
		return err
	}
	return waitFor(ctx, p, "the server's ports", func() bool {
		return listening(s.Ports.Manage) && listening(s.Ports.Trade3DES) && listening(s.Ports.Access)
	})
}

// StartDevices starts the virtual devices.
func (s *Scene) StartDevices(ctx context.Context) error {
	if len(s.devicesConfig()["devices"].([]m)) == 0 {
		return nil // a screen alone
	}
	p, err := s.launch("devices", "simctl", "devices", "--config", s.path("devices.yaml"), "--addr", addr(s.Ports.Devices))
	if err != nil {
		return err
	}
	return waitFor(ctx, p, "the virtual devices", func() bool {
		for _, d := range s.fitted() {
			if _, err := os.Stat(s.path("tty", d.id)); err != nil {
				return false
			}
		}
		return listening(s.Ports.Devices)
	})
}

// InstallKey loads the terminal's master key into the PIN pad, once, if it does not come over the line.
func (s *Scene) InstallKey(context.Context) error {
	if s.Keys == Remote || !s.has("pinpad") {
		return nil // the platform fetches it, or there is none
	}
	mark := s.path("keys", "installed")
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := run("", s.bin("platformd"), "-config", s.path("terminal", "platform.yaml"), "-key", s.tmk()); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o600)
}

// tmk are the files of the master key's two parts, one for each person at the PIN pad.
func (s *Scene) tmk() string { return s.path("keys", "tmk.json") + "," + s.path("keys", "tmk-2.json") }

// WaitKey waits until the PIN pad has its keys over the line: the master key, and working keys under it.
func (s *Scene) WaitKey(ctx context.Context) error {
	if s.Keys != Remote || !s.has("pinpad") {
		return nil
	}
	return waitFor(ctx, s.procs["keeper"], "the PIN pad's keys", func() bool {
		var d struct{ Physical struct{ Keys []any } }
		return getJSON(fmt.Sprintf("http://%s/api/devices/pinpad", addr(s.Ports.Devices)), &d) == nil && len(d.Physical.Keys) > 2
	})
}

// StartKeeper starts the keeper, which starts platform and shell.
func (s *Scene) StartKeeper(ctx context.Context) error {
	p, err := s.launch("keeper", "keeperd", "-config", s.path("terminal", "keeper.yaml"))
	if err != nil {
		return err
	}
	return waitFor(ctx, p, "platform and pages", func() bool { return listening(s.Ports.XFS) && listening(s.Ports.Pages) })
}

// WaitInService waits until the platform has a bundle for its pages.
func (s *Scene) WaitInService(ctx context.Context) error {
	return waitFor(ctx, s.procs["keeper"], "the flow pages", func() bool {
		var c struct{ Start string }
		return getJSON(fmt.Sprintf("http://%s/shell/config.json", addr(s.Ports.Pages)), &c) == nil && c.Start != ""
	})
}

func listening(port int) bool {
	c, err := net.DialTimeout("tcp", addr(port), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// waitFor polls until ok, the process ends or a minute has passed.
func waitFor(ctx context.Context, p *Process, what string, ok func() bool) error {
	deadline := time.Now().Add(time.Minute)
	for {
		if ok() {
			return nil
		}
		if err := p.failed(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s did not come up within a minute; the end of its log:\n%s", what, p.tail())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func getJSON(url string, v any) error {
	c := http.Client{Timeout: 5 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}
