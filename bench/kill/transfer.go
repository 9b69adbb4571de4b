package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// Transfers, small ones and such as people must agree to. The invariants:
//
//	T1  what left the payer's account is what the payee got, and the sum of what the journal has as approved
//	T2  a transfer that was approved is never taken back; one in doubt is, or it never was
//	T3  no case is left open at the server, and each of the journal has an end
//	T4  a case serves one transfer
var (
	transferStates       = []string{"SESSION_BEGIN", "CASE", "SIGNED", "HOST_INTENT:2", "HOST_RESULT:2", "REVERSE", "SETTLE_ACK"}
	transferServerStates = []string{"received:2", "intent:2", "answered:2", "stored:2", "reversal-attempt", "reversal-answered"}
	essentialTransfer    = []fault{{"CASE", "platformd", syscall.SIGKILL}, {"HOST_INTENT:2", "platformd", syscall.SIGKILL}, {"HOST_RESULT:2", "platformd", syscall.SIGKILL},
		{"answered:2", "server", syscall.SIGKILL}, {"SIGNED", "page", syscall.SIGKILL}, {"noAnswer", "answer", 0}}
)

const (
	payer, payee = "6225880000000006", "6225880000000005"
	largest      = 5_000_100 // of the amounts here, fen: the server's table of cases has 5,000,000
)

func transferMatrix(rng *rand.Rand) []fault {
	return shuffled(rng, each(transferStates, syscall.SIGKILL, "platformd", "server", "bank", "page"), each(transferServerStates, syscall.SIGKILL, "server", "bank"), each([]string{"CASE", "HOST_INTENT:2"}, syscall.SIGSTOP, "bank", "server"), lost())
}

// ATransferIsMadeOnceWhateverDiesWherever has a fault at each state of a transfer with its case.
func ATransferIsMadeOnceWhateverDiesWherever(t *testing.T) {
	all := transferMatrix(rand.New(rand.NewSource(20261122)))
	if testing.Short() {
		all = essentialTransfer
	}
	b := start(t, scene.Options{Also: []string{"idreader"}})
	b.service, b.module, b.model = "transfer", "pinpad", "szztzt598"
	b.waitReady()
	rng := rand.New(rand.NewSource(7))
	for i, f := range all {
		ok := t.Run(fmt.Sprintf("%03d %s", i+1, f), func(t *testing.T) {
			b.t = t
			b.insist(func() { b.runTransfer(f, rng) })
			b.check()
			b.checkTransfers()
			b.transfers(rng)
			b.checkTransfers()
		})
		if !ok {
			return
		}
	}
	if len(b.missed) > 0 {
		t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
	}
}

// people are those who agree to a large transfer.
func (b *branch) people() (out []robot.Manager) {
	for _, u := range scene.Users {
		if u.Name == "teller" || u.Name == "manager" {
			out = append(out, robot.Manager{URL: fmt.Sprintf("http://127.0.0.1:%d/v2/api", b.Ports.Manage), Name: u.Name, Password: u.Password})
		}
	}
	return out
}

// runTransfer serves one customer while the fault strikes, then brings everything back.
func (b *branch) runTransfer(f fault, rng *rand.Rand) {
	b.t.Helper()
	amount := int64(1+rng.Intn(90)) * 1000
	if f.state == "CASE" || f.state == "SIGNED" || rng.Intn(3) == 0 {
		amount = largest
	}
	answer := map[string]string{"REVERSE": "noAnswer", "reversal-attempt": "noAnswer", "reversal-answered": "noAnswer", "SETTLE_ACK": "noAnswer"}[f.state]
	c := b.customer(visit{Amount: amount, Payee: payee, People: b.people(), Person: somebody(rng)})
	if f.target == "answer" {
		answer, f = f.state, fault{}
	}
	if answer != "" { // of the transfer, not of the question whose the account is
		b.leaveOut(answer, "600301")
	}
	b.visited(f, c, rng)
}

// transfers proves that the next customer is served.
func (b *branch) transfers(rng *rand.Rand) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	err := robot.Until(45*time.Second, func() error {
		b.revive()
		v, err := b.desk.Transfer(ctx, "demo-6", "123456", payee, 1000, b.people(), somebody(rng))
		if err == nil && v.Outcome == "approved" {
			return nil
		}
		b.t.Logf("next customer: %+v, %v", v, err)
		b.quiet()
		return errors.Join(fmt.Errorf("%+v", v), err)
	})
	if err != nil {
		b.t.Fatalf("the next customer is not served: %v", err)
	}
	b.quiet()
}

// checkTransfers proves the invariants.
func (b *branch) checkTransfers() {
	b.t.Helper()
	b.eventually(func() (wrong []string) {
		bad := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
		bk, err := b.book()
		at, err2 := b.balances()
		cs, err3 := b.openCases()
		if err := errors.Join(err, err2, err3); err != nil {
			return []string{err.Error()}
		}
		var sum int64
		large := 0
		for _, x := range bk.Txns {
			if x.Type != "transfer" {
				continue
			}
			if x.Pending() {
				bad("T2: %s is open: %+v", x.ID, *x)
			}
			if x.Host == "approved" {
				if sum += x.Amount; x.Settle != "" {
					bad("T2: %s was approved and ended as %q", x.ID, x.Settle)
				}
				if x.Amount >= largest {
					large++
				}
			}
		}
		if left, got := 200_000_000-at[payer], at[payee]-2_000_000; left != sum || got != sum {
			bad("T1: %d fen left the payer's account, the payee has %d, the journal says %d", left, got, sum)
		}
		used := 0
		for number, ended := range bk.Cases {
			if ended == "" {
				bad("T3: case %s has no end in the journal", number)
			}
		}
		for _, state := range cs {
			switch state {
			case "open":
				bad("T3: a case is open at the server")
			case "used":
				used++
			}
		}
		if used != large {
			bad("T4: %d cases were used, %d large transfers were made", used, large)
		}
		return wrong
	})
}

// balances are the accounts' at the bank, fen.
func (b *branch) balances() (map[string]int64, error) {
	var list []struct {
		Card    string
		Balance int64
	}
	if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/accounts", b.Ports.HostControl), &list); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, a := range list {
		out[a.Card] = a.Balance
	}
	return out, nil
}

// openCases are the states of all cases at the server.
func (b *branch) openCases() (out []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m := b.signed["admin"]
	if m == nil {
		if m, err = b.SignIn(ctx, "admin"); err != nil {
			return nil, err
		}
		b.signed["admin"] = m
	}
	var list []struct{ State string }
	err = m.Call(ctx, http.MethodGet, "/cases", nil, &list)
	for _, c := range list {
		out = append(out, c.State)
	}
	return out, err
}
