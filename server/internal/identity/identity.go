// Package identity checks who a person is: name and password, with a lock after failures. The
// management API and the terminals' API use it, so that a password tried at a counter counts
// like one tried at the console.
package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
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
	MaxFirst    = MaxPassword - codeLength // of a first one, which a code follows
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

// Lock adds a second person's half to a first password: who signs in with it types the password and the code after it.
// So neither who added a person nor who agreed can sign in before that person, who has one half of each. locked is what
// is kept, at most 100 characters; the code is told once.
func Lock(hash string) (code, locked string) {
	b := make([]byte, codeLength)
	_, _ = rand.Read(b) // it does not fail
	for i := range b {
		b[i] = codeLetters[b[i]%byte(len(codeLetters))]
	}
	return string(b), hash + "|" + half(hash, string(b))
}

// A code has 50 bits, no letter that looks like another, and may be typed in small ones.
const (
	codeLength  = 10
	codeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
)

func half(hash, code string) string {
	d := sha256.Sum256([]byte(hash + code))
	return hex.EncodeToString(d[:16])
}

// fits tells whether a password is the one that is kept.
func fits(kept, password string) bool {
	hash, lock, locked := strings.Cut(kept, "|")
	other := 1
	if locked {
		n := max(0, len(password)-codeLength)
		other = subtle.ConstantTimeCompare([]byte(half(hash, strings.ToUpper(password[n:]))), []byte(lock))
		password = password[:n]
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && other == 1
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
	ok := fits(u.Hash, password) && u.Enabled
	if err := st.SignedIn(ctx, name, ok, Attempts, now.Add(LockFor)); err != nil {
		return nil, fmt.Errorf("count the attempt: %w", err)
	}
	if !ok {
		return nil, ErrWrong
	}
	return u, nil
}
