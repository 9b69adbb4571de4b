package mgmt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"zhigui/server/api/code"
	"zhigui/server/api/message/format"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/durable"
	"zhigui/server/internal/store"
)

// OwnFormat is a format that the configuration loaded from a file, as it was at the start: what runs.
type OwnFormat struct {
	Name, Path, YAML string
	Used             []string // hosts and channels
}

// draftName is what a file may be called by a format's name.
var draftName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$`)

func (s *Service) draftPath(name string) string { return filepath.Join(s.o.Drafts, name+".yaml") }

func digestOf(text []byte) string {
	d := sha256.Sum256(text)
	return hex.EncodeToString(d[:])
}

// formats lists the platform's formats, those of this server's configuration and the drafts.
func (s *Service) formats(ctx context.Context, _ *struct{}) (*out[[]api.Format], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	list := []api.Format{}
	for _, name := range format.Builtins() {
		list = append(list, api.Format{Name: name, From: "builtin", Used: []string{}})
	}
	for _, x := range s.o.Formats {
		list = append(list, api.Format{Name: x.Name, From: "server", Path: x.Path, Used: none(x.Used)})
	}
	files, err := os.ReadDir(s.o.Drafts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && s.o.Drafts != "" {
		return nil, s.fail(fmt.Errorf("drafts: %w", err))
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".yaml"); ok && f.Type().IsRegular() && draftName.MatchString(name) {
			list = append(list, s.draft(name))
		}
	}
	return done(list), nil
}

// draft is a draft, and by what of the configuration its very file is loaded.
func (s *Service) draft(name string) api.Format {
	x := api.Format{Name: name, From: "draft", Path: s.draftPath(name), Used: []string{}}
	for _, o := range s.o.Formats {
		if o.Path == x.Path {
			x.Used = o.Used
		}
	}
	return x
}

func (s *Service) formatText(ctx context.Context, in *struct {
	Name string `path:"name"`
	From string `query:"from" enum:"builtin,server,draft" default:"builtin"`
}) (*out[api.FormatText], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	v := api.FormatText{Format: api.Format{Name: in.Name, From: in.From, Used: []string{}}}
	switch in.From {
	case "draft":
		if s.o.Drafts == "" || !draftName.MatchString(in.Name) {
			return nil, refuse(http.StatusNotFound, code.NotFound)
		}
		text, err := os.ReadFile(s.draftPath(in.Name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, refuse(http.StatusNotFound, code.NotFound)
		} else if err != nil {
			return nil, s.fail(fmt.Errorf("draft: %w", err))
		}
		v.Format, v.YAML = s.draft(in.Name), string(text)
	case "server":
		i := slices.IndexFunc(s.o.Formats, func(x OwnFormat) bool { return x.Name == in.Name })
		if i < 0 {
			return nil, refuse(http.StatusNotFound, code.NotFound)
		}
		v.Path, v.Used, v.YAML = s.o.Formats[i].Path, none(s.o.Formats[i].Used), s.o.Formats[i].YAML
	default:
		var err error
		if v.YAML, err = format.BuiltinText(in.Name); err != nil {
			return nil, refuse(http.StatusNotFound, code.NotFound)
		}
	}
	v.Digest = digestOf([]byte(v.YAML))
	return done(v), nil
}

// putDraft stores a format that is right as a draft. Nothing runs by it before the configuration names its file
// and the server starts again: whoever may do that on the machine is the second person.
func (s *Service) putDraft(ctx context.Context, in *struct {
	Name string `path:"name"`
	Body api.FormatDraft
}) (*out[api.FormatText], error) {
	if err := bank(ctx, "admin"); err != nil {
		return nil, err
	}
	if s.o.Drafts == "" {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	text := []byte(in.Body.YAML)
	d, err := format.Parse(text)
	wrong := ""
	switch {
	case err != nil:
		f := placeOf("yaml", err, "")
		return nil, &problem{status: http.StatusBadRequest, Code: code.BadRequest, Message: fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Reason), Data: f}
	case d.Name != in.Name:
		wrong = "it is stored under the name that is in the file"
	case !draftName.MatchString(d.Name):
		wrong = "a name is of letters, digits, - and _, a letter or digit first, 40 at most"
	case slices.Contains(format.Builtins(), d.Name):
		wrong = "this is the name of a built-in format: give it one of its own"
	case len(s.draft(d.Name).Used) > 0:
		wrong = "the configuration names this very file, which would be in use after the next start: give the draft another name"
	}
	if wrong != "" {
		return nil, &problem{status: http.StatusBadRequest, Code: code.BadRequest, Message: wrong}
	}
	s.drafting.Lock()
	defer s.drafting.Unlock()
	before, err := s.unchangedDraft(d.Name, in.Body.Before)
	if err != nil {
		return nil, err
	}
	v := api.FormatText{Format: s.draft(d.Name), YAML: in.Body.YAML, Digest: digestOf(text)}
	if v.Digest == before {
		return done(v), nil
	}
	// First the line: rather one of what then failed than a change without one.
	note := fmt.Sprintf("SHA-256 %s, before %s", v.Digest, before)
	if before == "" {
		note = fmt.Sprintf("SHA-256 %s, new", v.Digest)
	}
	if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "format.draft", Target: d.Name, Note: note, At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	if err := os.MkdirAll(s.o.Drafts, 0o700); err != nil {
		return nil, s.fail(fmt.Errorf("draft: %w", err))
	}
	if err := durable.Replace(s.draftPath(d.Name), text); err != nil {
		return nil, s.fail(fmt.Errorf("draft: %w", err))
	}
	return done(v), nil
}

// unchangedDraft is the digest of a draft as it is, empty when there is none; an answer to the client when that is not what
// was seen.
func (s *Service) unchangedDraft(name, seen string) (string, error) {
	is := ""
	switch old, err := os.ReadFile(s.draftPath(name)); {
	case err == nil:
		is = digestOf(old)
	case !errors.Is(err, fs.ErrNotExist):
		return "", s.fail(fmt.Errorf("draft: %w", err))
	}
	if is != seen {
		return "", refuse(http.StatusConflict, code.Conflict) // somebody else stored it meanwhile
	}
	return is, nil
}

// dropDraft removes a draft that no configuration names, and that is the one which was seen.
func (s *Service) dropDraft(ctx context.Context, in *struct {
	Name   string `path:"name"`
	Before string `query:"before" minLength:"64" maxLength:"64" required:"true"`
}) (*out[struct{}], error) {
	if err := bank(ctx, "admin"); err != nil {
		return nil, err
	}
	if s.o.Drafts == "" || !draftName.MatchString(in.Name) {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	if len(s.draft(in.Name).Used) > 0 {
		return nil, &problem{status: http.StatusBadRequest, Code: code.BadRequest, Message: "the configuration names this very file: the server would not start without it"}
	}
	s.drafting.Lock()
	defer s.drafting.Unlock()
	if _, err := s.unchangedDraft(in.Name, in.Before); err != nil {
		return nil, err
	}
	if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "format.draft", Target: in.Name, Note: fmt.Sprintf("deleted, before %s", in.Before), At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	if err := os.Remove(s.draftPath(in.Name)); err != nil {
		return nil, s.fail(fmt.Errorf("draft: %w", err))
	}
	return done(struct{}{}), nil
}
