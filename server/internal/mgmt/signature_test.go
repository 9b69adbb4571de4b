package mgmt_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	acc "zhigui/server/api/access"
	"zhigui/server/internal/store"
)

// put sends a content as the terminal does.
func (r *rig) put(digest string, content []byte) int {
	q := httptest.NewRequest(http.MethodPut, acc.PathSignatures+digest, bytes.NewReader(content))
	q.TLS = &tls.ConnectionState{VerifiedChains: chain("00000001")}
	w := httptest.NewRecorder()
	r.acc.ServeHTTP(w, q)
	return w.Code
}

// signedJournal uploads two records of a session: what was signed, and the transaction after it.
func (r *rig) signedJournal(session, digest, txn string, first uint64) {
	r.t.Helper()
	var recs []acc.Record
	for i, body := range []string{
		fmt.Sprintf(`{"kind":"SIGNED","session":%q,"data":{"document":"card-agreement/1","sm3":%q}}`, session, digest),
		fmt.Sprintf(`{"kind":"HOST_INTENT","session":%q,"txn":%q}`, session, txn),
	} {
		n := first + uint64(i)
		rec := acc.Record{Seq: n, Prev: fmt.Sprintf("h%d", n-1), Hash: fmt.Sprintf("h%d", n), Body: json.RawMessage(body)}
		if n == 1 {
			rec.Prev = ""
		}
		if i == 1 {
			rec.Txn = txn
		}
		recs = append(recs, rec)
	}
	var a acc.JournalAnswer
	if st := r.terminal("POST", acc.PathJournal, acc.Journal{Records: recs}, &a); st != 200 || a.Accepted != first+1 {
		r.t.Fatal(st, a)
	}
}

func TestASignatureIsTakenWhenTheJournalNamesItAndItsPictureIsSeenAndAudited(t *testing.T) {
	r := newRig(t)
	content := []byte(`{"document":"card-agreement/1","text":"协议全文","strokes":[[[100,200,0,500],[300,400,15,600]]]}`)
	sum := sm3.Sum(content)
	digest := hex.EncodeToString(sum[:])
	if st := r.put(digest, content); st != 409 {
		t.Error("taken before the journal names it:", st)
	}
	r.signedJournal("s1", digest, "000001/000012", 1)
	other := sm3.Sum([]byte("another customer's"))
	r.signedJournal("s2", hex.EncodeToString(other[:]), "000001/000013", 3)
	now := time.Now()
	for i, stan := range []string{"000012", "000013"} {
		if _, err := r.st.Insert(t.Context(), &store.Txn{ID: store.NumberAt(now) + int64(i), Idem: "00000001|" + stan, Digest: []byte{1}, Terminal: "00000001", Kind: "cardIssue", Batch: "000001", STAN: stan,
			State: store.Approved, Created: now, Updated: now}); err != nil {
			t.Fatal(err)
		}
	}
	olga, id := r.as("olga"), fmt.Sprint(store.NumberAt(now))
	path := "/transactions/" + id + "/signatures/" + digest
	if st, _ := olga.do("GET", path, nil, nil); st != 404 {
		t.Error("shown before it is there:", st)
	}
	if st := r.put(digest, append(content, ' ')); st != 400 {
		t.Error("another content is taken:", st)
	}
	for range 2 {
		if st := r.put(digest, content); st != 204 {
			t.Error(st)
		}
	}
	var story struct {
		Signatures []struct{ Digest, Document string }
	}
	olga.do("GET", "/transactions/"+id, nil, &story)
	if len(story.Signatures) != 1 || story.Signatures[0].Digest != digest || story.Signatures[0].Document != "card-agreement/1" {
		t.Errorf("%+v", story)
	}
	var sig struct {
		Text    string
		Strokes [][][4]int
	}
	if st, code := olga.do("GET", path, nil, &sig); st != 200 || sig.Text != "协议全文" || sig.Strokes[0][1] != [4]int{300, 400, 15, 600} {
		t.Errorf("%d %s %+v", st, code, sig)
	}
	if st, _ := olga.do("GET", "/transactions/"+fmt.Sprint(store.NumberAt(now)+1)+"/signatures/"+digest, nil, nil); st != 404 {
		t.Error("one customer's signature on another's transaction:", st)
	}
	if st, _ := r.as("carl").do("GET", path, nil, nil); st != 404 {
		t.Error("a manager of another branch sees it:", st)
	}
	audits, err := r.st.Audits(t.Context(), 10)
	n := 0
	for _, a := range audits {
		if a.Action == "signature.view" && a.User == "olga" && a.Target == id && a.Note == digest {
			n++
		}
	}
	if err != nil || n != 1 {
		t.Errorf("%d looks in the audit trail: %+v %v", n, audits, err)
	}
}
