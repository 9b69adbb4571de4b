package mgmt

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"

	"zhigui/server/api/code"
	"zhigui/server/api/message/format"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
)

// Book is a format of books that is configured beside those of the platform.
type Book struct {
	Name, Of string
	Lines    *format.Dialect
}

// books tells whose books this server compares, and in which formats they may come.
func (s *Service) books(ctx context.Context, _ *struct{}) (*out[api.Books], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	v := api.Books{From: []api.BookFrom{}, Formats: []api.BookFormat{{Name: "core"}, {Name: "cups"}}}
	for _, h := range s.o.Hosts {
		v.From = append(v.From, api.BookFrom{Name: h, Kind: "host"})
	}
	for _, p := range s.o.Partners {
		v.From = append(v.From, api.BookFrom{Name: p, Kind: recon.Partner})
	}
	for _, b := range s.o.Books {
		v.Formats = append(v.Formats, api.BookFormat{Name: b.Name, Of: b.Of})
	}
	return done(v), nil
}

// lines finds the format of a book's lines by its name.
func (s *Service) lines(name string) (*format.Dialect, error) {
	for _, b := range s.o.Books {
		if b.Name == name {
			return b.Lines, nil
		}
	}
	if name == "core" || name == "cups" { // never a path: the name comes from a browser
		return recon.Format(name)
	}
	return nil, refuse(http.StatusBadRequest, code.BadRequest)
}

type bookIn struct {
	Host    string `query:"host" maxLength:"40"`    // whose book it is; or
	Partner string `query:"partner" maxLength:"40"` // the channel of a partner
	Day     string `query:"day" required:"true" pattern:"^[0-9]{8}$"`
	Format  string `query:"format" maxLength:"40" default:"core"`
	RawBody []byte `contentType:"application/octet-stream"`
}

// book takes a host's or a partner's book of a day and compares it, and with a host's the terminals' journals.
func (s *Service) book(ctx context.Context, in *bookIn) (*out[api.Day], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	from := in.Host
	switch {
	case in.Host != "" && in.Partner == "" && slices.Contains(s.o.Hosts, in.Host):
	case in.Host == "" && slices.Contains(s.o.Partners, in.Partner):
		from = in.Partner
	default:
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	d, err := s.lines(in.Format)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, code.BadRequest)
	}
	rows, digest, err := recon.Read(bytes.NewReader(in.RawBody), d, in.Day)
	if err != nil {
		s.o.Log.Warn("book refused", "from", from, "day", in.Day, "error", err.Error())
		p := refuse(http.StatusBadRequest, code.BadRequest).(*problem)
		p.Message = err.Error()
		return nil, p
	}
	b := &recon.Books{Store: s.st, Products: s.o.Products, Now: s.o.Now, By: who(ctx).Name}
	err = s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "reconciliation.run", Target: from + " " + in.Day, Note: fmt.Sprintf("%s %.16s, %d lines", in.Format, digest, len(rows)), At: s.o.Now()})
	switch {
	case err != nil:
	case in.Partner != "":
		err = b.RunPartner(ctx, in.Partner, s.o.Hosts, in.Day, digest, rows)
	default:
		err = b.Run(ctx, in.Host, in.Day, digest, rows)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	return s.reconciliation(ctx, &struct {
		Day string `query:"day" pattern:"^[0-9]{8}$"`
		All bool   `query:"all"`
	}{Day: in.Day})
}
