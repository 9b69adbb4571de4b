// Package identity checks who a person is: name and password, with a lock after failures. The
// management API and the terminals' API use it, so that a password tried at a counter counts
// like one tried at the console.
package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zhigui/server/internal/store"
)

// Errors of Check; any other is the store's.
var (
	ErrWrong  = errors.New("name or password is wrong")
	ErrLocked = errors.New("locked after too many failures")
	ErrFirst  = errors.New("the password is the first one, which somebody else chose: sign in to the console or the Pad and change it")
	ErrWeak   = errors.New("a new password has 8 to 72 bytes and is another one")
)

// Of a password, in bytes: the most is bcrypt's.
const (
	MinPassword = 8
	MaxPassword = 72
)

// Attempts in a row lock a user for LockFor.
const (
	Attempts = 5
	LockFor  = 15 * time.Minute
)

// dummyHash is compared against when a user does not exist, so that both cases take as long.
var dummyHash, _ = bcrypt.GenerateFromPassword([]byte("no such user"), bcrypt.DefaultCost)

// Hash is what is kept of a password. ErrWeak: it is too short or too long.
func Hash(password string) (string, error) {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return "", ErrWeak
	}
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(h), nil
}

// Change gives a person another password, the first one's owner among them, when the one that was is right. Open
// sessions of the person end.
func Change(ctx context.Context, st *store.Store, name, password, to string, now time.Time) (*store.User, error) {
	u, err := check(ctx, st, name, password, now)
	if err != nil {
		return nil, err
	}
	if to == password {
		return nil, ErrWeak
	}
	hash, err := Hash(to)
	if err != nil {
		return nil, err
	}
	if err := st.SetPassword(ctx, name, u.Hash, hash, now); errors.Is(err, store.ErrState) {
		return nil, ErrWrong // it was changed this moment
	} else if err != nil {
		return nil, fmt.Errorf("change a password: %w", err)
	}
	return u, nil
}

// Check verifies a password and counts the attempt. ErrFirst: it is right, and opens nothing before it is changed.
func Check(ctx context.Context, st *store.Store, name, password string, now time.Time) (*store.User, error) {
	u, err := check(ctx, st, name, password, now)
	if err == nil && u.First {
		return nil, ErrFirst
	}
	return u, err
}

func check(ctx context.Context, st *store.Store, name, password string, now time.Time) (*store.User, error) {
	u, err := st.User(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("look the user up: %w", err)
	}
	if err != nil {
		_ = bcrypt.CompareHashAndPassword(dummyHash, []byte(password)) // only for the time it takes
		return nil, ErrWrong
	}
	if u.LockedUntil.After(now) {
		return nil, ErrLocked
	}
	ok := bcrypt.CompareHashAndPassword([]byte(u.Hash), []byte(password)) == nil && u.Enabled
	if err := st.SignedIn(ctx, name, ok, Attempts, now.Add(LockFor)); err != nil {
		return nil, fmt.Errorf("count the attempt: %w", err)
	}
	if !ok {
		return nil, ErrWrong
	}
	return u, nil
}
