package receipt

import (
	"strings"
	"testing"
)

func TestWithdrawalReceiptSaysWhatHappenedInBothLanguages(t *testing.T) {
	f, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{"title": "取款", "amount": "300.00", "pan": "622588******0001", "txn": "000001/000007"}
	for lang, word := range map[string]string{"zh": "金额", "en": "Amount"} {
		r, err := f.Compose("withdrawal", lang, fields)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, l := range r.Lines {
			all += l.Text + "\t" + l.Right + "\n"
		}
		for _, want := range []string{word + "\t300.00", "622588******0001", "000001/000007"} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: %q is not in\n%s", lang, want, all)
			}
		}
		if strings.Contains(all, "{") || strings.Contains(all, "余额\t") {
			t.Errorf("%s: an empty field shows:\n%s", lang, all)
		}
	}
}

func TestStatementPrintsOneLinePerEntry(t *testing.T) {
	f, _ := Load(nil)
	r, err := f.Compose("statement", "zh", map[string]any{"entries": []any{
		map[string]any{"date": "11-20", "kind": "取款", "signed": "-100.00"},
		map[string]any{"date": "11-21", "kind": "存款", "signed": "+200.00"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range r.Lines {
		if strings.HasPrefix(l.Text, "11-2") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestUnknownFormIsRefused(t *testing.T) {
	f, _ := Load(nil)
	if _, err := f.Compose("nothing", "zh", nil); err == nil {
		t.Error("composed")
	}
}
