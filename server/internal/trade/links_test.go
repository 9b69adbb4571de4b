package trade_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"zhigui/server/api/message"
	"zhigui/server/internal/link"
	"zhigui/server/internal/link/linktest"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// bridge hands what came by a link to the bank host, and back. A host that is silent is so by any link.
type bridge struct {
	address string
	d       *message.Dialect
}

func (b bridge) Handle(ctx context.Context, body, dst []byte) (answer []byte, keep bool) {
	c, err := net.Dial("tcp", b.address)
	if err != nil {
		return nil, false
	}
	defer c.Close() //nolint:errcheck // read to its end
	frame, err := b.d.Frame.Finish(append(b.d.Frame.Begin(nil), body...), 0)
	if err != nil {
		return nil, false
	}
	_, _ = c.Write(frame)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	body, err = b.d.Frame.Read(bufio.NewReader(c), nil)
	if err != nil {
		return nil, false
	}
	answer, err = b.d.Frame.Finish(append(b.d.Frame.Begin(dst), body...), len(dst))
	return answer, err == nil
}

// linkKinds are all that configuration offers.
func linkKinds(t *testing.T) []string {
	t.Helper()
	_, list := (&link.Spec{Kind: "?"}).Validate(false)
	return strings.Split(strings.ReplaceAll(strings.TrimPrefix(list, "want "), " or ", ", "), ", ")
}

// Each link of the configuration, as client and (at the other end) as server, bare and under TLS and TLCP: a
// withdrawal with its confirmation, one that the host refuses, and one that is taken back as nobody answered.
// req: TX-02 TX-03 TX-04 TX-05 TX-06 TX-07 TX-08 TX-32
func TestEveryLinkOfTheConfigurationMovesMoneyBareAndUnderTLSAndTLCP(t *testing.T) {
	certs, rsa := t.TempDir(), t.TempDir()
	certificates(t, rsa)
	linktest.SM2PKI(t, certs, "bank", "switch")
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "every.q", "every.a"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	in := func(name string) string { return filepath.Join(certs, name) }
	tlcp := func(own, peer string) *link.TLS {
		return &link.TLS{Kind: "tlcp", CA: in("ca.pem"), Cert: in(own + "-sign.pem"), Key: in(own + "-sign.key"), EncCert: in(own + "-enc.pem"), EncKey: in(own + "-enc.key"), Name: peer}
	}
	tls := &link.TLS{CA: filepath.Join(rsa, "ca.pem"), Cert: filepath.Join(rsa, "cert.pem"), Key: filepath.Join(rsa, "key.pem"), Name: "localhost"}
	for _, kind := range append(linkKinds(t), "long, dialled by the host") {
		for secure, ends := range map[string][2]*link.TLS{"bare": {}, "TLS": {tls, tls}, "TLCP": {tlcp("switch", "bank"), tlcp("bank", "switch")}} {
			t.Run(kind+"/"+secure, func(t *testing.T) {
				t.Parallel()
				a, b := free(t), free(t)
				client, server := link.Spec{Kind: kind, Address: a}, link.Spec{Kind: kind, Listen: a}
				switch kind {
				case "long, dialled by the host":
					client, server = link.Spec{Kind: "long", Listen: a}, link.Spec{Kind: "long", Address: a}
				case "simplex", "group", "async":
					client.Listen, server.Address = b, b
				case "http", "soap":
					client.Address, server.Listen = "http://"+a+"/trade", a+"/trade"
					if ends[0] != nil {
						client.Address = "https://" + a + "/trade"
					}
				case "kafka", "bus":
					client = link.Spec{Kind: kind, Address: kafka.ListenAddrs()[0], Request: "every.q", Answer: "every.a"}
					server = client
				}
				client.TLS, server.TLS = ends[0], ends[1]
				if key, why := client.Validate(false); strings.HasPrefix(key, "tls") {
					t.Skip(why)
				} else if kind == "kafka" && secure == "TLS" {
					t.Skip("a real broker that wants certificates: server/internal/bus")
				} else if why != "" {
					t.Fatal(key, why)
				}
				door := bankhost.Door{Kind: "short", Dialect: "cups128", Listen: free(t)}
				codec, beyond := codecOf(t, "cups128", "cups128"), bridge{door.Listen, dialect(t, "cups128")}
				if server.Address != "" && server.Kind == "long" {
					c, err := link.Open(&server, codec, func() {}, beyond, discard())
					if err != nil {
						t.Fatal(err)
					}
					c.Start()
					t.Cleanup(c.Close)
				} else {
					l, err := link.Serve(&server, codec, beyond, discard())
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						ctx, cancel := context.WithTimeout(context.Background(), time.Second)
						defer cancel()
						l.Close(ctx)
					})
				}
				r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "other", dialect: "cups128", link: client}},
					rules: []route.Rule{{BINs: []string{card1}, To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
				x := r.terminal("00000001", trade.Zone3DES)
				until(t, "the link", r.more[0].host.Up)
				q, answer := x.withdraw(card1, 12_300)
				if answer.String(39) != "00" {
					t.Fatalf("told %s: %+v", answer.String(39), r.eng.Hosts()[1])
				}
				if answer := x.do(x.about("0220", q, 12_300), true); answer.String(39) != "00" {
					t.Error("confirmation:", answer.String(39))
				}
				if answer := x.do(x.request("010000", card1, "999999", 100), true); answer.String(39) != "55" {
					t.Error("a wrong PIN:", answer.String(39))
				}
				r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
				lost, answer := x.withdraw(card1, 700)
				if answer.String(39) != "98" {
					t.Error("a silent host:", answer.String(39))
				}
				until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
				if one, other := r.txn(x, q), r.txn(x, lost); one.State != store.Confirmed || one.Host != "other" || other.State != store.Reversed || other.Host != "other" {
					t.Errorf("%+v\n%+v", one, other)
				}
				if v := r.bank.Check(); !v.OK || r.balance(card1) != 2_000_000-12_300 {
					t.Error(v, r.balance(card1))
				}
				if s := r.eng.Hosts()[1]; s.Answered < 3 || s.Link.Garbage+s.Link.Orphan > 0 {
					t.Error(fmt.Sprintf("%+v", s))
				}
			})
		}
	}
}
