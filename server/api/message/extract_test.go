package message

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var mabLists = map[bool][]int{
	true:  {7, 11, 39, 53, 70, 100},
	false: {2, 3, 4, 7, 11, 18, 25, 28, 32, 33, 38, 39, 41, 42, 90},
}

var dropped = regexp.MustCompile(`[^A-Z0-9 ,.]`)

// mab is the text of the interchange's MAC once more, by the rules as people read them: chosen fields, a length where
// there is one, upper case, no other characters, single spaces, and one between two fields.
func mab(m *Message) string {
	words := []string{m.MTI()}
	for _, n := range mabLists[strings.HasPrefix(m.MTI(), "08")] {
		if !m.Has(n) {
			continue
		}
		v := m.String(n)
		if n == 90 {
			v = v[:20]
		}
		if w := m.Dialect().Field(n).Var; w > 0 {
			v = fmt.Sprintf("%0*d", w, len(v)) + v
		}
		words = append(words, strings.Fields(dropped.ReplaceAllString(strings.ToUpper(v), ""))...)
	}
	return strings.Join(words, " ")
}

// req: TX-24
func TestAMACOverChosenFieldsCoversTheirText(t *testing.T) {
	d := mustDialect(t, "cups128mab")
	for name, c := range map[string]struct {
		mti  string
		vals map[int]string
		want string
	}{
		"a purchase": {"0200", map[int]string{2: "6225880000000001", 3: "000000", 4: "000000010000", 7: "1124093000", 11: "000123", 18: "6011", 22: "051",
			25: "02", 28: "C00000100", 32: "99992900", 33: "99990000", 35: "6225880000000001=2812", 41: "atm-0001", 42: " shop  no.7,(x)", 49: "156"},
			"0200 166225880000000001 000000 000000010000 1124093000 000123 6011 02 C00000100 0899992900 0899990000 ATM0001 SHOP NO.7,X"},
		"an answer":     {"0210", map[int]string{3: "000000", 4: "000000010000", 7: "1124093000", 11: "000123", 38: "ab 12", 39: "00", 41: "00000001"}, "0210 000000 000000010000 1124093000 000123 AB 12 00 00000001"},
		"a reversal":    {"0420", map[int]string{4: "000000010000", 7: "1124093000", 11: "000124", 41: "00000001", 90: "020000012311240930000009999290000099990000"}, "0420 000000010000 1124093000 000124 00000001 02000001231124093000"},
		"blanks only":   {"0200", map[int]string{4: "000000000001", 11: "000001", 41: "        ", 42: "m"}, "0200 000000000001 000001 M"},
		"a key message": {"0800", map[int]string{7: "1124093000", 11: "000125", 41: "00000001", 53: "1600000000000000", 70: "101", 100: "99990000"}, "0800 1124093000 000125 1600000000000000 101 0899990000"},
	} {
		t.Run(name, func(t *testing.T) {
			m := New(d)
			_ = m.SetMTI(c.mti)
			for n, v := range c.vals {
				if err := m.SetString(n, v); err != nil {
					t.Fatal(err)
				}
			}
			if m.Covered() != nil {
				t.Error("something is covered without a MAC")
			}
			m.ReserveMAC()
			frame, lay, err := m.Pack(nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(lay.Cover(frame))); diff != "" {
				t.Errorf("what is sent (-want +got)\n%s", diff)
			}
			back := New(d)
			if err := back.Unpack(d, frame[4:]); err != nil {
				t.Fatal(err)
			}
			if says := back.Describe(); !strings.Contains(says, fmt.Sprintf(" over %d characters of the fields 0 ", len(c.want))) {
				t.Error(says)
			}
			if got := string(back.Covered()); got != c.want || got != mab(back) {
				t.Errorf("what came covers %q, by the rules %q", got, mab(back))
			}
		})
	}
}

func TestAMACOverChosenFieldsFollowsItsFile(t *testing.T) {
	for file, want := range map[string]string{
		`select: [{fields: [0, 4, 11, 39, 41, 42]}]`:                                              "0200 000000010000 000123 atm-0001 Shop  7        ",
		`separator: "", select: [{fields: [41, 0, 4, 11, 39]}]`:                                   "atm-00010200000000010000000123",
		`lengths: true, select: [{fields: [0, 2, 4, 11, 39, 41], first: {41: 3, 2: 6}}]`:          "0200 06622588 000000010000 000123 atm",
		`edit: true, keep: "-", separator: "|", select: [{fields: [0, 4, 11, 39, 41, 42]}]`:       "0200|000000010000|000123|ATM-0001|SHOP 7",
		`select: [{mti: "0200", fields: [11, 0, 4, 39, 41]}, {fields: [0, 4, 11, 39, 41]}]`:       "000123 0200 000000010000 atm-0001",
		`select: [{mti: "04", fields: [0, 4, 11, 39, 41]}, {fields: [4, 0, 11, 39, 41]}]`:         "000000010000 0200 000123 atm-0001",
		`select: [{mti: "0", fields: [0, 4, 11, 39, 41]}, {fields: [4, 0, 11, 39, 41]}]`:          "0200 000000010000 000123 atm-0001",
		`edit: true, select: [{fields: [0, 4, 11, 39, 41, 42], first: {42: 6}}], separator: "  "`: "0200  000000010000  000123  ATM0001  SHOP",
	} {
		t.Run(file, func(t *testing.T) {
			m := New(chosen(t, file))
			_ = m.SetMTI("0200")
			for n, v := range map[int]string{2: "6225880000000001", 4: "000000010000", 11: "000123", 41: "atm-0001", 42: "Shop  7"} {
				if err := m.SetString(n, v); err != nil {
					t.Fatal(err)
				}
			}
			m.ReserveMAC()
			frame, lay, err := m.Pack(nil)
			if err != nil || string(lay.Cover(frame)) != want {
				t.Errorf("%v %q, want %q", err, lay.Cover(frame), want)
			}
		})
	}
}

func chosen(t testing.TB, mac string) *Dialect {
	t.Helper()
	d, err := Load(chosenFile(t, mac), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func chosenFile(t testing.TB, mac string) fstest.MapFS {
	t.Helper()
	base, err := builtin.ReadFile("dialects/cups128.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"cups128.yaml": {Data: base}, "x.yaml": {Data: []byte("name: x\nextends: cups128\nmac: {field: 128, form: hex, cover: fields, " + mac + "}\n")}}
}

func TestAListOfFieldsThatCannotWorkIsRefused(t *testing.T) {
	for mac, want := range map[string]string{
		`lengths: true`: "wants select",
		`select: [{mti: "02", fields: [0, 4, 11, 39, 41]}]`:                       "the last list has no mti",
		`select: [{fields: [0, 4, 11, 39, 41]}, {fields: [0, 4, 11, 39, 41]}]`:    "only the last",
		`select: [{mti: "02000", fields: [0]}, {fields: [0]}]`:                    "one to four digits",
		`select: [{mti: "x", fields: [0]}, {fields: [0]}]`:                        "one to four digits",
		`select: [{fields: []}]`:                                                  "fields is missing",
		`select: [{fields: [0, 4, 11, 39, 41, 4]}]`:                               "twice",
		`select: [{fields: [0, 4, 11, 39, 41, 128]}]`:                             "x.yaml:3:",
		`select: [{fields: [0, 4, 11, 39, 41, 8]}]`:                               "no field 8",
		`select: [{fields: [0, 4, 11, 39, 41, -1]}]`:                              "no field -1",
		`select: [{fields: [0, 4, 11, 39, 41, 52]}]`:                              "is bytes",
		`select: [{fields: [4, 11, 39, 41]}]`:                                     "field 0, the message type,",
		`select: [{fields: [0, 11, 39, 41]}]`:                                     "field 4, amount,",
		`select: [{fields: [0, 4, 11, 41]}]`:                                      "field 39, response,",
		`select: [{fields: [0, 4, 11, 39]}]`:                                      "field 41, terminal,",
		`select: [{mti: "08", fields: [0, 11]}, {fields: [0, 4, 11, 39, 41]}]`:    "field 39, response,",
		`select: [{mti: "0", fields: [0, 11, 39]}, {fields: [0, 4, 11, 39, 41]}]`: "field 41, terminal,",
		`select: [{fields: [0, 4, 11, 39, 41], first: {2: 6}}]`:                   "of the list",
		`select: [{fields: [0, 4, 11, 39, 41], first: {4: 0}}]`:                   "1 and more",
		`keep: ".", select: [{fields: [0, 4, 11, 39, 41]}]`:                       "edit: true",
		`select: [{fields: [0, 4, 11, 39, 41], lst: 1}]`:                          "lst",
	} {
		if _, err := Load(chosenFile(t, mac), "x.yaml"); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%s: %v, want %s", mac, err, want)
		}
	}
	for _, other := range []string{"mti, " + `select: [{fields: [0]}]`, "mti, edit: true"} {
		f := fstest.MapFS{"cups128.yaml": chosenFile(t, "")["cups128.yaml"], "x.yaml": {Data: []byte("name: x\nextends: cups128\nmac: {field: 128, form: hex, cover: " + other + "}\n")}}
		if _, err := Load(f, "x.yaml"); err == nil || !strings.Contains(err.Error(), "cover: fields") {
			t.Errorf("%s: %v", other, err)
		}
	}
}

func TestAMACOverChosenFieldsAllocatesNothing(t *testing.T) {
	d := mustDialect(t, "cups128mab")
	m, back := build(t, d, golden["cups128"]), New(d)
	m.ReserveMAC()
	frame, _, err := m.Pack(nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, 2*len(frame))
	if n := testing.AllocsPerRun(100, func() {
		if err := back.Unpack(d, frame[4:]); err != nil || len(back.Covered()) == 0 {
			t.Fatal(err)
		}
		if _, lay, err := back.Pack(out[:0]); err != nil || lay.MAC == 0 {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever came, the text is what the rules make of it.
func FuzzChosenFields(f *testing.F) {
	d := mustDialect(f, "cups128mab")
	f.Add([]byte("atm-0001"), []byte(" shop  no. 7"), []byte("16"))
	f.Add([]byte{0xB0, 0xD7, ' ', 'a'}, []byte("   "), []byte(",."))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		m := New(d)
		_ = m.SetMTI("0200")
		for n, v := range map[int][]byte{41: a, 42: b, 38: c} {
			if m.Set(n, v) != nil && m.Has(n) {
				t.Fatal("a value that was refused is there")
			}
		}
		m.ReserveMAC()
		if got := string(m.Covered()); got != mab(m) {
			t.Errorf("%q, by the rules %q", got, mab(m))
		}
		if slices.Contains(m.Covered(), 0) {
			t.Error("a zero")
		}
	})
}
