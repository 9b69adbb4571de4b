package counter

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/issuer"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
	"zhigui/terminal/internal/signed"
)

func strokes(n int) [][]point {
	var s []point
	for i := range n {
		s = append(s, point{i % 1000, 500, i * 10, 500})
	}
	return [][]point{s}
}

func (r *rig) signs(s signature) api.Completion {
	b, _ := json.Marshal(s)
	return r.takeSignature(context.Background(), &service.Call{Payload: b})
}

func TestASignatureIsKeptAndItsDigestIsInTheJournal(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, func(p *Parts) { p.Signatures = &signed.Folder{Dir: dir} })
	s := signature{Document: "card-agreement/1", Text: "…", Strokes: strokes(40)}
	done := r.signs(s)
	var out struct{ SM3 string }
	if err := json.Unmarshal(done.Payload, &out); err != nil || done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	raw, err := os.ReadFile(filepath.Join(dir, out.SM3+".json"))
	must(t, err)
	var kept signature
	must(t, json.Unmarshal(raw, &kept))
	if d := signed.Digest(raw); d != out.SM3 || kept.Text != s.Text || len(kept.Strokes) != 1 {
		t.Errorf("the file's digest is %s", d)
	}
	recs, err := r.Ledger.Since(r.Ledger.Last()-1, 1)
	must(t, err)
	if !strings.Contains(string(recs[0]), out.SM3) || !strings.Contains(string(recs[0]), "SIGNED") {
		t.Errorf("%s", recs[0])
	}
	s.Text = "…."
	var another struct{ SM3 string }
	if err := json.Unmarshal(r.signs(s).Payload, &another); err != nil || another.SM3 == out.SM3 {
		t.Error("another text has the same digest")
	}
}

func TestWhatIsNoSignatureIsRefused(t *testing.T) {
	r := newRig(t, func(p *Parts) { p.Signatures = &signed.Folder{Dir: t.TempDir()} })
	good := signature{Document: "d", Text: "t", Strokes: strokes(40)}
	for name, f := range map[string]func(*signature){
		"no text":         func(s *signature) { s.Text = "" },
		"no document":     func(s *signature) { s.Document = "" },
		"a dot":           func(s *signature) { s.Strokes = strokes(3) },
		"too much":        func(s *signature) { s.Strokes = strokes(maxPoints + 1) },
		"outside":         func(s *signature) { s.Strokes[0][5][0] = 1001 },
		"back in time":    func(s *signature) { s.Strokes[0][5][2] = 1 },
		"a huge document": func(s *signature) { s.Text = strings.Repeat("x", maxText+1) },
	} {
		s := good
		s.Strokes = strokes(40)
		f(&s)
		if done := r.signs(s); done.Code != api.InvalidData {
			t.Errorf("%s: %+v", name, done)
		}
	}
	r.EndSession("done")
	if done := r.signs(good); done.Code != api.SequenceError {
		t.Errorf("without a session: %+v", done)
	}
}

func TestANewCardNeedsTheSignedAgreement(t *testing.T) {
	r := newRig(t)
	r.Issuer, r.person = &issuer.Issuer{}, &idcard.Card{Name: "张三", Number: "990101199001011234"}
	r.pins["new"], r.pins["confirm"] = pinBlock{block: make([]byte, 8)}, pinBlock{block: make([]byte, 8)}
	ask := func() error {
		return r.issueRequest(&hostlink.Request{Card: session.Card{PAN: "6225880000002001", Track2: "6225880000002001=49121010000012300000", New: true}},
			"13800000000", Approval{State: "approved", Kind: book.TypeCardIssue})
	}
	if ask() == nil {
		t.Error("nobody has signed")
	}
	r.signed = map[string]string{agreement: "sm3"}
	must(t, ask())
}
