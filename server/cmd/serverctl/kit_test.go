package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zhigui/server/internal/store"
)

// bank is a server's folder, on which commands are run.
type bank struct {
	t        *testing.T
	dir, cfg string
}

// newBank makes a folder with a configuration and its people.
func newBank(t *testing.T, config string, people ...store.User) *bank {
	t.Helper()
	b := &bank{t: t, dir: t.TempDir()}
	b.cfg = filepath.Join(b.dir, "server.yaml")
	if err := os.WriteFile(b.cfg, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	st, _, err := open(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // everything is durable
	for _, u := range people {
		if err := st.AddUser(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// person has a password.
func person(name, role, branch, password string) store.User {
	hash, _ := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	return store.User{Name: name, Display: name, Role: role, Branch: branch, Hash: string(hash), Enabled: true, Created: time.Now()}
}

// do runs a command of two words with its arguments.
func (b *bank) do(input string, args ...string) (string, error) {
	var out bytes.Buffer
	stdin, stdout = strings.NewReader(input), &out
	defer func() { stdin, stdout = os.Stdin, os.Stdout }()
	err := run(append(args[:2:2], append([]string{"--config", b.cfg}, args[2:]...)...))
	return out.String(), err
}
