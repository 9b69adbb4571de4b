package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"testing"
	"time"

	"zhigui/sim/peer"
)

func kafkaOf(t *testing.T, brokers []string, a Access) *Kafka {
	t.Helper()
	k, err := NewKafka(brokers, a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// A real broker that wants a certificate and a password: with both, messages go both ways; without one of them,
// none does.
func TestABrokerIsReachedOverTLSWithAPassword(t *testing.T) {
	b := peer.StartSecureKafka(t, "bank", "long-enough")
	pem, err := os.ReadFile(b.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	cert, err := tls.LoadX509KeyPair(b.Cert, b.Cert)
	if err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{cert}}
	for _, mechanism := range Mechanisms() {
		t.Run(mechanism, func(t *testing.T) {
			k := kafkaOf(t, []string{b.Secure}, Access{secure, mechanism, "bank", "long-enough"})
			var all, group taken
			for name, x := range map[string]*taken{"": &all, "g" + mechanism: &group} {
				stop, err := k.Subscribe(mechanism, name, x.take)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(stop)
			}
			until(t, "a message", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_ = k.Publish(ctx, mechanism, Message{Key: []byte("k"), Value: []byte("v")})
				return all.times("v") > 0 && group.times("v") > 0
			})
		})
	}
	for name, a := range map[string]Access{
		"a wrong password":    {secure, "plain", "bank", "guessed"},
		"a wrong one, SCRAM":  {secure, "scram-sha-512", "bank", "guessed"},
		"no password":         {TLS: secure},
		"no certificate":      {&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, "plain", "bank", "long-enough"},
		"an unknown broker's": {&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), Certificates: secure.Certificates}, "plain", "bank", "long-enough"},
		"no TLS":              {nil, "plain", "bank", "long-enough"},
	} {
		t.Run(name, func(t *testing.T) {
			k := kafkaOf(t, []string{b.Secure}, a)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := k.Publish(ctx, "plain", Message{Key: []byte("k"), Value: []byte("v")}); err == nil {
				t.Error("the broker took a message")
			}
		})
	}
	if _, err := NewKafka(nil, Access{Mechanism: "kerberos"}, nil); err == nil {
		t.Error("an unknown mechanism was taken")
	}
}
