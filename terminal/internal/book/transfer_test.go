package book

import (
	"slices"
	"testing"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/journal"
)

func TestACaseIsOpenedByARecordWithItsKindOnly(t *testing.T) {
	l, err := Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i, c := range []struct {
		d    CaseData
		want []string
	}{
		{CaseData{Number: "1", Case: "largeTransfer", Amount: 6_000_000}, []string{"1"}},
		{CaseData{Number: "2", Case: "accountClose"}, []string{"1", "2"}},
		{CaseData{Number: "1"}, []string{"2"}}, // an end that does not say why
		{CaseData{Number: "2", Ended: "used"}, nil},
	} {
		if err := l.Log(ej.Case, ej.Record{}, c.d); err != nil {
			t.Fatal(err)
		}
		l.Read(func(b *Book) {
			if !slices.Equal(b.Cases, c.want) {
				t.Errorf("%d: %v, want %v", i, b.Cases, c.want)
			}
		})
	}
}
