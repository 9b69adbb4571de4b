package mgmt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

// commandLasts is how long a command may wait for the second person and the terminal: what was
// meant for now is not done tomorrow.
const commandLasts = time.Hour

// kinds of commands: who may give them, whether a second person must agree, and what they need.
var kinds = map[string]struct {
	roles []string
	two   bool
	check func(a api.CommandArgs) bool
}{
	api.CommandSuspend:        {[]string{"operator", "admin"}, false, nothing},
	api.CommandResume:         {[]string{"operator", "admin"}, false, nothing},
	api.CommandPreviousBundle: {[]string{"admin"}, false, nothing},
	api.CommandBoxEmptied:     {[]string{"operator", "admin"}, true, nothing},
	api.CommandLoadKey:        {[]string{"operator", "admin"}, true, nothing},
	api.CommandSetCounts: {[]string{"operator", "admin"}, true, func(a api.CommandArgs) bool {
		units := len(a.Units)
		a.Units = nil
		return units > 0 && nothing(a)
	}},
	api.CommandResolve: {[]string{"operator", "admin"}, true, func(a api.CommandArgs) bool {
		return a.Txn != "" && a.Units == nil && (a.Paid == nil) != (a.Handed == nil)
	}},
}

func nothing(a api.CommandArgs) bool {
	return a.Txn == "" && a.Paid == nil && a.Handed == nil && a.Units == nil
}

// commandArgs are a command's arguments as the terminal takes them.
type commandArgs struct {
	Txn    string                 `json:"txn,omitempty"`
	Paid   *int64                 `json:"paid,omitempty"`
	Handed *bool                  `json:"handed,omitempty"`
	Units  map[string]countedUnit `json:"units,omitempty"`
}

type countedUnit struct {
	Currency string `json:"currency"`
	Value    int64  `json:"value"`
	Count    int    `json:"count"`
	Initial  int    `json:"initial"`
}

func commandOf(c *store.Command, now time.Time) api.Command {
	v := api.Command{ID: c.ID, Kind: c.Kind, Note: c.Note, State: c.State, By: c.By, Second: c.Second, Result: c.Result, Created: c.Created, Expires: c.Expires, Updated: c.Updated}
	var a commandArgs
	_ = json.Unmarshal([]byte(c.Args), &a)
	v.Args = api.CommandArgs{Txn: a.Txn, Paid: a.Paid, Handed: a.Handed}
	for id, u := range a.Units {
		if v.Args.Units == nil {
			v.Args.Units = map[string]api.CommandUnit{}
		}
		v.Args.Units[id] = api.CommandUnit{Currency: u.Currency, Value: u.Value, Count: u.Count}
	}
	if (c.State == store.CommandProposed || c.State == store.CommandReady) && !c.Expires.After(now) {
		v.State = store.CommandExpired
	}
	return v
}

// terminal looks for a terminal in the branch of who asks.
func (s *Service) terminal(ctx context.Context, id string) error {
	t, err := s.st.Terminal(ctx, id)
	if err != nil {
		return s.missing(ctx, err)
	}
	return within(ctx, t.Branch)
}

func (s *Service) commands(ctx context.Context, in *terminalIn) (*out[[]api.Command], error) {
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	cs, err := s.st.Commands(ctx, in.ID, 50)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Command, 0, len(cs))
	for _, c := range cs {
		list = append(list, commandOf(c, s.o.Now()))
	}
	return done(list), nil
}

// command gives a terminal a command, or proposes one that a second person must agree to.
func (s *Service) command(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.NewCommand
}) (*out[api.Command], error) {
	k, ok := kinds[in.Body.Kind]
	if !ok || !k.check(in.Body.Args) {
		return nil, refuse(http.StatusBadRequest, code.BadRequest)
	}
	if err := allow(ctx, k.roles...); err != nil {
		return nil, err
	}
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	a := commandArgs{Txn: in.Body.Args.Txn, Paid: in.Body.Args.Paid, Handed: in.Body.Args.Handed}
	for id, u := range in.Body.Args.Units {
		if a.Units == nil {
			a.Units = map[string]countedUnit{}
		}
		a.Units[id] = countedUnit{u.Currency, u.Value, u.Count, u.Count}
	}
	args, err := json.Marshal(a)
	if err != nil {
		return nil, s.fail(err)
	}
	now := s.o.Now().UTC()
	c := &store.Command{ID: rand.Text(), Terminal: in.ID, Kind: in.Body.Kind, Args: string(args), Note: in.Body.Note, State: store.CommandReady, By: who(ctx).Name,
		Created: now, Expires: now.Add(commandLasts), Updated: now}
	if k.two {
		c.State = store.CommandProposed
	}
	if err := s.st.AddCommand(ctx, c); err != nil {
		return nil, s.fail(err)
	}
	s.o.Broker.Publish("command", in.ID)
	return done(commandOf(c, now)), nil
}

type commandIn struct {
	ID      string `path:"id"`
	Command string `path:"command"`
}

// agree is the second person's word.
func (s *Service) agree(ctx context.Context, in *commandIn) (*out[api.Command], error) {
	return s.change(ctx, in, func(c *store.Command) error {
		err := s.st.AgreeCommand(ctx, c.ID, who(ctx).Name, s.o.Now())
		if errors.Is(err, store.ErrState) && c.State == store.CommandProposed && c.By == who(ctx).Name {
			return refuse(http.StatusConflict, code.SecondPersonNeeded)
		}
		return err
	})
}

// withdraw ends a command that the terminal was not sent yet.
func (s *Service) withdraw(ctx context.Context, in *commandIn) (*out[api.Command], error) {
	return s.change(ctx, in, func(c *store.Command) error {
		return s.st.WithdrawCommand(ctx, c.ID, who(ctx).Name, s.o.Now())
	})
}

func (s *Service) change(ctx context.Context, in *commandIn, f func(c *store.Command) error) (*out[api.Command], error) {
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	c, err := s.st.Command(ctx, in.Command)
	if err == nil && c.Terminal != in.ID {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, s.fail(err)
	}
	if err := allow(ctx, kinds[c.Kind].roles...); err != nil {
		return nil, err
	}
	var refused *problem
	if err := f(c); errors.As(err, &refused) {
		return nil, err
	} else if err != nil {
		return nil, s.fail(err)
	}
	if c, err = s.st.Command(ctx, in.Command); err != nil {
		return nil, s.fail(err)
	}
	s.o.Broker.Publish("command", in.ID)
	return done(commandOf(c, s.o.Now())), nil
}
