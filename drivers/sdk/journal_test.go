package sdk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhigui/drivers/api"
)

func journalAt(t *testing.T, dir string) *journal {
	t.Helper()
	j, err := openJournal(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.close)
	return j
}

func add(t *testing.T, j *journal, e entry) {
	t.Helper()
	if err := j.add(e); err != nil {
		t.Fatal(err)
	}
}

// Whatever part of the last record reached the disk, the records before it stay and new
// ones go behind them.
func TestATornTailIsCutOffAtEveryLength(t *testing.T) {
	dir := t.TempDir()
	j := journalAt(t, dir)
	done := api.Completion{Outcome: api.Done}
	add(t, j, entry{Kind: kindIntent, Op: "a", Name: "X"})
	add(t, j, entry{Kind: kindResult, Op: "a", Completion: &done})
	whole := j.size
	add(t, j, entry{Kind: kindIntent, Op: "b", Name: "X"})
	j.close()
	all, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	for n := whole; n < int64(len(all)); n++ {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalFile), all[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j := journalAt(t, dir)
		if rec, ok := j.query("a"); !ok || rec.State != api.OpCompleted {
			t.Fatalf("cut at %d: %+v", n, rec)
		}
		if _, ok := j.query("b"); ok {
			t.Fatalf("cut at %d: a torn record was taken", n)
		}
		add(t, j, entry{Kind: kindIntent, Op: "c", Name: "X"})
		j.close()
		if rec, ok := journalAt(t, dir).query("c"); !ok || rec.State != api.OpUnresolved {
			t.Fatalf("cut at %d: the next record is lost: %+v", n, rec)
		}
	}
}

func TestADamagedRecordEndsTheJournalThere(t *testing.T) {
	dir := t.TempDir()
	j := journalAt(t, dir)
	add(t, j, entry{Kind: kindIntent, Op: "a"})
	first := j.size
	add(t, j, entry{Kind: kindIntent, Op: "b"})
	j.close()
	b, _ := os.ReadFile(j.path)
	b[first+frameHead+3] ^= 1
	if err := os.WriteFile(j.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	j = journalAt(t, dir)
	if _, ok := j.query("b"); ok || j.size != first {
		t.Errorf("size %d, want %d", j.size, first)
	}
}

func TestDamageBeforeWholeRecordsIsNotATornTail(t *testing.T) {
	dir := t.TempDir()
	j := journalAt(t, dir)
	add(t, j, entry{Kind: kindIntent, Op: "a"})
	first := j.size
	add(t, j, entry{Kind: kindMoving, Op: "a"})
	add(t, j, entry{Kind: kindIntent, Op: "b"})
	j.close()
	b, _ := os.ReadFile(j.path)
	b[first+frameHead+3] ^= 1
	if err := os.WriteFile(j.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := openJournal(dir, time.Now); err == nil {
		j.close()
		t.Error("an operation that moved is forgotten")
	}
	if after, _ := os.ReadFile(j.path); len(after) != len(b) {
		t.Errorf("%d of %d bytes are left", len(after), len(b))
	}
}

func TestRotationKeepsTheNewestOperationsAndBoundsTheFile(t *testing.T) {
	dir := t.TempDir()
	j := journalAt(t, dir)
	pad := fmt.Appendf(nil, "%q", make([]byte, 1500))
	done := api.Completion{Outcome: api.Done}
	for i := range 400 {
		op := api.OpID(fmt.Sprint(i))
		add(t, j, entry{Kind: kindIntent, Op: op, Payload: pad[:0:0]})
		done.Description = string(pad)
		add(t, j, entry{Kind: kindResult, Op: op, Completion: &done})
	}
	j.close()
	j = journalAt(t, dir)
	if rec, ok := j.query("399"); !ok || rec.State != api.OpCompleted {
		t.Errorf("newest: %+v", rec)
	}
	if _, ok := j.query("0"); ok || j.size > 5*rotateAt {
		t.Errorf("the file has %d bytes", j.size)
	}
}

func TestAnInterruptedOperationIsUnsettledAndSaysWhetherItMayHaveMoved(t *testing.T) {
	dir := t.TempDir()
	j := journalAt(t, dir)
	add(t, j, entry{Kind: kindIntent, Op: "still", Name: "X"})
	add(t, j, entry{Kind: kindIntent, Op: "moved", Name: "X"})
	add(t, j, entry{Kind: kindMoving, Op: "moved"})
	j.close()
	got := journalAt(t, dir).unsettled()
	if len(got) != 2 || got[0].Moved || !got[1].Moved {
		t.Errorf("%+v", got)
	}
}

func FuzzReplay(f *testing.F) {
	b, err := frame(entry{Kind: kindIntent, Op: "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j := journalAt(t, dir)
		if j.size > int64(len(b)) {
			t.Fatal("longer than the file")
		}
		_ = j.unsettled()
	})
}
