package schema

import "path"

// Exception from a rule, with its reason. Table and Column may be patterns: *_TIME.
type Exception struct{ Rule, Table, Column, Reason string }

func (x Exception) covers(f Finding, t *Table) bool {
	like := func(pattern, name string) bool { ok, err := path.Match(pattern, name); return ok && err == nil }
	return x.Rule == f.Rule && like(x.Table, t.Name) && like(x.Column, f.Column)
}

// Exceptions of this schema.
var Exceptions = []Exception{
	{"DB-06", "TX_ON_JOURNAL", "JOURNAL_NUMBER", "its number comes from the number generator and rises with time, as a counted key would: a second key would cost every transaction another index"},
	{"DB-06", "TX_ON_KEY", "IDEMPOTENCY_KEY", "the key is all the table is for; a second one would cost every transaction another index"},
	{"DB-01", "TX_ON_EVENT", "", "a step has no number of its own; it is found by its transaction"},
	{"DB-01", "FL_RL_ASSIGNMENT", "", "the last row of a terminal counts; rows are never named"},
	{"DB-01", "SY_US_AUDIT_LOG", "", "a line of the audit trail is never named"},
	{"DB-07", "FL_TM_STATE", "*", "reports of a terminal, kept as they came; nothing is searched in them"},
	{"DB-07", "FL_TM_COMMAND", "ARGUMENTS", "a document for the terminal, of no known length"},
	{"DB-07", "FL_TM_ALARM", "DETAIL", "free text of a terminal, of no known length"},
	{"DB-07", "FL_EJ_RECORD", "RECORD_BODY", "sealed by its hash chain: it must be kept byte for byte, of any length"},
	{"DB-07", "SY_ND_STATE", "CONTENT", "a document for other servers' consoles, of no known length; nothing is searched in it"},
	{"DB-07", "FL_RL_BUNDLE", "MANIFEST", "a signed document of any length: it must be kept byte for byte"},
	{"DB-08", "*", "AMOUNT", "integers of minor units, as in the messages: no rounding, one meaning on three engines"},
	{"DB-08", "*", "*_AMOUNT", "as AMOUNT"},
	{"DB-08", "TX_MC_MERCHANT", "FEE_M??", "as AMOUNT"},
	{"DB-08", "*", "*_TIME", "Unix milliseconds: one meaning on three engines, whatever their time zones and types"},
	{"DB-08", "TX_ON_*", "", "HOST_TIME is what the host's message said, in its own digits"},
	{"DB-08", "SY_US_USER", "LOCKED_UNTIL", "as *_TIME"},
	{"DB-08", "*", "*_DATE", "yyyyMMdd as the messages have it: compared and sorted as text, without a conversion"},
	{"DB-08", "TX_MC_*", "*_PPM", "millionths as an integer: no rounding, one meaning on three engines"},
	{"DB-09", "TX_ON_KEY", "", "the arbiter of repeats must be unique over all time; old keys go with their month's archive"},
	{"DB-09", "TX_ON_EVENT", "", "read by the number of one transaction only; rows go with their month's archive"},
	{"DB-09", "TX_ON_REVERSAL", "", "a few rows of a thousand transactions; rows go with their month's archive"},
	{"DB-09", "FL_EJ_RECORD", "", "unique over all time by terminal and number, which its chain is checked by"},
}
