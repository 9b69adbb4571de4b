package bus

import (
	"crypto/tls"
	"fmt"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Access is how brokers and we know each other; the zero value: not at all.
type Access struct {
	TLS            *tls.Config // without ServerName: that of each broker
	Mechanism      string      // one of Mechanisms; empty: none
	User, Password string
}

// Mechanisms are the ways to sign in (SASL).
func Mechanisms() []string { return []string{"plain", "scram-sha-256", "scram-sha-512"} }

func (a Access) mechanism() (sasl.Mechanism, error) {
	switch a.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: a.User, Password: a.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, a.User, a.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, a.User, a.Password)
	}
	return nil, fmt.Errorf("bus: no mechanism %q", a.Mechanism)
}
