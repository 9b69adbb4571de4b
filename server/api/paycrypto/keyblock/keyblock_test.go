package keyblock

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/peer"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The examples of TR-31:2018 annex A, and one of a payShield 10K.
var published = map[string]struct{ kbpk, block, key string }{
	"A, A.7.2.1": {"89E88CF7931444F334BD7547FC3F380C",
		"A0072P0TE00E0000F5161ED902807AF26F1D62263644BD24192FDB3193C730301CEE8701", "F039121BEC83D26B169BDCD5B22AAF8F"},
	"B, A.7.2.2": {"DD7515F2BFC17F85CE48F3CA25CB21F6",
		"B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E", "3F419E1CB7079442AA37474C2EFBF8B8"},
	"B, payShield": {"EFE0853B256B583D868F251CE99EA1D9",
		"B0080K0TN00N00001C414014375212C24995E405B5EE052CB92B67F455EA2680F6751088F9F1C228", "5DB50B454F8389ADCE573BE50861F2BF"},
	"C, A.7.3.1, with a serial number": {"B8ED59E0A279A295E9F5ED7944FD06B9",
		"C0096B0TX12S0100KS1800604B120F9292800000BFB9B689CB567E66FC3FEE5AD5F52161FC6545B9D60989015D02155C", "EDB380DD340BC2620247D445F5B8D678"},
	"D, A.7.4": {"88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6",
		"D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34", "3F419E1CB7079442AA37474C2EFBF8B8"},
}

// req: TX-27
func TestPublishedBlocksOpen(t *testing.T) {
	for name, c := range published {
		t.Run(name, func(t *testing.T) {
			h, key, err := Unwrap(unhex(c.kbpk), c.block)
			if err != nil || !bytes.Equal(key, unhex(c.key)) {
				t.Fatalf("got %X, %v", key, err)
			}
			if strings.HasPrefix(name, "C") {
				want := Header{Version: 'C', Usage: "B0", Algorithm: AlgTDES, Mode: 'X', KeyVersion: "12", Export: 'S', Reserved: "00",
					Options: []Option{{"KS", "00604B120F9292800000"}}}
				if d := cmp.Diff(want, h); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestABlockWithAnyCharacterChangedDoesNotOpen(t *testing.T) {
	for name, c := range published {
		for i := range len(c.block) {
			b := []byte(c.block)
			if b[i]++; b[i] == ':' || b[i] == 'G' {
				b[i] = '0'
			}
			if _, key, err := Unwrap(unhex(c.kbpk), string(b)); err == nil {
				t.Errorf("%s: opened with character %d changed: %X", name, i, key)
			}
		}
		other := unhex(c.kbpk)
		other[0] ^= 0x10
		if _, _, err := Unwrap(other, c.block); !errors.Is(err, ErrMAC) {
			t.Errorf("%s under another key: %v", name, err)
		}
	}
}

func TestWhatIsWrappedUnwrapsWithItsHeader(t *testing.T) {
	kbpk := bytes.Repeat([]byte{0x1D, 0xC3}, 16)
	for _, c := range []struct {
		version byte
		protect int
		alg     byte
		key     int
		options []Option
	}{
		{'B', 16, AlgTDES, 16, nil},
		{'B', 24, AlgTDES, 24, []Option{{"KS", "00604B120F9292800000"}}},
		{'B', 16, AlgTDES, 8, []Option{{"LB", "a"}}},
		{'D', 16, AlgAES, 16, nil},
		{'D', 24, AlgAES, 32, []Option{{"TS", "2026-11-22T00:00:00Z"}, {"KP", "0157C409"}}},
		{'D', 32, AlgSM4, 16, []Option{{"LB", strings.Repeat("x", 400)}}},
		{'D', 32, AlgTDES, 16, []Option{{"LB", strings.Repeat("y", 251)}, {"KS", strings.Repeat("z", 252)}}},
	} {
		h := Header{Version: c.version, Usage: UsePIN, Algorithm: c.alg, Mode: 'B', KeyVersion: "07", Export: 'E', Reserved: "00", Options: c.options}
		key := bytes.Repeat([]byte{0xA5}, c.key)
		s, err := Wrap(kbpk[:c.protect], h, key)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if strings.Contains(s, strings.ToUpper(hex.EncodeToString(key))) {
			t.Error("the key is in the clear")
		}
		got, back, err := Unwrap(kbpk[:c.protect], s)
		if err != nil || !bytes.Equal(back, key) {
			t.Fatalf("%+v: %X %v", c, back, err)
		}
		if n := len(got.Options); n > 0 && got.Options[n-1].ID == "PB" {
			got.Options = got.Options[:n-1]
		}
		if len(got.Options) == 0 {
			got.Options = nil
		}
		if d := cmp.Diff(h, got); d != "" {
			t.Error(d)
		}
	}
}

func TestTheLengthOfAKeyDoesNotShow(t *testing.T) {
	kbpk := bytes.Repeat([]byte{1}, 16)
	length := 0
	for _, n := range []int{8, 16, 24} {
		s, err := Wrap(kbpk, Header{Version: 'B', Usage: UsePIN, Algorithm: AlgTDES, Mode: 'B', KeyVersion: "00", Export: 'N'}, make([]byte, n))
		if err != nil || length != 0 && len(s) != length {
			t.Error(n, len(s), err)
		}
		length = len(s)
	}
}

func TestWhatCannotBeWrappedIsRefused(t *testing.T) {
	ok := Header{Version: 'D', Usage: UsePIN, Algorithm: AlgAES, Mode: 'B', KeyVersion: "00", Export: 'N'}
	key := make([]byte, 16)
	for name, c := range map[string]struct {
		kbpk int
		bend func(*Header)
		want error
	}{
		"version A":           {16, func(h *Header) { h.Version = 'A' }, ErrVersion},
		"a short AES key":     {8, func(*Header) {}, ErrKey},
		"256 bits of TDES":    {32, func(h *Header) { h.Version = 'B' }, ErrKey},
		"a usage of one":      {16, func(h *Header) { h.Usage = "P" }, ErrFormat},
		"a control character": {16, func(h *Header) { h.Options = []Option{{"LB", "\n"}} }, ErrFormat},
		"no algorithm":        {16, func(h *Header) { h.Algorithm = 0 }, ErrFormat},
	} {
		h := ok
		c.bend(&h)
		if _, err := Wrap(make([]byte, c.kbpk), h, key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, c := range published {
		f.Add(c.block)
	}
	f.Add("D0048P0AE00E0100LB000200")
	f.Add("B0016P0TE00E9900")
	f.Fuzz(func(t *testing.T, s string) {
		for _, n := range []int{16, 24, 32} {
			h, key, err := Unwrap(make([]byte, n), s)
			if err != nil {
				continue
			}
			if h.Version != 'B' && h.Version != 'D' {
				continue
			}
			again, err := Wrap(make([]byte, n), h, key)
			if err != nil {
				t.Fatalf("what was opened cannot be wrapped: %v", err)
			}
			if _, back, err := Unwrap(make([]byte, n), again); err != nil || !bytes.Equal(back, key) {
				t.Fatal(err)
			}
		}
	})
}

// An independent implementation, where a Python has it (PSEC_PYTHON names the interpreter).
func TestBlocksAgreeWithPsecBothWays(t *testing.T) {
	py := peer.Psec(t)
	type row struct {
		kbpk, block string
		key         string
	}
	var theirs []row
	var script strings.Builder
	script.WriteString("import psec\nb=bytes.fromhex\nH=psec.tr31.Header\n")
	kbpk := hex.EncodeToString(bytes.Repeat([]byte{0x1D, 0xC3, 0x77}, 11))
	for _, c := range []struct {
		version byte
		protect int
		alg     byte
		key     int
		options []Option
	}{
		{'B', 16, AlgTDES, 16, nil}, {'B', 24, AlgTDES, 24, []Option{{"KS", "00604B120F9292800000"}}}, {'B', 16, AlgTDES, 8, []Option{{"LB", "a"}}},
		{'D', 16, AlgAES, 16, nil}, {'D', 24, AlgAES, 32, []Option{{"TS", "2026"}}}, {'D', 32, AlgAES, 24, []Option{{"LB", strings.Repeat("x", 400)}}},
		{'D', 32, AlgTDES, 16, []Option{{"LB", strings.Repeat("y", 251)}}},
	} {
		key := hex.EncodeToString(bytes.Repeat([]byte{0xA5, byte(c.key)}, c.key/2))
		s, err := Wrap(unhex(kbpk)[:c.protect], Header{Version: c.version, Usage: UsePIN, Algorithm: c.alg, Mode: 'B', KeyVersion: "00", Export: 'E', Options: c.options}, unhex(key))
		if err != nil {
			t.Fatal(err)
		}
		k := kbpk[:2*c.protect]
		fmt.Fprintf(&script, "h,k=psec.tr31.unwrap(b('%s'),'%s')\nprint(k.hex(), end=' ')\n", k, s)
		fmt.Fprintf(&script, "h=H('%c','P0','%c','B','00','E')\n", c.version, c.alg)
		for _, o := range c.options {
			fmt.Fprintf(&script, "h.blocks['%s']='%s'\n", o.ID, o.Data)
		}
		fmt.Fprintf(&script, "print(psec.tr31.wrap(b('%s'),h,b('%s')))\n", k, key)
		theirs = append(theirs, row{k, "", key})
	}
	for _, c := range published {
		fmt.Fprintf(&script, "print('%s='+psec.tr31.unwrap(b('%s'),'%s')[1].hex())\n", c.block, c.kbpk, c.block)
	}
	out, err := exec.Command(py, "-W", "ignore", "-c", script.String()).CombinedOutput() //nolint:gosec // our own words
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f := strings.Fields(string(out))
	if len(f) != 2*len(theirs)+len(published) {
		t.Fatalf("%s", out)
	}
	for _, c := range published { // vectors 25 to 28
		if !slices.Contains(f[2*len(theirs):], c.block+"="+strings.ToLower(c.key)) {
			t.Errorf("psec does not find %s in %s", c.key, c.block)
		}
	}
	for i, r := range theirs {
		if f[2*i] != r.key {
			t.Errorf("row %d: psec reads %s, want %s", i, f[2*i], r.key)
		}
		if _, key, err := Unwrap(unhex(r.kbpk), f[2*i+1]); err != nil || hex.EncodeToString(key) != r.key {
			t.Errorf("row %d: of psec's block: %x %v", i, key, err)
		}
	}
}
