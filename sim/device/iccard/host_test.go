package iccard

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/drivers/conformance"
)

// pcscd starts Debian's PC/SC daemon with one virtual reader; it answers where a card connects.
func pcscd(t *testing.T) (addr string) {
	t.Helper()
	daemon := conformance.Tool(t, "pcscd", "pcscd", "/usr/sbin/pcscd")
	conformance.Tool(t, "vsmartcard-vpcd", "/usr/bin/vpcd-config")
	const lib = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
	if os.Geteuid() != 0 {
		t.Skip("pcscd wants to be root")
	}
	if _, err := os.Stat("/run/pcscd/pcscd.comm"); err == nil && exec.Command("pidof", "pcscd").Run() == nil {
		t.Skip("another pcscd runs on this machine")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	conf := t.TempDir()
	text := fmt.Sprintf("FRIENDLYNAME \"Test\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n", port, lib, port)
	if err := os.WriteFile(filepath.Join(conf, "vpcd"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "--foreground", "--config", conf)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pcscd: %s", log.String())
		}
	})
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// talk gives commands to Debian's scriptor and takes the answers.
func talk(t *testing.T, program string, commands ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answers []string
	// A long answer goes over several lines up to " : ".
	for _, part := range strings.Split(strings.ReplaceAll(string(out), "\n", " "), "< ")[1:] {
		hexed, _, _ := strings.Cut(part, ":")
		answers = append(answers, strings.ReplaceAll(strings.TrimSpace(hexed), " ", ""))
	}
	return answers
}

// req: X-06
func TestAnIndependentPCSCHostTransactsWithTheCard(t *testing.T) {
	scan, script := conformance.Tool(t, "pcsc-tools", "pcsc_scan"), conformance.Tool(t, "pcsc-tools", "scriptor")
	addr := pcscd(t)
	for _, protocol := range []string{"T1", "T0"} {
		t.Run(protocol, func(t *testing.T) {
			c, err := New(t.TempDir(), Chip{Protocol: protocol}, stripe, "ZHANG/SAN")
			if err != nil {
				t.Fatal(err)
			}
			atr := c.Reset()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				for {
					err := Serve(ctx, addr, c)
					if ctx.Err() != nil {
						ended <- nil
						return
					}
					if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
						time.Sleep(50 * time.Millisecond) // the daemon is not up yet
						continue
					}
					ended <- err
					return
				}
			}()
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			want := strings.ToUpper(strings.TrimSpace(fmt.Sprintf("% x", atr)))
			var seen []byte
			for range 100 { // the daemon looks for a card now and then
				if seen, _ = exec.CommandContext(ctx, scan, "-c", "-n").CombinedOutput(); strings.Contains(string(seen), want) {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if !strings.Contains(string(seen), want) {
				t.Fatalf("pcsc_scan does not see %s:\n%s", want, seen)
			}
			spaced := func(s string) string {
				b, _ := hex.DecodeString(s)
				return fmt.Sprintf("% X", b)
			}
			if protocol == "T1" {
				got := talk(t, script, spaced(selectPSE), spaced("00B2010C00"), spaced(selectAID), spaced(options), spaced("00B2010C00"), spaced(first))
				if len(got) != 6 || !strings.HasPrefix(got[5], "77") || !strings.Contains(got[5], fmt.Sprintf("9F2608%X", c.app.first)) {
					t.Errorf("%q", got)
				}
				for _, a := range got {
					if !strings.HasSuffix(a, "9000") {
						t.Errorf("%s", a)
					}
				}
				return
			}
			// T=0: no Le behind data, and the answer is fetched.
			got := talk(t, script, spaced(strings.TrimSuffix(selectAID, "00")), spaced("00C0000000"))
			if len(got) != 2 || !strings.HasPrefix(got[0], "61") || !strings.HasPrefix(got[1], "6C") {
				t.Errorf("%q", got)
			}
		})
	}
}
