package xfs3x

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api/pinpad"
)

// pages is memory with holes: a page that holds anything can be read, and what nobody wrote in it
// is EE.
type pages map[uint64][]byte

const page = 4096

func (p pages) read(addr uint64, n int) ([]byte, error) {
	out := make([]byte, n)
	for i := range out {
		b := p[(addr+uint64(i))/page]
		if b == nil {
			return nil, errors.New("no such memory")
		}
		out[i] = b[(addr+uint64(i))%page]
	}
	return out, nil
}

func (p pages) write(addr uint64, b []byte) {
	for i, v := range b {
		at := addr + uint64(i)
		if p[at/page] == nil {
			p[at/page] = []byte(strings.Repeat("\xEE", page))
		}
		p[at/page][at%page] = v
	}
}

// image is a golden image of testdata and the bytes that it has in a row from 1000 on.
func image(t testing.TB, name string, l layout) (pages, []byte) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("testdata/%s.%d.txt", name, 8*l))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := pages{}
	var row []byte
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		at, bytes, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		addr, err := strconv.ParseUint(at, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(bytes, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		m.write(addr, b)
		if addr == base+uint64(len(row)) {
			row = append(row, b...)
		}
	}
	return m, row
}

const base = 0x1000

var layouts = []layout{4, 8}

// got is what a reader answers, for comparison.
func got(v any, err error) any {
	if err != nil {
		return err
	}
	return v
}

// The images were laid out by C's rules (Python's ctypes, pack 1) from the structures that the
// standard publishes, not by this package.
func TestAnswersAreReadFromTheirImages(t *testing.T) {
	for _, tc := range []struct {
		name string
		read func(memory, layout) any
		want any
	}{
		{"result", func(m memory, l layout) any { return got(readResult(m, l, base)) }, result{request: 7, service: 3, code: -48, command: 207, buffer: 0x2000}},
		{"idcstatus", func(m memory, l layout) any { return got(readIDCStatus(m, l, base)) }, idcState{Media: 1, Bin: 1, Security: 1, Cards: 2, Chip: 1}},
		{"carddata", func(m memory, l layout) any { return got(readCardData(m, l, base)) },
			[]source{{track2, 0, []byte("6225880000000001=4912")}, {Source: track1, Status: 1}, {chip, 0, []byte{0x3B, 0x68, 0, 0}}}},
		{"chippower", func(m memory, l layout) any { return got(readChipPower(m, l, base)) }, []byte{0x3B, 0x68, 0, 0}},
		{"cdmstatus", func(m memory, l layout) any { return got(readCDMStatus(m, l, base)) },
			cdmState{Door: 3, Dispenser: 1, Stacker: 1, Out: []outPosition{{Position: 0x800, Shutter: 1, Status: 1}}}},
		{"units", func(m memory, l layout) any { return got(readUnits(m, l, base)) }, []unit{
			{Number: 1, Type: 2, Name: "REJECT", ID: "REJ01", Currency: "   ", Maximum: 200},
			{Number: 2, Type: 3, ID: "CU001", Currency: "CNY", Value: 100, Initial: 2000, Count: 1500, Rejected: 3, Maximum: 2500},
			{Number: 3, Type: 3, ID: "CU002", Currency: "CNY", Value: 50, Initial: 100, Count: 20, Maximum: 2500, Status: 3}}},
		{"denomination", func(m memory, l layout) any { return got(readDenomination(m, l, base)) }, denomination{Currency: "CNY", Amount: 350, Values: []uint32{0, 3, 1}}},
		{"pinstatus", func(m memory, l layout) any { return got(readPINStatus(m, l, base)) }, pinState{}},
		{"entry", func(m memory, l layout) any { return got(readEntry(m, l, base)) }, pinpad.PinEntryResult{Digits: 6, Completion: "enter"}},
		{"xdata", func(m memory, l layout) any { return got(readXData(m, l, base)) }, []byte{0x04, 0x12, 0xAC, 0x89, 0xAB, 0xCD, 0xEF, 0x67}},
		{"keys", func(m memory, l layout) any { return got(readKeys(m, l, base)) }, []keyDetail{{"TMK", 0x20, true}, {"PIK", 2, true}, {"MAK", 4, false}}},
		{"ptrstatus", func(m memory, l layout) any { return got(readPTRStatus(m, l, base)) },
			ptrState{Paper: [16]uint16{1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3}, Toner: 3, Ink: 3, Lamp: 3}},
		{"rawin", func(m memory, l layout) any { return got(readRaw(m, l, base)) }, []byte{0x12}},
	} {
		for _, l := range layouts {
			m, _ := image(t, tc.name, l)
			if diff := cmp.Diff(tc.want, tc.read(m, l), cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("%s, %d bits: %s", tc.name, 8*l, diff)
			}
		}
	}
}

func TestRequestsBecomeTheirImages(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(layout) *block
	}{
		{"chipio", func(l layout) *block { return chipIO(l, 1, []byte{0x00, 0xA4, 0x04, 0x00, 0x01, 0xA0}) }},
		{"dispense", func(l layout) *block {
			return dispense(l, true, denomination{Currency: "CNY", Amount: 350, Values: []uint32{0, 3, 1}})
		}},
		{"retract", func(l layout) *block { return retract(l, areaRetract) }},
		{"getpin", func(l layout) *block { return getPIN(l, pinpad.PinEntry{MinLen: 4, MaxLen: 6}) }},
		{"pinblock", func(l layout) *block {
			return pinBlock(l, 4, 15, (&profile{Customer: "twelve"}).customerData("6225880000000001"), "PIK")
		}},
		{"import", func(l layout) *block {
			return importKey(l, "PIK", "TMK", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 2)
		}},
		{"raw", func(l layout) *block { return rawData(l, false, []byte{0x1B, 0x40, 0x41, 0x0A, 0x0C}) }},
	} {
		for _, l := range layouts {
			_, want := image(t, tc.name, l)
			k := tc.make(l)
			k.locate(base)
			if diff := cmp.Diff(want, k.b); diff != "" {
				t.Errorf("%s, %d bits: %s", tc.name, 8*l, diff)
			}
		}
	}
}

func TestAVersionIsReadAndAskedFor(t *testing.T) {
	b := make([]byte, versionSize)
	copy(b, []byte{0x03, 0x0A, 0x03, 0x00, 0x03, 0x1E, 'S', 'P', ' ', '1', 0, 'x'})
	if diff := cmp.Diff(version{Use: 0x0A03, Low: 0x0003, High: 0x1E03, Description: "SP 1"}, readVersion(b)); diff != "" {
		t.Error(diff)
	}
	p := &profile{Lowest: "3.00", Highest: "3.30"}
	if v, err := p.versions(); err != nil || v != 0x00031E03 {
		t.Errorf("%08X %v", v, err)
	}
}

func TestABrokenAnswerIsAnErrorAndNotACrash(t *testing.T) {
	for _, l := range layouts {
		m, _ := image(t, "units", l)
		m.write(base+2, []byte{0xFF, 0xFF}) // usCount
		if _, err := readUnits(m, l, base); err == nil {
			t.Error("a list without an end was read")
		}
		m, _ = image(t, "keys", l)
		m.write(0x2000, make([]byte, l)) // no name
		if k, err := readKeys(m, l, base); err != nil || k[0].Name != "" {
			t.Errorf("%v %v", k, err)
		}
		m.write(0x2000, []byte{0, 0, 0, 0x50}) // a name where nothing is
		if _, err := readKeys(m, l, base); err == nil {
			t.Error("a text out of the way was read")
		}
		if _, err := readIDCStatus(m, l, 0); !errors.Is(err, errNull) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	for _, name := range []string{"units", "carddata", "cdmstatus", "keys", "result", "denomination"} {
		for _, l := range layouts {
			_, b := image(f, name, l)
			f.Add(b, l == 8)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, wide bool) {
		l := layout(4)
		if wide {
			l = 8
		}
		m := flat(b)
		_, _ = readResult(m, l, 1)
		_, _ = readCardData(m, l, 1)
		_, _ = readCDMStatus(m, l, 1)
		if u, _ := readUnits(m, l, 1); len(u) > longestList {
			t.Fatal(len(u))
		}
		_, _ = readDenomination(m, l, 1)
		_, _ = readKeys(m, l, 1)
		_, _ = readXData(m, l, 1)
		_, _ = readRaw(m, l, 1)
	})
}
