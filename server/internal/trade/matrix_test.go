package trade_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// free is an address that nobody listens on, below the ports that the system gives to connections: one of
// those may be taken before its listener starts.
func free(t testing.TB) string {
	t.Helper()
	for range 200 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err == nil {
			defer l.Close() //nolint:errcheck // test
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// partner is a third party: one key for all its messages, one format, one carrier.
type partner struct {
	t        testing.TB
	d        *format.Dialect
	pik, mak *paycrypto.Key
	terminal string
	stan     int
	how      hsm.Practice
	send     func(msg, frame []byte) ([]byte, error) // answers the message
	beside   *beside
	sealed   *bankhost.Cipher // nil: nothing is encrypted
}

func (p *partner) sign(cover []byte) ([]byte, error) {
	return paycrypto.AppendMAC(nil, p.how.For(paycrypto.DES).MAC, p.mak, cover)
}

// ask sends one transaction and returns the answer, whose MAC is right.
func (p *partner) ask(typ, code, card string, amount int64) (*format.Transaction, error) {
	return p.exchange(p.asks(typ, code, card, amount))
}

// asks makes a transaction.
func (p *partner) asks(typ, code, card string, amount int64) *format.Transaction {
	p.stan++
	q := format.NewTransaction(typ)
	q.Values = map[string]string{"procCode": code, "pan": card, "stan": fmt.Sprintf("%06d", p.stan), "localTime": "154841", "localDate": "1122", "terminal": p.terminal,
		"merchant": merchant, "track2": card + "=3012101123456789"}
	if amount > 0 {
		q.Values["amount"], q.Values["currency"] = fmt.Sprintf("%012d", amount), "156"
	}
	b, err := paycrypto.EncodePIN(p.how.For(paycrypto.DES).PIN, []byte("123456"), []byte(card))
	if err != nil {
		p.t.Fatal(err)
	}
	b, _ = p.pik.ECB(nil, b, false)
	q.Values["pinBlock"] = string(b)
	return q
}

func (p *partner) exchange(q *format.Transaction) (*format.Transaction, error) {
	body, err := p.send(p.close(q))
	if err != nil {
		return nil, err
	}
	if p.sealed != nil && p.sealed.Body {
		if body, _, err = p.sealed.Open(p.sealed.Unbox(body)); err != nil {
			return nil, err
		}
	}
	a, seal, err := p.d.Unpack(body)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if mac, _ := p.sign(seal.Cover); p.d.HasMAC() && !seal.Equals(mac) && a.Values["response"] != "A0" {
		return nil, fmt.Errorf("the MAC of the answer is wrong")
	}
	for _, k := range []string{"stan", "terminal"} {
		if a.Values[k] != q.Values[k] {
			return nil, fmt.Errorf("asked with %s %s, answered with %s", k, q.Values[k], a.Values[k])
		}
	}
	return a, nil
}

// beside is what a partner says beside its messages, where the carrier has headers.
type beside struct {
	left string    // how long it waits; "": nothing
	at   time.Time // of a record
}

// carriers send a message the way a channel wants it.
func carry(t testing.TB, s link.Spec, d *format.Dialect, tc *tls.Config, say *beside) func(msg, frame []byte) ([]byte, error) {
	read := func(c net.Conn) ([]byte, error) {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return d.ReadFrame(bufio.NewReader(c), nil)
	}
	switch s.Kind {
	case "short", "long":
		return func(_, frame []byte) ([]byte, error) {
			c, err := net.Dial("tcp", s.Listen)
			if err != nil {
				return nil, err
			}
			defer c.Close() //nolint:errcheck // test
			if _, err := c.Write(frame); err != nil {
				return nil, err
			}
			if s.Kind == "short" && d.Frame.Endless() {
				_ = c.(*net.TCPConn).CloseWrite()
			}
			return read(c)
		}
	case "http", "soap":
		scheme, client := "http", &http.Client{Transport: &http.Transport{TLSClientConfig: tc, DisableKeepAlives: s.Short}}
		if tc != nil {
			scheme = "https"
		}
		t.Cleanup(client.CloseIdleConnections)
		return func(msg, _ []byte) ([]byte, error) {
			if s.Kind == "soap" {
				var b strings.Builder
				_ = xml.EscapeText(&b, msg)
				msg = fmt.Appendf(nil, `<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header/><S:Body><n:ask xmlns:n="urn:x">%s</n:ask></S:Body></S:Envelope>`, b.String())
			}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, scheme+"://"+s.Listen, bytes.NewReader(msg))
			if err != nil {
				return nil, err
			}
			if q.Header.Set("Content-Type", "text/plain"); say.left != "" {
				q.Header.Set("X-Time-Left", say.left)
			}
			r, err := client.Do(q)
			if err != nil {
				return nil, err
			}
			defer r.Body.Close() //nolint:errcheck // test
			body, err := io.ReadAll(r.Body)
			if r.StatusCode != 200 {
				return nil, fmt.Errorf("status %d: %s", r.StatusCode, body)
			}
			if s.Kind == "soap" {
				var e struct {
					Body struct {
						Call struct {
							Text string `xml:",chardata"`
						} `xml:",any"`
					} `xml:"Body"`
				}
				err = xml.Unmarshal(body, &e)
				body = []byte(e.Body.Call.Text)
			}
			return body, err
		}
	case "async", "simplex", "group":
		l, err := net.Listen("tcp", s.Address) // where the answers come
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		var in, out net.Conn
		t.Cleanup(func() {
			if in != nil {
				_, _ = in.Close(), out.Close()
			}
		})
		return func(_, frame []byte) ([]byte, error) {
			if s.Kind == "async" || in == nil {
				var err error
				until(t, "a listener", func() bool { // a link listens when it gets to it, and again after a failure
					out, err = net.Dial("tcp", s.Listen)
					return err == nil
				})
				if s.Kind != "async" {
					if in, err = l.Accept(); err != nil {
						return nil, err
					}
				}
			}
			if _, err := out.Write(frame); err != nil {
				return nil, err
			}
			if s.Kind != "async" {
				return read(in)
			}
			_ = out.Close()
			c, err := l.Accept()
			if err != nil {
				return nil, err
			}
			defer c.Close() //nolint:errcheck // test
			return read(c)
		}
	case "kafka":
		c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(s.Address, ",")...), kgo.ConsumeTopics(s.Answer), kgo.AllowAutoTopicCreation())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return func(msg, _ []byte) ([]byte, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			key := fmt.Appendf(nil, "%d", rand.Uint64())
			q := &kgo.Record{Topic: s.Request, Key: key, Value: msg, Timestamp: say.at}
			if say.left != "" {
				q.Headers = []kgo.RecordHeader{{Key: "time-left", Value: []byte(say.left)}}
			}
			if err := c.ProduceSync(ctx, q).FirstErr(); err != nil {
				return nil, err
			}
			for {
				f := c.PollFetches(ctx)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				for _, x := range f.Records() { // those of others, and of what was given up, pass by
					if bytes.Equal(x.Key, key) {
						return x.Value, nil
					}
				}
			}
		}
	}
	t.Fatalf("no carrier %s", s.Kind)
	return nil
}

// addPartner opens a channel for a partner and registers its terminal.
func (r *rig) addPartner(s link.Spec, dialect string, tc *tls.Config) *partner {
	r.t.Helper()
	d, err := format.Builtin(dialect)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.addPartnerOf(s, d, tc)
}

// addPartnerOf is addPartner for one with a dialect of its own.
func (r *rig) addPartnerOf(s link.Spec, d *format.Dialect, tc *tls.Config, cipher ...*link.Cipher) *partner {
	r.t.Helper()
	p := &partner{t: r.t, d: d, how: r.partnerHow, terminal: fmt.Sprintf("P%07d", len(r.lis))}
	pik, mak := []byte("PPPPPPPPqqqqqqqq"), []byte("MMMMMMMMnnnnnnnn")
	if err := r.hsm.Import("partner", paycrypto.DES, pik, mak); err != nil {
		r.t.Fatal(err)
	}
	p.pik, _ = paycrypto.NewKey(paycrypto.DES, pik)
	p.mak, _ = paycrypto.NewKey(paycrypto.DES, mak)
	codec := link.NewCodec(d, dialect(r.t, "pos64"))
	for _, c := range cipher {
		var err error
		if codec, err = codec.Encrypted(c, r.hsm, false); err != nil {
			r.t.Fatal(err)
		}
	}
	z, err := r.eng.NewChannel(trade.ChannelOptions{Name: "partner", Zone: "partner", Codec: codec, Keys: "partner", Practice: p.how, Keep: s.Kind == "long"})
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := link.Serve(&s, codec, z, discard())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		l.Close(ctx)
	})
	if err := r.st.AddTerminal(r.t.Context(), &store.Terminal{ID: p.terminal, Merchant: merchant, Branch: "0001", Zone: "partner", Enabled: true, Created: time.Now()}); err != nil {
		r.t.Fatal(err)
	}
	p.beside = &beside{}
	p.send = carry(r.t, s, d, tc, p.beside)
	return p
}

// The combinations of the reference document (PT-06) and every other carrier, as client and as server.
// req: AP-08 PT-04 PT-05 PT-06 TX-02 TX-03 TX-04 TX-05 TX-06 TX-07 TX-08 TX-09
func TestEveryFormatGoesByEveryCarrier(t *testing.T) {
	certs := t.TempDir()
	server, client := certificates(t, certs)
	tlsOf := &link.TLS{CA: filepath.Join(certs, "ca.pem"), Cert: filepath.Join(certs, "cert.pem"), Key: filepath.Join(certs, "key.pem"), Name: "localhost"}
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "q", "a", "bank.q", "bank.a"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	broker := kafka.ListenAddrs()[0]
	for _, c := range []struct {
		in, inDialect   string
		out, outDialect string
		tls, short      bool
	}{
		{"http", "corexml", "http", "corexml", false, false},
		{"http", "corejson", "http", "corejson", false, false},
		{"http", "corejson", "http", "corejson", true, true}, // to https
		{"short", "bank128", "short", "cups128", false, false},
		{"short", "corefixed", "short", "corefixed", false, false},
		{"short", "coredelimited", "short", "coredelimited", false, false},
		{"short", "bank128", "group", "cups128", false, false},
		{"short", "bank128", "long", "visa", false, false},
		{"short", "corejson", "long", "mastercard", false, false},
		{"short", "coresop", "short", "coresop", false, false},
		{"soap", "corejson", "soap", "corejson", false, false},
		{"async", "corefixed", "async", "coredelimited", false, false},
		{"simplex", "corexml", "long", "corexml", false, false},
		{"group", "bank128", "group", "cups128", false, false},
		{"long", "coredelimited", "http", "corexml", false, false},
		{"kafka", "corejson", "kafka", "corejson", false, false},
	} {
		name := c.in + "+" + c.inDialect + " to " + c.out + "+" + c.outDialect
		if c.tls {
			name += " with TLS"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			door := bankhost.Door{Kind: c.out, Dialect: c.outDialect, Listen: free(t), Count: 2}
			spec := link.Spec{Kind: c.out, Address: door.Listen, Count: 2, Short: c.short}
			in := link.Spec{Kind: c.in, Listen: free(t), Short: c.short}
			var tc *tls.Config
			switch c.out {
			case "group", "async":
				spec.Listen = free(t)
				door.Address = spec.Listen
			case "http", "soap":
				spec.Address = "http://" + door.Listen + "/"
			case "kafka":
				door.Address, door.Request, door.Answer = broker, "bank.q", "bank.a"
				spec = link.Spec{Kind: "kafka", Address: broker, Request: "bank.q", Answer: "bank.a"}
			}
			switch c.in {
			case "async", "simplex", "group":
				in.Address = free(t)
			case "kafka":
				in = link.Spec{Kind: "kafka", Address: broker, Request: "q", Answer: "a"}
			case "http", "soap":
				in.Listen += "/trade"
			}
			if c.tls {
				door.TLS, tc = server, client
				spec.TLS, in.TLS = tlsOf, tlsOf
				spec.Address = "https://" + door.Listen + "/"
			}
			r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "other", dialect: c.outDialect, link: spec}},
				rules: []route.Rule{{Channels: []string{"partner"}, To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
			p := r.addPartner(in, c.inDialect, tc)
			until(t, "the link", r.more[0].host.Up)
			a, err := p.ask("0200", "000000", card1, 12345)
			if err != nil || a.Type != "0210" || a.Values["response"] != "00" || a.Values["amount"] != "000000012345" {
				t.Fatalf("%v %+v", err, a)
			}
			if a, err := p.ask("0200", "000000", card2, 999999); err != nil || a.Values["response"] != "51" {
				t.Errorf("more than there is: %v %+v", err, a)
			}
			if a, err := p.ask("0200", "999999", card2, 0); err != nil || a.Values["response"] != "12" {
				t.Errorf("no such product: %v %+v", err, a)
			}
			if got := 2_000_000 - r.balance(card1); got != 12345 {
				t.Errorf("booked %d", got)
			}
			r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
			if a, err := p.ask("0200", "000000", card1, 777); err != nil || a.Values["response"] != "98" {
				t.Errorf("a silent host: %v %+v", err, a)
			}
			until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
			if v := r.bank.Check(); !v.OK || r.balance(card1) != 2_000_000-12345 {
				t.Error(v, r.balance(card1))
			}
			txns, n, err := r.st.Search(t.Context(), store.Search{Terminal: p.terminal, Limit: 10})
			if err != nil || n != 3 || txns[2].State != store.Confirmed || txns[2].Host != "other" || txns[2].Channel != "partner" || txns[0].State != store.Reversed {
				t.Errorf("%v %d %+v", err, n, txns)
			}
			if s := r.eng.Hosts()[1]; s.Answered < 2 || s.Link.Garbage+s.Link.Orphan+s.Link.Late > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// certificates writes a CA and one certificate for localhost, and returns both sides' settings.
func certificates(t testing.TB, dir string) (server, client *tls.Config) {
	t.Helper()
	ca, cert, key, pool := pki(t)
	for name, data := range map[string][]byte{"ca.pem": ca, "cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
		&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}
