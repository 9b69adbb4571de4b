package mgmt

import "time"

// Product is one line of the catalogue in force of GET /products: what may be asked for, by which message,
// what it moves and how it ends.
type Product struct {
	Name     string   `json:"name"`
	Title    Text     `json:"title"`
	Group    string   `json:"group"`
	Type     string   `json:"type"` // MTI of the request
	Code     string   `json:"code"` // field 3
	MCC      string   `json:"mcc,omitempty"`
	Moves    string   `json:"moves" enum:",money,thing"`
	Pays     string   `json:"pays" enum:",merchant,party,other,customer"` // whose the money is; a merchant's and a third party's is cleared
	Party    string   `json:"party,omitempty"`                            // number of the third party
	Confirm  bool     `json:"confirm"`                                    // the terminal confirms it, with 0220
	Credit   bool     `json:"credit"`                                     // it takes money: the confirmation books it
	Fields   []string `json:"fields"`
	Steps    []string `json:"steps"`
	Channels []string `json:"channels"` // that may ask for it, of those that are configured
}

// Limit is one configured rule of GET /limits.
type Limit struct {
	Name     string   `json:"name"`
	Of       string   `json:"of" enum:"card,terminal,merchant,channel"`
	Per      string   `json:"per" enum:"transaction,hour,day,month"`
	Amount   int64    `json:"amount"` // minor units; 0: any
	Count    int64    `json:"count"`  // 0: any
	Products []string `json:"products"`
	Channels []string `json:"channels"`
	BINs     []string `json:"bins"`
	Code     string   `json:"code"` // response of what is over it
}

// LimitSubject is the body of POST /limits/use: a card number travels in no address.
type LimitSubject struct {
	Kind    string `json:"kind" enum:"card,terminal,merchant,channel"`
	Subject string `json:"subject" minLength:"1" maxLength:"40"`
}

// LimitUse is what somebody has used of a rule in its present period.
type LimitUse struct {
	Limit      Limit  `json:"limit"`
	Period     string `json:"period"` // yyyyMMddHH, yyyyMMdd or yyyyMM; empty for each transaction by itself
	UsedAmount int64  `json:"usedAmount"`
	UsedCount  int64  `json:"usedCount"`
}

// Used is the answer of POST /limits/use.
type Used struct {
	Kind    string     `json:"kind"`
	Name    string     `json:"name"` // masked card number, or the number
	Blocked bool       `json:"blocked"`
	Note    string     `json:"note"` // why it is blocked
	Uses    []LimitUse `json:"uses"`
}

// Share is a part of a merchant's money.
type Share struct {
	Receiver string `json:"receiver"`
	PPM      int64  `json:"ppm"`
}

// Merchant is one whose payments are cleared; a third party has a number of less than 15 characters.
type Merchant struct {
	Number    string   `json:"number"`
	Branch    string   `json:"branch"`
	NameZH    string   `json:"nameZH"`
	NameEN    string   `json:"nameEN"`
	FeePPM    int64    `json:"feePPM"` // millionths of a payment
	FeeMin    int64    `json:"feeMin"` // minor units
	FeeMax    int64    `json:"feeMax"` // 0: none
	Enabled   bool     `json:"enabled"`
	Blocked   bool     `json:"blocked"`
	Shares    []Share  `json:"shares"`
	Terminals []string `json:"terminals"`
}

// ClearedMerchant is what a settlement day pays for one merchant's payments.
type ClearedMerchant struct {
	Number string  `json:"number"`
	NameZH string  `json:"nameZH"`
	NameEN string  `json:"nameEN"`
	Count  int64   `json:"count"`
	Gross  int64   `json:"gross"` // what customers paid
	Fee    int64   `json:"fee"`   // the bank's
	Parts  []Given `json:"parts"`
}

// Given is what one receiver gets.
type Given struct {
	Receiver string `json:"receiver"`
	Amount   int64  `json:"amount"`
}

// Clearing is the answer of GET and POST /clearing.
type Clearing struct {
	Day    string    `json:"day"`
	Ran    bool      `json:"ran"` // false: nobody has cleared the day yet
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Early  bool      `json:"early"` // the day was not over when it was cleared
	Count  int64     `json:"count"` // of all merchants
	Gross  int64     `json:"gross"`
	Fee    int64     `json:"fee"`
	Unsaid int64     `json:"unsaid"` // payments cleared to nobody, as their product does not say whom it pays
	// Held are payments in dispute: nobody gets them before two persons have settled the difference about each.
	Held       int64 `json:"held"`
	HeldAmount int64 `json:"heldAmount"`
	Refunded   int64 `json:"refunded"` // payments that people have given back
	// Unregistered are payments to third parties that nobody has registered: they are cleared to nobody.
	Unregistered       int64 `json:"unregistered"`
	UnregisteredAmount int64 `json:"unregisteredAmount"`
	// ByHand are payments that two persons have closed by hand: whoever gets the money gets it outside.
	ByHand       int64 `json:"byHand"`
	ByHandAmount int64 `json:"byHandAmount"`
	// Closed are payments to merchants that are out of use: nobody gets them before the merchant is in use again.
	Closed       int64                 `json:"closed"`
	ClosedAmount int64                 `json:"closedAmount"`
	Merchants    Page[ClearedMerchant] `json:"merchants"`
}

// RunClearing is the body of POST /clearing.
type RunClearing struct {
	Day string `json:"day" pattern:"^[0-9]{8}$"`
}
