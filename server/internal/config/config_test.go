package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsNameFileLineAndColumn(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key": {"data: x\nhost:\n  adress: a:1\n", "c.yaml:3:3: "},
		"a wrong type":   {"host:\n  links: many\n", "c.yaml:2:10: "},
		"a wrong value":  {"host:\n  zone: rsa\n", "c.yaml:2:9: host.zone: want 3des or sm4"},
		"no module":      {"hsm: {kind: cloud}\n", "c.yaml:1:13: hsm.kind: want soft or tcp"},
		"no port":        {"trade:\n  listenSM4: here\n", "c.yaml:2:14: trade.listenSM4"},
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

func TestAnEmptyFileGivesTheDefaultsWithPathsBesideIt(t *testing.T) {
	p := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(p, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(p)
	if err != nil || c.Data != filepath.Join(filepath.Dir(p), "run/server") || c.Trade.Listen3DES != "127.0.0.1:7583" {
		t.Fatal(c, err)
	}
}
