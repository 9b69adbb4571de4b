package trade_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// Each product of the catalogue by what 2345 of it do to the accounts of the bank. What is in none of these moves nothing.
var (
	takesFromCustomer = strings.Fields(`purchase remittance creditRepay wealthBuy fundBuy insuranceBuy qrPay mobilePay
 taxPay treasuryPay nonTaxPay medicalPay pensionPay housingPay water power gas phone tv rent property broadband tuition trafficFine transitTopUp
 securitiesIn agencyInsurance agencyFund metalBuy airTicket hotel eventTicket lottery meal gameTopUp withdrawal faceWithdrawal bookedWithdrawal`)
	givesToCustomer = strings.Fields("wealthRedeem fundRedeem securitiesOut metalSell")
	betweenAccounts = map[string]map[string]int64{
		"transfer":     {card1: -2345, card5: 2345},
		"batchPay":     {card1: -2345, card5: 2000, card2: 345},
		"batchCollect": {card1: 2345, card5: -2000, card2: -345},
	}
	movesNoAccount = strings.Fields(`balance pinChange statement deposit cardIssue cardSpent passbook passbookPrinted accountOpen cardActivate passwordReset lossReport lossCancel
 cardReplace passbookReplace certificateReplace accountClose customerUpdate payee statementPrint contractSign contractCancel contracts
 creditApply creditPasswordReset creditRepaySign creditRepayCancel creditActivate creditBill creditPoints creditRedeem wealthQuery
 smsSign smsCancel netBankSign netBankCancel mobileBankSign mobileBankCancel directBankSign directBankCancel smartForm faceSign withdrawalBooking
 batchOpen batchPrint collectSign collectCancel batches pensionQuery housingQuery billQuery
 corpQuery corpNotice corpAutoTransfer corpPooling corpCash corpReconcile medicalBooking`)
)

// accounts are the balances of the bank that are not nothing.
func (r *rig) accounts() map[string]int64 {
	out := map[string]int64{}
	for _, a := range r.bank.Accounts() {
		if a.Balance != 0 {
			out[a.Card] = a.Balance
		}
	}
	return out
}

// What a product says it moves is in the bank's books, its reversal puts all of it back, and both sides' books of the day
// agree. (A deposit moves money by its confirmation: deposit_test.go.)
// req: BZ-05 BZ-09 BZ-12
func TestEveryProductMovesWhatItSaysAndItsReversalPutsItBack(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	x.buys()
	for _, p := range product.Builtin().All() {
		want := map[string]int64{}
		switch {
		case slices.Contains(takesFromCustomer, p.Name):
			want[card1] = -2345
		case slices.Contains(givesToCustomer, p.Name):
			want[card1] = 2345
		case betweenAccounts[p.Name] != nil:
			want = betweenAccounts[p.Name]
		case !slices.Contains(movesNoAccount, p.Name):
			t.Errorf("nobody has said what %s moves", p.Name)
		}
		if (p.Moves == product.Money) != (len(want) > 0) || (p.Pays == product.Customer) != (want[card1] > 0) {
			t.Errorf("%s moves %q for %q, and accounts change by %v", p.Name, p.Moves, p.Pays, want)
		}
		if p.Moves != product.Money {
			continue
		}
		for _, back := range []bool{true, false} {
			q := x.prepared(p)
			before, held := r.accounts(), r.bank.Check().Holdings
			if a := x.do(q, true); a.String(39) != "00" {
				t.Fatal(p.Name, a.Describe())
			}
			got := map[string]int64{}
			for card, now := range r.accounts() {
				if now != before[card] {
					got[card] = now - before[card]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", p.Name, diff)
			}
			if !back {
				if p.Confirm && x.do(x.about("0220", q, 2345), true).String(39) != "00" {
					t.Errorf("%s is not confirmed", p.Name)
				}
				continue
			}
			if a := x.do(x.about("0400", q, 2345), true); a.String(39) != "00" {
				t.Fatal(p.Name, a.Describe())
			}
			until(t, "the reversal of "+p.Name, func() bool { return r.txn(x, q).State == store.Reversed })
			if diff := cmp.Diff(before, r.accounts()); diff != "" || r.bank.Check().Holdings != held {
				t.Errorf("%s taken back: %s, %d held, before %d", p.Name, diff, r.bank.Check().Holdings, held)
			}
		}
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
	b := &recon.Books{Store: r.st, Products: product.Builtin(), Now: time.Now}
	for _, format := range []string{"core", "cups"} {
		if run, diffs := r.compare(b, format, r.host.Day(time.Now())); len(diffs) != 0 || run.Matched == 0 || run.OurAmount != run.TheirAmount {
			t.Errorf("%s: %+v %v", format, run, classes(diffs))
		}
	}
}
