// Package guard decides whether a command that moves money may run: rules over the
// journal's facts, asked by the cashier and not by any page. The built-in rules cannot
// be switched off; configuration can only add more. Rules are expr expressions over
// Facts that must be true. Only the native platform imports it.
package guard

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Facts are what a rule may look at. Amounts are minor units.
type Facts struct {
	Txn struct {
		Type     string `expr:"type"`
		Host     string `expr:"host"` // approved, declined, unknown, …
		Amount   int64  `expr:"amount"`
		Cash     string `expr:"cash"` // "" until a dispense was begun for this transaction
		Approved bool   `expr:"padApproved"`
		Settled  bool   `expr:"settled"`
	} `expr:"txn"`
	Request struct {
		Amount int64 `expr:"amount"`
		Notes  int   `expr:"notes"`
	} `expr:"request"`
	Device struct {
		State     string `expr:"state"`
		Exit      string `expr:"exit"`
		Transport string `expr:"transport"`
		Stacker   string `expr:"stacker"`
	} `expr:"device"`
	Session struct {
		Same      bool `expr:"same"`      // the transaction belongs to the open session
		CardGone  bool `expr:"cardGone"`  // the customer has the card again
		InService bool `expr:"inService"` //
	} `expr:"session"`
	Book struct {
		CountsKnown bool `expr:"countsKnown"`
		Enough      bool `expr:"enough"`      // every unit holds what the plan takes
		DepositOpen bool `expr:"depositOpen"` // another deposit into this device is not closed; of a deposit: or waits for a count
	} `expr:"book"`
	Limit struct {
		PadOver  int64 `expr:"padOver"` // above it the lobby manager must have approved; 0: no limit
		MaxNotes int   `expr:"maxNotes"`
		PerTxn   int64 `expr:"perTxn"`
		Deposit  int64 `expr:"deposit"` // the most that one deposit may take in
	} `expr:"limit"`
}

// Rule is one condition that must hold.
type Rule struct {
	Name string `yaml:"name"`
	When string `yaml:"must"` // the expression
	Why  string `yaml:"why"`  // for the operator
}

// Dispense are the built-in rules before notes leave a cash unit.
var Dispense = []Rule{
	{"same-session", `session.same`, "the transaction belongs to another session"},
	{"host-approved", `txn.host == "approved"`, "the host has not approved it"},
	{"withdrawal", `txn.type == "withdrawal"`, "only a withdrawal pays out"},
	{"amount-equal", `request.amount == txn.amount && request.amount > 0`, "the amount is not the approved one"},
	{"once", `txn.cash == ""`, "cash was moved for this transaction already"},
	{"not-settled", `!txn.settled`, "the transaction is settled"},
	{"card-first", `session.cardGone`, "the card must be back with the customer first"},
	{"pad-approved", `limit.padOver == 0 || request.amount <= limit.padOver || txn.padApproved`, "the lobby manager has not approved it"},
	{"nothing-left", `device.exit == "empty" && device.transport == "empty" && device.stacker in ["empty", ""]`, "notes lie at the exit or inside"},
	{"device-ready", `device.state == "online"`, "the cash module is not ready"},
	{"counts-known", `book.countsKnown`, "the cash units must be counted first"},
	{"enough", `book.enough`, "a cash unit holds too little"},
	{"no-deposit", `!book.depositOpen`, "a deposit into the same device is not closed"},
	{"limits", `(limit.maxNotes == 0 || request.notes <= limit.maxNotes) && (limit.perTxn == 0 || request.amount <= limit.perTxn)`, "above the limit of one transaction"},
}

// Deposit are the built-in rules before a device is opened for a customer's notes. What is asked
// for is a limit: the device gives back what goes beyond it.
var Deposit = []Rule{
	{"same-session", `session.same`, "the transaction belongs to another session"},
	{"host-approved", `txn.host == "approved"`, "the host has not approved it"},
	{"deposit", `txn.type == "deposit"`, "only a deposit takes notes in"},
	{"once", `txn.cash == ""`, "notes were taken for this transaction already"},
	{"not-settled", `!txn.settled`, "the transaction is settled"},
	{"limits", `request.amount > 0 && request.amount <= limit.deposit`, "above the limit of one deposit"},
	{"one-deposit", `!book.depositOpen`, "an earlier deposit is not closed or waits for a count"},
	{"device-ready", `device.state == "online"`, "the acceptor is not ready"},
	{"nothing-left", `device.stacker == "empty" && device.transport == "empty" && device.exit != "notEmpty"`, "a note lies inside or at the exit"},
}

// Guard holds compiled rules. Safe for concurrent use.
type Guard struct {
	rules []Rule
	progs []*vm.Program
}

// New compiles the built-in rules and those that configuration adds. An error names the
// rule and the place in it.
func New(more ...Rule) (*Guard, error) {
	return compile(append(append([]Rule(nil), Dispense...), more...))
}

// ForDeposit compiles the built-in rules of a deposit.
func ForDeposit() (*Guard, error) { return compile(Deposit) }

func compile(rules []Rule) (*Guard, error) {
	g := &Guard{}
	for _, r := range rules {
		p, err := expr.Compile(r.When, expr.Env(Facts{}), expr.AsBool())
		if err != nil {
			return nil, fmt.Errorf("guard rule %q: %w", r.Name, err)
		}
		g.rules, g.progs = append(g.rules, r), append(g.progs, p)
	}
	return g, nil
}

// Refusal is a broken rule.
type Refusal struct{ Rule Rule }

func (r *Refusal) Error() string { return "guard: " + r.Rule.Name + ": " + r.Rule.Why }

// Check returns a *Refusal for the first rule that does not hold. A rule that cannot be
// evaluated refuses as well.
func (g *Guard) Check(f Facts) error {
	for i, p := range g.progs {
		out, err := expr.Run(p, f)
		if err != nil {
			return &Refusal{Rule{Name: g.rules[i].Name, Why: "the rule could not be evaluated"}}
		}
		if ok, _ := out.(bool); !ok {
			return &Refusal{g.rules[i]}
		}
	}
	return nil
}
