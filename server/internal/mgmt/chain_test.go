package mgmt_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
)

func chain(cn string) [][]*x509.Certificate {
	return [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: cn}}}}
}
