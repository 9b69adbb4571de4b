package mgmt

import (
	"context"
	"errors"
	"net/http"
	"time"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/identity"
	"zhigui/server/internal/store"
)

func userOf(u *store.User) api.User {
	x := api.User{Me: meOf(u), State: "off", Created: u.Created}
	switch {
	case u.Waiting:
		x.State, x.By = "waiting", u.By
	case u.First:
		x.State = "first"
	case u.Enabled:
		x.State = "on"
	}
	return x
}

func (s *Service) users(ctx context.Context, _ *struct{}) (*out[[]api.User], error) {
	if err := bank(ctx, "admin"); err != nil {
		return nil, err
	}
	us, err := s.st.Users(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.User, 0, len(us))
	for _, u := range us {
		list = append(list, userOf(u))
	}
	return done(list), nil
}

// addUser adds a person, who may sign in when a second administrator agrees, and then has to change the password: who
// could give somebody a password that stays could be the second person as well.
func (s *Service) addUser(ctx context.Context, in *struct{ Body api.NewUser }) (*out[api.User], error) {
	if err := bank(ctx, "admin"); err != nil {
		return nil, err
	}
	b := in.Body
	if !(&store.User{Role: b.Role, Branch: b.Branch}).Placed() {
		return nil, refuse(http.StatusBadRequest, code.BadRequest)
	}
	if _, err := s.st.User(ctx, b.Name); err == nil {
		return nil, refuse(http.StatusConflict, code.Conflict) // nobody's password is replaced here
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, s.fail(err)
	}
	if len(b.Password) > identity.MaxFirst { // in bytes
		return nil, s.unchecked(identity.ErrWeak)
	}
	hash, err := identity.Hash(b.Password)
	if err != nil {
		return nil, s.unchecked(err)
	}
	if b.Display == "" {
		b.Display = b.Name
	}
	u := &store.User{Name: b.Name, Display: b.Display, Role: b.Role, Branch: b.Branch, Hash: hash, Waiting: true, By: who(ctx).Name, Created: s.o.Now()}
	if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "user.add", Target: b.Name, Note: b.Role, At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	if err := s.st.AddUser(ctx, u); err != nil {
		return nil, s.fail(err)
	}
	return done(userOf(u)), nil
}

// agreeUser wants what the second administrator has seen: the first could put another person under the same name meanwhile.
// It answers the code without which the first password is none.
func (s *Service) agreeUser(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Body api.AgreeUser
}) (*out[api.AgreedUser], error) {
	var v api.AgreedUser
	err := s.ofUser(ctx, in.Name, func(ctx context.Context, u *store.User, by string, now time.Time) error {
		code, locked := identity.Lock(u.Hash)
		v.Code = code
		return s.st.AgreeUser(ctx, u.Name, in.Body.Role, in.Body.Branch, u.Hash, locked, by, now)
	})
	if err != nil {
		return nil, err
	}
	return done(v), nil
}

func (s *Service) withdrawUser(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
}) (*out[struct{}], error) {
	err := s.ofUser(ctx, in.Name, func(ctx context.Context, u *store.User, by string, now time.Time) error {
		return s.st.WithdrawUser(ctx, u.Name, by, now)
	})
	if err != nil {
		return nil, err
	}
	return done(struct{}{}), nil
}

// ofUser does what a second administrator, or the first, says of a person who waits.
func (s *Service) ofUser(ctx context.Context, name string, do func(ctx context.Context, u *store.User, by string, now time.Time) error) error {
	if err := bank(ctx, "admin"); err != nil {
		return err
	}
	u, err := s.st.User(ctx, name)
	if err != nil {
		return s.fail(err)
	}
	if err := do(ctx, u, who(ctx).Name, s.o.Now()); err != nil {
		return s.fail(err)
	}
	return nil
}
