package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestACommandGoesThroughItsStatesOnceOnEveryEngine(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := context.Background(), time.Now()
		add := func(id, state string, ends time.Duration) {
			t.Helper()
			if err := s.AddCommand(ctx, &Command{ID: id, Terminal: "T", Kind: "setCounts", Args: `{"units":{}}`, Note: "清点", State: state, By: "olga", Created: now, Expires: now.Add(ends)}); err != nil {
				t.Fatal(err)
			}
		}
		add("a", CommandProposed, time.Hour)
		add("b", CommandReady, -time.Second)
		add("c", CommandReady, time.Hour)
		if err := s.AgreeCommand(ctx, "a", "olga", now); !errors.Is(err, ErrState) {
			t.Error("one person agrees with herself:", err)
		}
		if err := s.AgreeCommand(ctx, "a", "otto", now); err != nil {
			t.Error(err)
		}
		for range 2 {
			due, err := s.DueCommands(ctx, "T", now)
			if err != nil || len(due) != 2 || due[0].ID != "a" || due[1].ID != "c" || due[0].State != CommandSent || due[0].Second != "otto" {
				t.Errorf("%+v %v", due, err)
			}
		}
		if err := s.WithdrawCommand(ctx, "c", "olga", now); !errors.Is(err, ErrState) {
			t.Error(err)
		}
		if err := s.CommandResult(ctx, "T2", "a", true, "", now); !errors.Is(err, ErrState) {
			t.Error("another terminal's word counts:", err)
		}
		if err := s.CommandResult(ctx, "T", "a", false, "no", now); err != nil {
			t.Error(err)
		}
		if err := s.CommandResult(ctx, "T", "a", true, "", now); !errors.Is(err, ErrState) {
			t.Error("a second word counts:", err)
		}
		all, err := s.Commands(ctx, "T", 9)
		if err != nil || len(all) != 3 || all[2].State != CommandFailed || all[2].Result != "no" || all[1].State != CommandExpired || all[0].State != CommandSent {
			t.Errorf("%+v %v", all, err)
		}
	})
}
