package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/internal/store"
	"zhigui/terminal/api/journal"
)

// signedIn reads what a journal record says of a signature, nil for any other record.
func signedIn(rec access.Record) *store.Signature {
	var r struct {
		Kind    string
		Session string
		Data    struct{ Document, SM3 string }
	}
	if json.Unmarshal(rec.Body, &r) != nil || r.Kind != "SIGNED" || len(r.Data.SM3) != 2*sm3.Size {
		return nil
	}
	return &store.Signature{Digest: r.Data.SM3, Record: rec.Seq, Session: r.Session, Document: r.Data.Document}
}

// markOf is by what a journal record is found: its transaction, or that it says what was counted.
func markOf(rec access.Record) string {
	var r struct{ Kind journal.Kind }
	if rec.Txn == "" && bytes.Contains(rec.Body, []byte(journal.Counts)) && json.Unmarshal(rec.Body, &r) == nil && r.Kind == journal.Counts {
		return store.CountsMark
	}
	return rec.Txn
}

// signature takes what a customer has signed: the content whose SM3 the terminal's journal has. The
// same content again is the same answer; 204 means that it is here for good.
func (s *Service) signature(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	if s.o.Blobs == nil {
		return &problem{http.StatusServiceUnavailable, code.Unavailable, "there is no place for signatures"}
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return &problem{http.StatusBadRequest, code.BadRequest, "the body did not come whole"}
	}
	digest := r.PathValue("digest")
	if sum := sm3.Sum(content); hex.EncodeToString(sum[:]) != digest {
		return &problem{http.StatusBadRequest, code.BadRequest, "the content is not what its digest says"}
	}
	if _, err := s.st.Signature(r.Context(), t.ID, digest); errors.Is(err, store.ErrNotFound) {
		return &problem{http.StatusConflict, code.Conflict, "the journal has no such signature yet"}
	} else if err != nil {
		return err
	}
	if err := s.o.Blobs.Put(digest, content); err != nil {
		return err
	}
	s.o.Failpoint("signature-stored")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
