package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"zhigui/server/internal/identity"
	"zhigui/server/internal/store"
)

// program stands in the audit trail for whoever may run programs here, where no person signs in.
const program = "serverctl"

// byPerson signs in who --by names, with the password on the first line of standard input, and answers who it is:
// program when nobody is named.
func byPerson(st *store.Store, name string) (string, error) {
	if name == "" {
		return program, nil
	}
	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return name, signIn(st, name, strings.TrimSpace(line))
}

// signIn checks that a person of head office with the role admin or operator is who speaks.
func signIn(st *store.Store, name, password string) error {
	u, err := identity.Check(context.Background(), st, name, password, time.Now())
	if err != nil {
		return err
	}
	if branch, ok := u.Scope(); u.Role != "admin" && u.Role != "operator" || !ok || branch != "" {
		return errors.New("this is for the roles admin and operator of head office")
	}
	return nil
}
