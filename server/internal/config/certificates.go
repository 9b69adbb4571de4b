package config

import "slices"

// Certificates are the files of certificates that the configuration names: ours and those that peers are believed by.
func (c *Config) Certificates() []string {
	out := []string{c.Access.CA, c.Access.Cert, c.Manage.Cert}
	if t := c.Cache.TLS; t != nil {
		out = append(out, t.CA, t.Cert)
	}
	for _, l := range c.links() {
		if l.TLS != nil {
			out = append(out, l.TLS.CA, l.TLS.Cert, l.TLS.EncCert)
		}
		if l.Signature != nil {
			out = append(out, l.Signature.Partner)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(f string) bool { return f == "" })
}
