package iccard

import (
	"context"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"zhigui/drivers/conformance"
)

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
	addr := conformance.PCSCD(t)
	for _, protocol := range []string{"T1", "T0"} {
		t.Run(protocol, func(t *testing.T) {
			c, err := New(t.TempDir(), Chip{Protocol: protocol}, stripe, "ZHANG/SAN")
			if err != nil {
				t.Fatal(err)
			}
			atr := c.Reset()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- Serve(ctx, addr, c) }()
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
