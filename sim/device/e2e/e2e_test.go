package e2e

import (
	"strings"
	"testing"
	"time"
)

const mac = ",HMACSHA256=CB735612FD6141213C2827FB5A6A4F4846D7A7347B15434916FEA6AC16F3D2F2"

// The published samples of well and badly formed tokens (the public C reference of the token
// format, MIT; only their form: its tests stub the HMAC).
func TestTheFormOfPublishedTokens(t *testing.T) {
	for _, c := range []struct {
		name, token string
		want        Verdict
	}{
		{"the shortest", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, Accepted},
		{"the longest", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=1024,X=" + strings.Repeat("A", 1024-41-len(mac)) + mac, Accepted},
		{"a long nonce", "NONCE=" + strings.Repeat("1234567890", 10) + ",TOKENFORMAT=1,TOKENLENGTH=0164" + mac, Accepted},
		{"one too long", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=1025,X=" + strings.Repeat("A", 1025-41-len(mac)) + mac, BadFormat},
		{"empty", "", BadFormat},
		{"an HMAC one short", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0163" + mac[:len(mac)-1], BadFormat},
		{"a key without a name", "NONCE=1,=2,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, BadFormat},
		{"a value with =", "NONCE=1=2,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, BadFormat},
		{"no value", "NONCE=,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, NoValue},
		{"a key without =", "NONCE=1,2,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, BadFormat},
		{"no HMAC", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0164" + strings.Replace(mac, "256=", "000=", 1), BadFormat},
		{"an HMAC without a value", "NONCE=12,TOKENFORMAT=1,TOKENLENGTH=0164,VALUE=11111111,HMACSHA256=", NoValue},
		{"an HMAC without =", "NONCE=12,TOKENFORMAT=1,TOKENLENGTH=0164,VALUE=111111111,HMACSHA256", BadFormat},
		{"the nonce is not first", "MISNG=1,TOKENFORMAT=1,TOKENLENGTH=0164" + mac, BadFormat},
		{"an HMAC in small letters", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0164" + mac[:12] + strings.ToLower(mac[12:]), BadFormat},
		{"something behind the HMAC", "NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0164" + mac + ",X=1", BadFormat},
	} {
		if _, got := parse(c.token); got != c.want {
			t.Errorf("%s: %c, want %c", c.name, got, c.want)
		}
	}
}

func TestThePublishedAmounts(t *testing.T) {
	for text, want := range map[string]int64{
		"123.678XYZ": 123_678000000, "1XYZ": scale, "4294967295XYZ": 4294967295 * scale, "000.000XYZ": 0, "1.05XYZ": 1_050000000,
		"4294967296XYZ": -1, "10000000001XYZ": -1, "1AB": -1, "11AB": -1, ".1XYZ": -1, "1.XYZ": -1, "1.4294967296XYZ": -1, "1.00EUR": -1, "-1XYZ": -1, "XYZ": -1,
	} {
		got, ok := parseAmount(text, "XYZ")
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
}

const (
	opensslDispense = "9A85ECDC8041FC2D219C054FBEF270BCFD4102B4DE0B335A90F61E868CC0B426"
	opensslResponse = "4A5712D5E8D8FD133803E4D9D41E131F129E915ABC1D24300FDD85268372E450"
)

// Vectors made with OpenSSL 3: printf '%s' 'NONCE=…,HMACSHA256=' | openssl dgst -sha256 -mac HMAC -macopt hexkey:…
func TestTheHMACIsThatOfAnotherImplementation(t *testing.T) {
	d := &Trust{Currency: "CNY", Now: time.Now}
	d.SetKey([]byte("0123456789ABCDEF0123456789ABCDEF"))
	d.nonce = "254611E63B2531576314E86527338D61"
	token := "NONCE=254611E63B2531576314E86527338D61,TOKENFORMAT=1,TOKENLENGTH=0164,DISPENSE1=50.00CNY,HMACSHA256="
	if got := d.Present(token + opensslDispense); got != Accepted {
		t.Errorf("%c", got)
	}
	got, _ := d.Respond("1414", Paid{ID: "CB735612FD6141213C2827FB5A6A4F4846D7A7347B15434916FEA6AC16F3D2F2", Dispensed: 50, Presented: 50})
	want := "NONCE=1414,TOKENFORMAT=1,TOKENLENGTH=0268,DISPENSEID=CB735612FD6141213C2827FB5A6A4F4846D7A7347B15434916FEA6AC16F3D2F2,DISPENSED1=50.00CNY,PRESENTED1=YES,PRESENTEDAMOUNT1=50.00CNY,RETRACTED1=NO,HMACSHA256=" + opensslResponse
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// dispenser is a device with a key, and what a host makes of its nonce.
func dispenser() (*Trust, func(amount string) string) {
	d := &Trust{Currency: "CNY", Now: time.Now}
	d.SetKey([]byte("a key of thirty-two bytes, loaded"))
	return d, func(amount string) string {
		signed := "NONCE=" + d.nonce + ",TOKENFORMAT=1,TOKENLENGTH=0196,DISPENSE1=" + amount + ",HMACSHA256="
		sum := d.sign(signed)
		const hexes = "0123456789ABCDEF"
		for _, b := range sum {
			signed += string([]byte{hexes[b>>4], hexes[b&15]})
		}
		return signed
	}
}

func TestATokenPaysInPartsAndNeverMoreThanItsValue(t *testing.T) {
	d, host := dispenser()
	d.Nonce()
	token := host("300.00CNY")
	pay := func(value int64) Verdict {
		if v := d.Present(token); v != Accepted {
			return v
		}
		return d.Reserve(value)
	}
	for i, step := range []struct {
		value, back int64
		want        Verdict
	}{
		{400, 0, TooMuch}, {100, 0, Accepted}, {100, 50, Accepted}, {200, 0, TooMuch}, {0, 0, TooMuch}, {150, 0, Accepted}, {50, 0, NoNonce},
	} {
		got := pay(step.value)
		if got == Accepted {
			d.Release(step.back)
		}
		if got != step.want {
			t.Fatalf("step %d: %c, want %c", i, got, step.want)
		}
	}
	if held, why := d.State(); held || why != UsedUp {
		t.Errorf("%v %c", held, why)
	}
}

func TestATokenIsWorthNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(d *Trust, token string) string
		want  Verdict
	}{
		"when the power went":        {func(d *Trust, token string) string { d.PowerOff(); return token }, NoNonce},
		"when the nonce was cleared": {func(d *Trust, token string) string { d.Clear(); return token }, NoNonce},
		"when a new nonce was made":  {func(d *Trust, token string) string { d.Nonce(); return token }, WrongNonce},
		"when its time is over":      {func(d *Trust, token string) string { d.until = d.Now().Add(-time.Second); return token }, NoNonce},
		"with a forged HMAC":         {func(_ *Trust, token string) string { return token[:len(token)-1] + flip(token[len(token)-1]) }, WrongHMAC},
		"with another value":         {func(_ *Trust, token string) string { return strings.Replace(token, "300", "900", 1) }, WrongHMAC},
		"of another key": {func(d *Trust, token string) string {
			n := d.nonce
			d.SetKey([]byte("other"))
			d.nonce = n
			return token
		}, WrongHMAC},
		"beside another one in use":       {func(d *Trust, token string) string { d.inUse, d.token = true, [32]byte{1}; return token }, Different},
		"in another currency":             {func(d *Trust, token string) string { d.Currency = "USD"; return token }, Unusable},
		"without a key to prove it":       {func(d *Trust, token string) string { d.key = nil; return token }, NoKey},
		"when nothing of it is a token":   {func(*Trust, string) string { return "hello" }, BadFormat},
		"when it names two denominations": {func(d *Trust, token string) string { return resign(d, "DISPENSE1=1.00CNY,DISPENSE2=1.00USD") }, Unusable},
		"when it repeats its amount":      {func(d *Trust, token string) string { return resign(d, "DISPENSE1=1.00CNY,DISPENSE1=9.00CNY") }, Unusable},
		"when it names no amount":         {func(d *Trust, token string) string { return resign(d, "X=1") }, Unusable},
	} {
		d, host := dispenser()
		d.Nonce()
		if got := d.Present(c.spoil(d, host("300.00CNY"))); got != c.want {
			t.Errorf("%s: %c, want %c", name, got, c.want)
		}
		if d.HasKey() && d.Reserve(1) != TooMuch {
			t.Errorf("%s: it paid", name)
		}
	}
}

func flip(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

func resign(d *Trust, keys string) string {
	signed := "NONCE=" + d.nonce + ",TOKENFORMAT=1,TOKENLENGTH=0196," + keys + ",HMACSHA256="
	sum := d.sign(signed)
	var sb strings.Builder
	for _, b := range sum {
		sb.WriteString(strings.ToUpper(string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15])))
	}
	return signed + sb.String()
}

func TestAnAcceptedTokenPaysOnceForEachTimeItIsShown(t *testing.T) {
	d, host := dispenser()
	d.Nonce()
	d.Present(host("300.00CNY"))
	if d.Reserve(100) != Accepted || d.Reserve(100) != TooMuch {
		t.Error("a second payment needs the token again")
	}
}

func TestNoncesAreNeverTheSame(t *testing.T) {
	d, _ := dispenser()
	seen := map[string]bool{}
	for range 100 {
		n := d.Nonce()
		if len(n) != 32 || strings.Trim(n, "0123456789ABCDEF") != "" || seen[n] {
			t.Fatal(n)
		}
		seen[n] = true
	}
}

func FuzzParse(f *testing.F) {
	f.Add("NONCE=1,TOKENFORMAT=1,TOKENLENGTH=0164,DISPENSE1=1.00CNY" + mac)
	f.Add("NONCE=,=,")
	f.Fuzz(func(t *testing.T, s string) {
		p, v := parse(s)
		if v == Accepted && (p.nonce == "" || !strings.HasPrefix(s, p.signed) || len(s)-len(p.signed) != 64) {
			t.Errorf("%q: %+v", s, p)
		}
		_, _ = parseAmount(p.dispense, "CNY")
	})
}
