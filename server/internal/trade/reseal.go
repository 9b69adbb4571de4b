package trade

import (
	"context"
	"fmt"

	"zhigui/server/internal/store"
)

// Sealer seals with the newest data key and knows what is under an older one; a hsm.Vault does.
type Sealer interface {
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
	Stale(sealed []byte) bool
}

// Reseal seals the stored messages that are under an older data key with the newest one, while
// transactions go on. It answers how many transactions had some.
func Reseal(ctx context.Context, st *store.Store, v Sealer) (int64, error) {
	one := func(id int64, what string, sealed []byte) ([]byte, error) {
		if sealed == nil || !v.Stale(sealed) {
			return nil, nil
		}
		plain, err := v.Open(nil, sealed, aadOf(id, what))
		if err != nil {
			return nil, fmt.Errorf("trade: %s of %d: %w", what, id, err)
		}
		defer clear(plain)
		return v.Seal(nil, plain, aadOf(id, what)), nil
	}
	return st.ResealAll(ctx, func(r store.Resealed) (n store.Resealed, err error) {
		if n.Request, err = one(r.ID, "request", r.Request); err == nil {
			n.Answer, err = one(r.ID, "answer", r.Answer)
		}
		return n, err
	})
}
