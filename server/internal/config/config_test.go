package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsNameFileLineAndColumn(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":                         {"data: x\nhosts:\n- adress: a:1\n", "c.yaml:3:3: "},
		"a wrong type":                           {"hosts:\n- link: {count: many}\n", "c.yaml:2:17: "},
		"a wrong value":                          {"hosts:\n- name: a\n  zone: rsa\n  link: {kind: long, address: 'a:1'}\n", "c.yaml:3:9: hosts[0].zone: want 3des, sm4 or aes"},
		"a wrong link":                           {"hosts:\n- name: a\n  link: {kind: pigeon}\n", "c.yaml:3:16: hosts[0].link.kind: want long"},
		"no way there":                           {"hosts:\n- name: a\n  link: {kind: group, address: 'a:1'}\n", "hosts[0].link.listen: want host:port"},
		"nowhere to dial":                        {"hosts:\n- name: a\n  link: {kind: short}\n", "c.yaml:3:9: hosts[0].link.address: want host:port"},
		"a port that is none":                    {"hosts:\n- name: a\n  link: {kind: short, address: 'a:99999'}\n", "c.yaml:3:32: hosts[0].link.address: want host:port"},
		"a path without http":                    {"channels:\n- name: a\n  dialect: corejson\n  link: {kind: short, listen: 'a:80/pay'}\n", "c.yaml:4:31: channels[0].link.listen: want host:port"},
		"a time without its unit":                {"trade: {hostTimeout: 10}\n", "c.yaml:1:22: want a time with its unit"},
		"a lost channel":                         {"routes:\n- {channels: [moon], to: [{host: core}]}\n", "c.yaml:2:15: routes[0].channels[0]: \"moon\" is no channel"},
		"a wrong route":                          {"routes:\n- to: [{host: moon}]\n", "c.yaml:2:1: routes: rule 0: \"moon\" is no host; hosts are core"},
		"no module":                              {"hsm: {kind: cloud}\n", "c.yaml:1:13: hsm.kind: want soft or tcp"},
		"a partner for the bank's own terminals": {"channels:\n- name: t\n  dialect: corejson\n  zone: sm4\n  keys: t\n  link: {kind: short, listen: 'a:1'}\n", "c.yaml:4:9: channels[0].zone: is that of terminals"},
		"a MAC that there is not":                {"hosts:\n- name: a\n  mac: md5\n  link: {kind: long, address: 'a:1'}\n", "c.yaml:3:8: hosts[0].mac: want x9.9,"},
		"a MAC of other keys":                    {"hosts:\n- name: a\n  zone: sm4\n  mac: x9.9\n  link: {kind: long, address: 'a:1'}\n", "c.yaml:4:8: hosts[0].mac: x9.9 cannot be made with sm4 keys"},
		"a PIN block of other keys":              {"channels:\n- name: t\n  dialect: corejson\n  keys: t\n  alg: sm4\n  pinBlock: iso3\n  link: {kind: short, listen: 'a:1'}\n", "c.yaml:6:13: channels[0].pinBlock: iso3 cannot stand under sm4 keys"},
		"a PIN block that ISO 9564 bans":         {"hosts:\n- name: a\n  pinBlock: iso1\n  link: {kind: long, address: 'a:1'}\n", "c.yaml:3:13: hosts[0].pinBlock: ISO 9564-1 lets no PIN block"},
		"a digest that is broken":                {"hosts:\n- name: a\n  link: {kind: http, address: 'http://a/', signature: {alg: rsaMd5, owner: o, partner: p}}\n", "is for partners that have nothing else: say legacy: true"},
		"a cipher without keys":                  {"hosts:\n- name: a\n  link: {kind: long, address: 'a:1'}\n  cipher: {body: true}\n", "hosts[0].cipher.owner: is missing"},
		"terminals with a partner's cipher":      {"channels:\n- name: t\n  dialect: pos64\n  zone: 3des\n  link: {kind: short, listen: 'a:1'}\n  cipher: {owner: o, body: true}\n", "channels[0].cipher: is for partners"},
		"TLS on the embedded bus":                {"hosts:\n- name: a\n  link: {kind: bus, request: q, answer: a, tls: {ca: x}}\n", "c.yaml:3:49: hosts[0].link.tls: is for links that leave this process"},
		"TLCP to a broker":                       {"hosts:\n- name: a\n  link: {kind: kafka, address: 'a:1', request: q, answer: a, tls: {ca: x, kind: tlcp}}\n", "hosts[0].link.tls.kind: want tls"},
		"a password in the clear":                {"hosts:\n- name: a\n  link: {kind: kafka, address: 'a:1', request: q, answer: a, sasl: {mechanism: plain, user: u, password: f}}\n", "hosts[0].link.sasl.mechanism: plain sends"},
		"a sign-in that there is not":            {"hosts:\n- name: a\n  link: {kind: kafka, address: 'a:1', request: q, answer: a, sasl: {mechanism: oauth}}\n", "hosts[0].link.sasl.mechanism: want plain,"},
		"a block that the module has not":        {"hsm: {kind: tcp, address: 'a:1'}\nchannels:\n- name: t\n  dialect: corejson\n  keys: t\n  pinBlock: x9.8\n  link: {kind: short, listen: 'a:1'}\n", "channels[0].pinBlock: the security module"},
		"one of two channels with bound blocks":  {"hosts:\n- name: a\n  pinBlock: iso1\n  link: {kind: long, address: 'a:1'}\nchannels:\n- {name: p, dialect: corejson, keys: t, pinBlock: iso1, link: {kind: short, listen: 'a:1'}}\n- {name: q, dialect: corejson, keys: u, link: {kind: short, listen: 'a:2'}}\n", "those of channel q come here"},
		"no Redis":                               {"cache: {kind: redis}\n", "cache.addresses: want host:port of a Redis"},
		"a cache of one's own making":            {"cache: {kind: memcached}\n", "c.yaml:1:15: cache.kind: want memory, redis, sentinel, cluster or none"},
		"sentinels without a master":             {"cache: {kind: sentinel, addresses: ['a:1']}\n", "cache.master: is the name"},
		"a log that goes too soon":               {"logs: {folder: logs, keepDays: 183}\n", "logs.keepDays: want 184 at least"},
		"a log file that is too large":           {"logs: {folder: logs, fileMB: 301}\n", "logs.fileMB: want 1 to 300"},
		"a book with a platform's name":          {"books:\n- {name: cups, format: a.yaml}\n", "c.yaml:2:10: books[0].name: want a short name of its own"},
		"a book without a file":                  {"books:\n- {name: acme, format: csv}\n", "c.yaml:2:24: books[0].format: want the file of a dialect"},
		"bare keys in the AES zone":              {"hosts:\n- name: a\n  zone: aes\n  kek: bank\n  newKeys: bare\n  link: {kind: long, address: 'a:1'}\n", "c.yaml:5:12: hosts[0].newKeys: bare keys want a kek, and the zone 3des or sm4"},
		"a book of nobody":                       {"books:\n- {name: acme, format: a.yaml, of: terminals}\n", "books[0].of: \"terminals\" is no host, and no channel of a partner"},
		"no port":                                {"channels:\n- name: t\n  dialect: pos64\n  link: {kind: short, listen: here}\n", "c.yaml:4:31: channels[0].link.listen: want host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			p := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(p, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestABooksFormatIsBesideTheConfiguration(t *testing.T) {
	p := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(p, []byte("books:\n- {name: acme, format: books/acme.yaml, of: core}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(p); err != nil || c.Books[0].Format != filepath.Join(filepath.Dir(p), "books/acme.yaml") || len(c.PartnerNames()) != 0 {
		t.Fatal(c, err)
	}
}

func TestAnEmptyFileGivesTheDefaultsWithPathsBesideIt(t *testing.T) {
	p := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(p, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(p)
	if err != nil || c.Data != filepath.Join(filepath.Dir(p), "run/server") || c.Channels[0].Link.Listen != "127.0.0.1:7583" || c.Hosts[0].Owner != "core" {
		t.Fatal(c, err)
	}
}
