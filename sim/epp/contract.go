package epp

import (
	"encoding/pem"

	"zhigui/server/api/keyload"
)

// Offer starts a key exchange and answers what the pad said as the access API takes it.
func (p *Pad) Offer() (keyload.Offer, error) {
	o, err := p.StartKeyExchange()
	out := keyload.Offer{Serial: o.Serial, Nonce: o.Nonce, Held: keyload.Held{Last: o.Last, KCV: o.KCV}, Signature: o.Signature}
	for _, der := range p.certs {
		if der != nil {
			out.Certificates = append(out.Certificates, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
	}
	return out, err
}

// Statement is the pad's proof as the access API takes it.
func (p *Pad) Statement() (keyload.Proof, error) {
	o, err := p.Proof()
	return keyload.Proof{Serial: o.Serial, Held: keyload.Held{Last: o.Last, KCV: o.KCV}, Signature: o.Signature}, err
}
