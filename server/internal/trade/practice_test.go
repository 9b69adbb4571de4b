package trade_test

import (
	"cmp"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

// A partner and the host may each have their own kind of MAC and of PIN block: the switch speaks to each as agreed, with the module in
// software and with the one behind TCP, and a message with a MAC of the usual kind is refused.
//
// req: TX-24 TX-27
func TestAPartnerAndTheHostHaveTheirOwnMACAndPINBlock(t *testing.T) {
	for name, c := range map[string]struct {
		host, partner hsm.Practice
		device        bool
		dialect       string
	}{
		"fold and ISO-3 to the host, X9.9 from the partner": {host: hsm.Practice{MAC: paycrypto.Fold, PIN: paycrypto.ISO3}, partner: hsm.Practice{MAC: paycrypto.X99}},
		"X9.9 to the host, fold and ISO-1 from the partner": {host: hsm.Practice{MAC: paycrypto.X99}, partner: hsm.Practice{MAC: paycrypto.Fold, PIN: paycrypto.ISO1}},
		"the same behind TCP":                               {host: hsm.Practice{MAC: paycrypto.Fold, PIN: paycrypto.ISO3}, partner: hsm.Practice{MAC: paycrypto.CMAC, PIN: paycrypto.ISO1}, device: true},
		"no card number in the partner's blocks":            {host: hsm.Practice{PIN: paycrypto.ISO3}, partner: hsm.Practice{MAC: paycrypto.X919M2, PIN: paycrypto.X98}},
		"UnionPay's POS message with its fold":              {partner: hsm.Practice{MAC: paycrypto.Fold}, dialect: "pos64fold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &rig{t: t, dir: t.TempDir(), practice: c.host, partnerHow: c.partner}
			if c.device {
				x.device = moduleOf(t).Addr()
			}
			r := newRigOf(x)
			p := r.addPartner(link.Spec{Kind: "short", Listen: free(t)}, cmp.Or(c.dialect, "corefixed"), nil)
			for code, want := range map[string]string{"000000": "00", "310000": "00"} {
				if a, err := p.ask("0200", code, card1, map[string]int64{"000000": 12345}[code]); err != nil || a.Values["response"] != want {
					t.Errorf("%s: %v %+v", code, err, a)
				}
			}
			if got := 2_000_000 - r.balance(card1); got != 12345 {
				t.Errorf("booked %d", got)
			}
			if n := r.eng.Stats().MACErrors; n != 0 {
				t.Errorf("%d MACs were wrong", n)
			}
			p.how = hsm.Practice{PIN: c.partner.PIN}
			if a, err := p.ask("0200", "000000", card1, 1); err != nil || a.Values["response"] != "A0" {
				t.Errorf("the usual MAC: %v %+v", err, a)
			}
		})
	}
}
