package bankhost

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// service is what the host does for one processing code beside cash and inquiry. F62 of the request
// is its argument, F62 of the answer what it says. The host is a bank's: it knows accounts, contracts,
// orders and billers, and whoever asks by whichever channel gets the same.
type service struct {
	module string // status, contract, standing, order, query, pay, hold, redeem, transfer, batch and the like
	arg    string
}

// services by processing code: 60 group of the business number within it. The numbers are this
// bank's own.
var services = map[string]service{
	// accounts
	"600101": {"open", ""}, "600102": {"status", "ok<inactive"}, "600103": {"reset", ""}, "600104": {"status", "lost<ok"}, "600105": {"status", "ok<lost"},
	"600106": {"order", "card"}, "600107": {"order", "passbook"}, "600108": {"order", "certificate"}, "600109": {"close", ""},
	"600201": {"order", "customer"},
	"600301": {"transfer", ""}, "600302": {"pay", "remittance"}, "600303": {"query", "lines"}, "600304": {"contract", "+"}, "600305": {"contract", "-"}, "600306": {"query", "contracts"},
	// credit cards
	"600401": {"order", "creditCard"}, "600402": {"reset", ""}, "600403": {"contract", "+autoRepay"}, "600404": {"contract", "-autoRepay"}, "600405": {"pay", "creditCard"},
	"600406": {"status", "ok<inactive"}, "600407": {"query", "bill"}, "600408": {"query", "points"}, "600409": {"order", "points"},
	// wealth
	"600501": {"query", "wealth"}, "600502": {"hold", "wealth"}, "600503": {"redeem", "wealth"}, "600504": {"hold", "fund"}, "600505": {"redeem", "fund"}, "600506": {"pay", "insurance"},
	// electronic banking
	"600601": {"contract", "+sms"}, "600602": {"contract", "-sms"}, "600603": {"contract", "+netBank"}, "600604": {"contract", "-netBank"},
	"600605": {"contract", "+mobileBank"}, "600606": {"contract", "-mobileBank"}, "600607": {"contract", "+directBank"}, "600608": {"contract", "-directBank"},
	// cash and card
	"600801": {"query", "form"}, "600802": {"contract", "+face"}, "600803": {"face", ""}, "600804": {"pay", "qr"}, "600805": {"pay", "mobilePay"}, "600806": {"booking", ""}, "600807": {"booked", ""},
	// intermediary business
	"600901": {"order", "batchOpen"}, "600902": {"batch", "-"}, "600903": {"batch", "+"}, "600904": {"order", "batchPrint"}, "600905": {"contract", "+collect"}, "600906": {"contract", "-collect"}, "600907": {"query", "orders"},
	// public sector
	"601001": {"pay", "tax"}, "601002": {"pay", "treasury"}, "601003": {"pay", "nonTax"}, "601004": {"pay", "medicalInsurance"}, "601005": {"query", "bill"}, "601006": {"pay", "pension"}, "601007": {"query", "bill"}, "601008": {"pay", "housingFund"},
	// utilities
	"601100": {"query", "bill"}, "601101": {"pay", "water"}, "601102": {"pay", "power"}, "601103": {"pay", "gas"}, "601104": {"pay", "phone"}, "601105": {"pay", "tv"}, "601106": {"pay", "rent"},
	"601107": {"pay", "property"}, "601108": {"pay", "broadband"}, "601109": {"pay", "tuition"}, "601110": {"pay", "trafficFine"}, "601111": {"pay", "transit"},
	// agency
	"601201": {"hold", "securities"}, "601202": {"redeem", "securities"}, "601203": {"pay", "insurance"}, "601204": {"hold", "fund"}, "601205": {"hold", "metal"}, "601206": {"redeem", "metal"},
	// enterprises
	"601301": {"query", "lines"}, "601302": {"contract", "+changeNotice"}, "601303": {"standing", "+autoTransfer"}, "601304": {"standing", "+pooling"}, "601305": {"query", "contracts"}, "601306": {"query", "reconcile"},
	// internet
	"601401": {"pay", "airTicket"}, "601402": {"pay", "hotel"}, "601403": {"order", "medical"}, "601404": {"pay", "ticket"}, "601405": {"pay", "lottery"}, "601406": {"pay", "meal"}, "601407": {"pay", "game"},
}

// generic codes, 69xxxx, are billers that the bank takes on without a program: the name comes in F62.
func serviceOf(code string) (service, bool) {
	if s, ok := services[code]; ok {
		return s, true
	}
	if strings.HasPrefix(code, "69") {
		return service{"pay", "biller" + code[2:]}, true
	}
	return service{}, false
}

// bill is what a customer owes a biller this month: a number that both sides can compute.
func bill(number string) int64 {
	h := sha256.Sum256([]byte("bill|" + number))
	return 1000 + int64(binary.BigEndian.Uint16(h[:]))%50000
}

// serve does what a service asks; the PIN is checked already. The caller holds mu.
func (h *Host) service(s service, q *request, a *Account, key string, amount int64) <-chan error {
	l := h.l
	arg := q.m.text(62)
	done := func(do, value string) <-chan error {
		q.rc, q.auth = "00", fmt.Sprintf("%06d", l.entries%1000000)
		return l.post(Entry{Kind: "service", Key: key, Card: a.Card, RC: "00", Ref: q.m.text(37), Term: q.m.text(41), Auth: q.auth, Do: do, Value: value, Day: h.today()})
	}
	pay := func(to, hold, do string) <-chan error {
		e := h.entry(q, "withdraw", key, a.Card, amount)
		e.Hold, e.Do = hold, do
		ch := h.withdraw(q, a, e)
		if q.rc == "00" {
			q.text = "paid " + to
		}
		return ch
	}
	switch s.module {
	case "open": // an account without a card, of this customer
		q.text = fmt.Sprintf("account 62258899%08d", l.entries%100000000)
		return done("order:account", q.text)
	case "status":
		to, from, _ := strings.Cut(s.arg, "<")
		if a.Status != from && a.Status != to {
			q.rc = "40"
			return nil
		}
		return done("status:"+to, "")
	case "reset": // a new PIN is sent by mail; the old one is void after that
		return done("order:pinMail", arg)
	case "close":
		if a.Balance != 0 || len(l.held(a)) > 0 {
			q.rc = "40"
			return nil
		}
		return done("status:closed", "")
	case "contract", "standing":
		kind := s.arg[1:]
		if kind == "" {
			kind = arg
		}
		if kind == "" || strings.ContainsAny(kind, "|;") {
			q.rc = "30"
			return nil
		}
		if s.module == "standing" {
			if q.rc = l.standing(a, arg); q.rc != "" {
				return nil
			}
		}
		has := l.contracts[a.Card+"|"+kind] != ""
		if has == (s.arg[0] == '+') { // signed twice, or cancelled without one
			q.rc = "40"
			return nil
		}
		return done(map[byte]string{'+': "sign:", '-': "cancel:"}[s.arg[0]]+kind, arg)
	case "order":
		if arg == "" {
			q.rc = "30"
			return nil
		}
		q.text = fmt.Sprintf("order %s-%06d", s.arg, l.entries%1000000)
		return done("order:"+s.arg, arg)
	case "query":
		q.rc = "00"
		switch s.arg {
		case "lines", "reconcile":
			q.statement(l, a)
		case "contracts", "orders":
			var out []string
			for k := range l.contracts {
				if card, kind, _ := strings.Cut(k, "|"); card == a.Card && s.arg == "contracts" {
					out = append(out, kind)
				}
			}
			if s.arg == "orders" {
				out = append(out, l.orders[a.Card]...)
			}
			sort.Strings(out)
			q.text = strings.Join(out, ";") + ";"
		case "bill":
			q.text = fmt.Sprintf("%d", bill(arg))
		case "points":
			q.text = fmt.Sprintf("%d", a.Seq*10)
		case "wealth":
			q.text = strings.Join(append([]string{"W1|0.0215|10000", "W2|0.0310|500000"}, l.held(a)...), ";")
		case "form": // what a smart form is filled in with
			q.text = "branch=0001;currency=156;account=" + a.Card[len(a.Card)-4:]
		}
		return nil
	case "pay", "hold": // what is paid for is held under the number in F62
		if len(arg) < 4 {
			q.rc = "30"
			return nil
		}
		if strings.HasSuffix(arg, "!") && amount != bill(arg) { // a bill is paid as it is
			q.rc = "13"
			return nil
		}
		hold := ""
		if s.module == "hold" {
			hold = s.arg + "|" + arg
		}
		return pay(s.arg, hold, "")
	case "redeem": // the customer gets the money for what he holds under the number in F62
		e := h.entry(q, "redeem", key, a.Card, -amount)
		e.Hold = s.arg + "|" + arg
		if amount <= 0 {
			q.rc = "13"
			return nil
		}
		return h.settle(q, a, e)
	case "face": // the template's digest instead of the card in the customer's hand; the PIN all the same
		if v := l.contracts[a.Card+"|face"]; v == "" || v != arg {
			q.rc = "63"
			return nil
		}
		return pay("cash", "", "")
	case "booking": // F62: the amount; the answer's is the code that fetches it, once
		v, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || v <= 0 || v > 2_000_000 {
			q.rc = "13"
			return nil
		}
		code := fmt.Sprintf("%06d", (l.entries*7919+131)%1000000)
		q.text = code
		return done("sign:booking"+code, arg)
	case "booked":
		if v := l.contracts[a.Card+"|booking"+arg]; v == "" || v != strconv.FormatInt(amount, 10) {
			q.rc = "40"
			return nil
		}
		return pay("cash", "", "booked:"+arg)
	case "transfer": // F62: the account that gets it
		e := h.entry(q, "transfer", key, a.Card, amount)
		if e.To = arg; !l.takes(a, arg) {
			e.To, e.RC = "", "14"
		}
		return h.settle(q, a, e)
	case "batch":
		e := h.entry(q, "transfer", key, a.Card, amount)
		e.Legs, e.RC = l.batch(a, arg, s.arg == "-", amount)
		if s.arg == "-" {
			e.Amount = -amount
		}
		return h.settle(q, a, e)
	}
	q.rc = "12"
	return nil
}
