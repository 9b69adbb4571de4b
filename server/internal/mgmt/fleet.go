package mgmt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"zhigui/keeper/api/release"
	"zhigui/server/api/access"
	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

func age(now, at time.Time) int64 {
	if at.IsZero() {
		return -1
	}
	return max(0, int64(now.Sub(at)/time.Second))
}

func (s *Service) terminals(ctx context.Context, _ *struct{}) (*out[[]api.Terminal], error) {
	branch, err := scope(ctx)
	if err != nil {
		return nil, err
	}
	ts, err := s.st.Terminals(ctx, branch)
	if err != nil {
		return nil, s.fail(err)
	}
	live, err := s.st.Statuses(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	now := s.o.Now()
	list := make([]api.Terminal, 0, len(ts))
	for _, t := range ts {
		v := api.Terminal{ID: t.ID, Branch: t.Branch, NameZH: t.NameZH, NameEN: t.NameEN, Zone: t.Zone, Enabled: t.Enabled, AgeSeconds: -1,
			Modules: []api.Module{}, Cash: []api.CashUnit{}}
		if b, err := s.st.Assigned(ctx, t.ID); err == nil {
			v.Assigned = b.Digest
		}
		if x := live[t.ID]; x != nil {
			v.State, v.Lease, v.Bundle, v.Version, v.Outbox = x.State, x.Lease, x.Bundle, x.Version, x.Outbox
			v.AgeSeconds = age(now, x.Received)
			v.Online = v.AgeSeconds < 30
			var ms []access.Module
			var cs []access.CashUnit
			_ = json.Unmarshal([]byte(x.Modules), &ms)
			_ = json.Unmarshal([]byte(x.Cash), &cs)
			for _, m := range ms {
				v.Modules = append(v.Modules, api.Module{Name: m.Name, Model: m.Model, Status: m.Status, Detail: m.Detail, AgeSeconds: age(now, m.At)})
			}
			for _, c := range cs {
				v.Cash = append(v.Cash, api.CashUnit{ID: c.ID, Kind: c.Kind, Amount: c.Amount, Currency: c.Currency, Value: c.Value, Count: c.Count, Initial: c.Initial, Rejected: c.Rejected, Status: c.Status, AgeSeconds: age(now, c.At)})
			}
		}
		list = append(list, v)
	}
	return done(list), nil
}

func (s *Service) alarms(ctx context.Context, in *struct {
	All bool `query:"all"`
}) (*out[[]api.Alarm], error) {
	branch, err := scope(ctx)
	if err != nil {
		return nil, err
	}
	as, err := s.st.Alarms(ctx, branch, in.All, 500)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Alarm, 0, len(as))
	for _, a := range as {
		list = append(list, api.Alarm{Terminal: a.Terminal, ID: a.ID, Code: a.Code, Severity: a.Severity, Module: a.Module, Detail: a.Detail, At: a.At, Cleared: a.Cleared})
	}
	return done(list), nil
}

func bundleOf(b *store.Bundle) api.Bundle {
	v := api.Bundle{Digest: b.Digest, Name: b.Name, Version: b.Version, Size: b.Size, By: b.By, Created: b.Created}
	if m, err := release.Parse(b.Manifest); err == nil {
		v.Files = len(m.Files)
	}
	return v
}

func (s *Service) bundles(ctx context.Context, _ *struct{}) (*out[[]api.Bundle], error) {
	bs, err := s.st.Bundles(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Bundle, 0, len(bs))
	for _, b := range bs {
		list = append(list, bundleOf(b))
	}
	return done(list), nil
}

// upload takes a .tar.gz, checks signature and every file, and keeps it under its digest.
func (s *Service) upload(ctx context.Context, in *struct {
	RawBody []byte `contentType:"application/gzip"`
}) (*out[api.Bundle], error) {
	if err := bank(ctx, "admin"); err != nil {
		return nil, err
	}
	if s.o.Release == nil {
		return nil, refuse(http.StatusConflict, code.UploadsClosed)
	}
	a, err := release.Read(bytes.NewReader(in.RawBody), s.o.Release)
	if err != nil {
		return nil, &problem{status: http.StatusBadRequest, Code: code.BundleInvalid, Message: err.Error()}
	}
	if err := keep(s.o.Bundles, a.Digest, in.RawBody); err != nil {
		return nil, s.fail(err)
	}
	b := &store.Bundle{Digest: a.Digest, Name: a.Manifest.Name, Version: a.Manifest.Version, Size: a.Size, Manifest: a.Text, Signature: a.Signature,
		By: who(ctx).Name, Created: s.o.Now()}
	if err := s.st.AddBundle(ctx, b); err != nil {
		return nil, s.fail(err)
	}
	s.o.Broker.Publish("bundle", a.Digest)
	return done(bundleOf(b)), nil
}

// keep writes an archive durably: a new file, fsync, rename, fsync of the folder.
func keep(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".upload-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone after the rename
	_, err = io.Copy(f, bytes.NewReader(data))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type terminalIn struct {
	ID string `path:"id"`
}

func (s *Service) history(ctx context.Context, in *terminalIn) (*out[[]api.Assignment], error) {
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	as, err := s.st.Assignments(ctx, in.ID)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Assignment, 0, len(as))
	for _, a := range as {
		v := api.Assignment{Digest: a.Digest, By: a.By, Created: a.Created}
		if b, err := s.st.Bundle(ctx, a.Digest); err == nil {
			v.Name, v.Version = b.Name, b.Version
		}
		list = append(list, v)
	}
	return done(list), nil
}

func (s *Service) assign(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.Assign
}) (*out[[]api.Assignment], error) {
	if err := allow(ctx, "admin"); err != nil {
		return nil, err
	}
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.give(ctx, in.ID, in.Body.Digest)
}

func (s *Service) give(ctx context.Context, terminal, digest string) (*out[[]api.Assignment], error) {
	if err := s.st.Assign(ctx, store.Assignment{Terminal: terminal, Digest: digest, By: who(ctx).Name, Created: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	s.o.Broker.Publish("terminal", terminal)
	return s.history(ctx, &terminalIn{terminal})
}

// back assigns the bundle that was assigned before the current one.
func (s *Service) back(ctx context.Context, in *terminalIn) (*out[[]api.Assignment], error) {
	if err := allow(ctx, "admin"); err != nil {
		return nil, err
	}
	if err := s.terminal(ctx, in.ID); err != nil {
		return nil, err
	}
	as, err := s.st.Assignments(ctx, in.ID)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, a := range as[min(1, len(as)):] {
		if a.Digest != as[0].Digest {
			return s.give(ctx, in.ID, a.Digest)
		}
	}
	return nil, refuse(http.StatusConflict, code.Conflict)
}
