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
)

// Attempts in a row lock a user for LockFor.
const (
	Attempts = 5
	LockFor  = 15 * time.Minute
)

// dummyHash is compared against when a user does not exist, so that both cases take as long.
var dummyHash, _ = bcrypt.GenerateFromPassword([]byte("no such user"), bcrypt.DefaultCost)

// Check verifies a password and counts the attempt.
func Check(ctx context.Context, st *store.Store, name, password string, now time.Time) (*store.User, error) {
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
