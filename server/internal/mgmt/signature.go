package mgmt

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/blob"
	"zhigui/server/internal/store"
)

// sessionOf is the session at the counter that journal records belong to.
func sessionOf(recs []store.Record) string {
	for _, r := range recs {
		var v struct{ Session string }
		if json.Unmarshal(r.Body, &v) == nil && v.Session != "" {
			return v.Session
		}
	}
	return ""
}

// signatures lists what the customer of a transaction has signed.
func (s *Service) signatures(ctx context.Context, terminal string, recs []store.Record) ([]api.SignatureRef, error) {
	out := []api.SignatureRef{}
	session := sessionOf(recs)
	if session == "" {
		return out, nil
	}
	list, err := s.st.Signatures(ctx, terminal, session)
	for _, v := range list {
		out = append(out, api.SignatureRef{Digest: v.Digest, Document: v.Document, Received: v.Received})
	}
	return out, err
}

// signature shows what a customer has signed. Every look is in the audit trail, before it is answered.
func (s *Service) signature(ctx context.Context, in *struct {
	ID     string `path:"id"`
	Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
}) (*out[api.Signature], error) {
	t, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	recs, err := s.st.RecordsOf(ctx, t.Terminal, t.Batch+"/"+t.STAN)
	if err != nil {
		return nil, s.fail(err)
	}
	v, err := s.st.Signature(ctx, t.Terminal, in.Digest)
	if err == nil && (v.Session == "" || v.Session != sessionOf(recs)) {
		err = store.ErrNotFound // of another customer
	}
	if err != nil {
		return nil, s.fail(err)
	}
	if s.o.Blobs == nil {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	raw, err := s.o.Blobs.Get(in.Digest)
	if errors.Is(err, blob.ErrNotFound) { // it is on its way
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	var sig api.Signature
	if err := json.Unmarshal(raw, &sig); err != nil {
		return nil, s.fail(errors.New("a signature at rest does not decode"))
	}
	if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "signature.view", Target: in.ID, Note: in.Digest, At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	return done(sig), nil
}
