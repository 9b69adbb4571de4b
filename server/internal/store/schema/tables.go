package schema

import "slices"

// Unsettled is the condition of the index of transactions that are unfinished or of a rare
// state, word for word as queries repeat it: all but CONFIRMED and DECLINED.
const Unsettled = "TRANS_STATE <> 9 AND TRANS_STATE <> 2"

// Searchable is the condition of the indexes that only searches need, on SQLite: there they are
// brought up to date in quiet moments, so that a transaction does not wait for them.
const Searchable = "SEARCH_STATE = 1"

// searched are the indexes of the journal by which people search.
func searched() (out []Index) {
	for _, c := range [][]string{{"TERMINAL_NUMBER", "JOURNAL_NUMBER"}, {"ORGANIZATION_NUMBER", "JOURNAL_NUMBER"}, {"TRACE_NUMBER", "JOURNAL_NUMBER"}, {"REFERENCE_NUMBER"},
		{"PAN_INDEX", "JOURNAL_NUMBER"}, {"MASKED_PAN", "JOURNAL_NUMBER"}, {"AMOUNT", "JOURNAL_NUMBER"}} {
		out = append(out, index(c...).on(Networked), index(c...).where(Searchable).on(SQLite))
	}
	return out
}

// Tables of the server. Modules: TX transactions, FL fleet, PD lobby Pad, SY system.
var Tables = slices.Concat(transactions, fleet, people, system)

func terminalNumber() Column { return col("TERMINAL_NUMBER", Chars, 16, "terminal, field 41") }

func organization() Column { return col("ORGANIZATION_NUMBER", Chars, 20, "branch") }

func hostName() Column { return col("HOST_NAME", Chars, 40, "host to which it went").or("''") }

func journalNumber() Column {
	return col("JOURNAL_NUMBER", Number, 0, "number of the transaction, rises with time")
}

func reversalPaid() Column {
	return col("PAID_AMOUNT", Amount, 0, "what the terminal has paid or taken in").orNull()
}

func note() Column { return col("NOTE", Chars, 700, "remark for people").or("''") }

var transactions = []Table{
	table("TX_ON_JOURNAL", "one row for each transaction", []Column{
		journalNumber(),
		col("IDEMPOTENCY_KEY", Chars, 100, "terminal number, bar, the rest of the key that a repeat has in common"),
		col("REQUEST_DIGEST", Octets, 32, "SHA-256 of what a faithful repeat has in common"),
		terminalNumber(),
		organization().or("''"),
		col("CHANNEL_NAME", Chars, 40, "channel by which it came").or("''"),
		hostName(),
		col("TRANS_KIND", Chars, 20, "kind of transaction"),
		col("BATCH_NUMBER", Chars, 6, "batch of the terminal, field 60.2"),
		col("TRACE_NUMBER", Chars, 6, "trace number of the terminal, field 11"),
		col("AMOUNT", Amount, 0, "amount in minor units"),
		col("TRANS_STATE", Small, 0, "state, numbers of store.State"),
		col("RESPONSE_CODE", Chars, 4, "field 39 that the terminal was given").or("''"),
		col("HOST_TRACE_NUMBER", Chars, 6, "field 11 towards the host").or("''"),
		col("HOST_TIME", Chars, 10, "field 7 towards the host, MMDDhhmmss").or("''"),
		col("REFERENCE_NUMBER", Chars, 12, "field 37").or("''"),
		col("AUTHORIZATION_CODE", Chars, 6, "field 38").or("''"),
		col("MASKED_PAN", Chars, 23, "card number, the middle hidden").or("''"),
		col("PAN_INDEX", Octets, 32, "keyed index of the card number, for search").orNull(),
		col("REQUEST_SEALED", Octets, 8000, "messages from the terminal and to the host, sealed").orNull(),
		col("ANSWER_SEALED", Octets, 8000, "messages from the host and to the terminal, sealed").orNull(),
		reversalPaid(),
		note(),
		col("SEARCH_STATE", Small, 0, "SQLite: 1 when the indexes for searches hold the row").or("0"),
		settleDate(),
		col("MERCHANT_NUMBER", Chars, 15, "who is paid: the product's third party, or merchant of the terminal then (field 42)").or("''").from(5),
	}, append(searched(),
		unique("IDEMPOTENCY_KEY").on(SQLite).until(7), // of all rows
		unique("IDEMPOTENCY_KEY").on(SQLite).where(Searchable).from(7),
		index("TRANS_STATE", "JOURNAL_NUMBER").where(Unsettled),
	)...).byTime(),
	table("TX_ON_KEY", "arbiter of repeats: a partitioned table cannot have this unique key itself", []Column{
		col("IDEMPOTENCY_KEY", Chars, 100, "terminal number, bar, the rest of the key that a repeat has in common"),
		journalNumber(),
	}).on(Networked).growing(),
	table("TX_ON_EVENT", "steps of a transaction after its first outcome", []Column{
		id(), journalNumber(),
		col("TRANS_STATE", Small, 0, "state that was reached"),
		note(),
	}, index("JOURNAL_NUMBER")).growing(),
	table("TX_ON_REVERSAL", "what the host must still be told of a transaction, one row at most", []Column{
		id(), journalNumber(), terminalNumber(), hostName(),
		col("REVERSAL_STATE", Small, 0, "0 pending, 1 reversed, 2 not found, 3 stuck"),
		col("REASON_CODE", Chars, 40, "field 39 of the terminal, 98, or DP for a credit"),
		reversalPaid(),
		col("HOST_TRACE_NUMBER", Chars, 6, "own field 11 towards the host"),
		col("HOST_TIME", Chars, 10, "own field 7 towards the host, MMDDhhmmss"),
		col("ATTEMPT_COUNT", Int, 0, "times it was sent").or("0"),
		col("ABSENT_COUNT", Int, 0, "answers that the host does not know the original").or("0"),
		col("RESPONSE_CODE", Chars, 4, "last answer of the host").or("''"),
		col("NEXT_TIME", Millis, 0, "earliest next attempt"),
		col("NODE_NUMBER", Small, 0, "number of the server that sends it; 0 any").or("0").from(5),
	}, unique("JOURNAL_NUMBER"), index("JOURNAL_NUMBER", "REVERSAL_STATE").where("REVERSAL_STATE = 0"),
		index("REVERSAL_STATE", "TERMINAL_NUMBER").where("REVERSAL_STATE = 0").from(5)).growing(),
	table("TX_ON_CLOSING", "first word of the two persons who close a transaction by hand", []Column{
		id(), journalNumber(),
		col("ACTION", Chars, 60, "what is proposed"),
		col("FIRST_USER", Chars, 64, "who proposed it"),
		note(),
	}, unique("JOURNAL_NUMBER")),
	table("TX_ST_DAY", "settlement day of a host, as its last cut-over named it", []Column{
		id(), hostName(), settleDate(),
	}, unique("HOST_NAME")),
	table("TX_RC_RUN", "one comparison of a day's journal with another book", []Column{
		id(), settleDate(), hostName(), bookName(),
		col("SOURCE_DIGEST", Chars, 64, "SM3 of the file that was compared").or("''"),
		col("OUR_COUNT", Number, 0, "rows of the journal"),
		col("THEIR_COUNT", Number, 0, "rows of the other book"),
		col("MATCH_COUNT", Number, 0, "rows that agree"),
		col("OUR_AMOUNT", Amount, 0, "sum of the journal, minor units"),
		col("THEIR_AMOUNT", Amount, 0, "sum of the other book, minor units"),
	}, unique("SETTLE_DATE", "HOST_NAME", "BOOK_NAME")),
	table("TX_RC_DIFFERENCE", "what two books say differently, and who does what about it", []Column{
		id(), settleDate(), hostName(), bookName(),
		col("MATCH_KEY", Chars, 60, "what names the transaction in both books"),
		col("DIFFERENCE_CLASS", Chars, 20, "class, of server/internal/recon"),
		journalNumber().orNull(),
		terminalNumber(),
		organization().or("''"),
		col("REFERENCE_NUMBER", Chars, 12, "field 37").or("''"),
		col("OUR_AMOUNT", Amount, 0, "what the journal has, minor units").orNull(),
		col("THEIR_AMOUNT", Amount, 0, "what the other book has, minor units").orNull(),
		col("OWNER_ROLE", Chars, 20, "who acts next"),
		col("DIFFERENCE_STATE", Small, 0, "0 open, 1 proposed by one person, 2 settled by a second, 3 gone in a later comparison, 4 the same until a second person agrees"),
		col("FIRST_USER", Chars, 64, "who proposed").or("''"),
		note(),
		col("REFUNDED", Flag, 0, "1: who settled it gave the payer the money back").or("'0'").from(8),
	}, unique("SETTLE_DATE", "BOOK_NAME", "MATCH_KEY"), index("DIFFERENCE_STATE", "SETTLE_DATE")),
	table("TX_MC_MERCHANT", "merchants whose payments are cleared", []Column{
		id(),
		col("MERCHANT_NUMBER", Chars, 15, "field 42"),
		organization(),
		col("NAME_ZH", Chars, 100, "name in Chinese"),
		col("NAME_EN", Chars, 100, "name in English"),
		col("FEE_PPM", Int, 0, "fee in millionths of the amount"),
		col("FEE_MIN", Amount, 0, "least fee of a payment, minor units").or("0"),
		col("FEE_MAX", Amount, 0, "most fee of a payment, minor units; 0 none").or("0"),
		col("STATUS", Flag, 0, "0 out of use, 1 in use").or("'1'"),
	}, unique("MERCHANT_NUMBER")),
	table("TX_MC_SHARE", "who gets which part of a merchant's money", []Column{
		id(),
		col("MERCHANT_NUMBER", Chars, 15, "field 42"),
		col("RECEIVER", Chars, 40, "account or party that is paid"),
		col("SHARE_PPM", Int, 0, "millionths of what is left after the fee; those of a merchant make one million"),
	}, unique("MERCHANT_NUMBER", "RECEIVER")),
	table("TX_CL_ENTRY", "what a settlement day pays to whom", []Column{
		id(), settleDate(),
		col("MERCHANT_NUMBER", Chars, 15, "field 42"),
		col("RECEIVER", Chars, 40, "who is paid; bank for the fee"),
		col("PAYMENT_COUNT", Int, 0, "payments"),
		col("GROSS_AMOUNT", Amount, 0, "what customers paid, minor units"),
		col("AMOUNT", Amount, 0, "what the receiver gets, minor units"),
	}, unique("SETTLE_DATE", "MERCHANT_NUMBER", "RECEIVER")),
	table("TX_RK_USAGE", "what has been used of each limit in its period", []Column{
		id(),
		ruleName(), subject(),
		col("PERIOD", Chars, 12, "day yyyyMMdd, or yyyyMMddHH, in the business zone"),
		col("AMOUNT", Amount, 0, "sum in minor units").or("0"),
		col("USE_COUNT", Int, 0, "transactions").or("0"),
	}, unique("RULE_NAME", "SUBJECT", "PERIOD"), index("PERIOD")),
	table("TX_RK_SHARE", "share of a transaction in the usage of a limit, given back when the transaction comes to nothing", []Column{
		id(), journalNumber(), ruleName(), subject(),
		col("PERIOD", Chars, 12, "that of the usage"),
		col("AMOUNT", Amount, 0, "in minor units"),
	}, unique("JOURNAL_NUMBER", "RULE_NAME")),
	table("TX_BZ_CASE", "business that is done in steps before it becomes a transaction", []Column{
		id(), caseNumber(),
		col("CASE_KIND", Chars, 32, "of the catalogue of cases"),
		terminalNumber(),
		col("REQUEST_NUMBER", Chars, 80, "number that the terminal gave"),
		organization(),
		col("AMOUNT", Amount, 0, "in minor units"),
		col("MASKED_PAN", Chars, 23, "card number, the middle hidden"),
		col("BOUND_DIGEST", Chars, 64, "digest of what the transaction must carry").or("''"),
		col("CASE_STATE", Chars, 12, "open, ready, used, refused, withdrawn or expired"),
		col("CASE_SEALED", Octets, 8000, "what the terminal told, sealed").orNull(),
		journalNumber().or("0"),
		col("EXPIRE_TIME", Millis, 0, "end of its validity"),
	}, unique("CASE_NUMBER"), unique("TERMINAL_NUMBER", "REQUEST_NUMBER"), index("TERMINAL_NUMBER", "CASE_STATE"), index("CASE_STATE", "EXPIRE_TIME"), index("ORGANIZATION_NUMBER", "CASE_NUMBER")).since(6),
	table("TX_BZ_CASE_STEP", "steps of such business", []Column{
		id(), caseNumber(),
		col("STEP_ORDER", Int, 0, "place among the steps, from 0"),
		col("STEP_NAME", Chars, 32, "of the catalogue of cases"),
		col("STEP_ROLE", Chars, 20, "who takes it: terminal, teller or manager"),
		col("SIGNER_COUNT", Int, 0, "persons who must agree").or("1"),
		col("FIELD_NAMES", Chars, 400, "what the terminal tells in it, with commas").or("''"),
		col("STEP_STATE", Chars, 12, "waiting, current, done or refused"),
		col("DONE_BY", Chars, 400, "who took it, with commas").or("''"),
		col("REASON_CODE", Chars, 40, "reason of a refusal").or("''"),
		note(),
		col("STEP_SEALED", Octets, 8000, "what the terminal told, sealed").orNull(),
		col("DONE_TIME", Millis, 0, "when it was taken; 0 not yet").or("0"),
	}, unique("CASE_NUMBER", "STEP_NAME")).since(6),
	table("TX_RK_BLOCK", "cards, terminals and merchants that may do nothing", []Column{
		id(),
		col("SUBJECT_KIND", Chars, 10, "card, terminal or merchant"),
		subject(),
		col("MASKED_NAME", Chars, 40, "for people: a masked card number, a number"),
		note(),
		col("STATUS", Flag, 0, "0 out of use, 1 in use").or("'1'"),
	}, unique("SUBJECT_KIND", "SUBJECT")),
}

func caseNumber() Column {
	return col("CASE_NUMBER", Number, 0, "number of a case")
}

func settleDate() Column {
	return col("SETTLE_DATE", Chars, 8, "settlement day yyyyMMdd, field 15 or the host's day").or("''")
}

func bookName() Column {
	return col("BOOK_NAME", Chars, 20, "the other book: terminal, or the name of a file's host")
}

func ruleName() Column { return col("RULE_NAME", Chars, 40, "limit, by its name in the configuration") }

func subject() Column {
	return col("SUBJECT", Chars, 64, "terminal, merchant, or the keyed index of a card in hexadecimal")
}

var fleet = []Table{
	table("FL_TM_TERMINAL", "registered terminals", []Column{
		id(), terminalNumber(),
		col("MERCHANT_NUMBER", Chars, 15, "merchant, field 42"),
		organization(),
		col("NAME_ZH", Chars, 100, "name in Chinese"),
		col("NAME_EN", Chars, 100, "name in English"),
		col("KEY_ZONE", Chars, 8, "key zone, 3des or sm4"),
		col("STATUS", Flag, 0, "0 out of use, 1 in use").or("'1'"),
	}, unique("TERMINAL_NUMBER")),
	table("FL_TM_STATE", "last reported state of a terminal", []Column{
		id(), terminalNumber(),
		col("BOOT_MARK", Chars, 80, "start of the platform that reports"),
		col("BEAT_NUMBER", Number, 0, "number of the report since then"),
		col("SERVICE_STATE", Chars, 40, "state of service"),
		col("LEASE_STATE", Chars, 200, "lease of the counter"),
		col("BUNDLE_DIGEST", Chars, 80, "release that runs"),
		col("BUNDLE_VERSION", Chars, 80, "its version"),
		col("OUTBOX_COUNT", Int, 0, "messages that wait on the terminal"),
		col("MODULE_REPORT", Text, 0, "modules, JSON as reported"),
		col("CASH_REPORT", Text, 0, "cash units, JSON as reported"),
		col("SOFTWARE_REPORT", Text, 0, "software, JSON as reported"),
		col("REPORT_TIME", Millis, 0, "clock of the terminal"),
	}, unique("TERMINAL_NUMBER")),
	table("FL_EJ_RECORD", "journal records of the terminals as uploaded", []Column{
		id(), terminalNumber(),
		col("RECORD_NUMBER", Number, 0, "number in the terminal's chain"),
		col("PREVIOUS_HASH", Chars, 80, "hash of the record before"),
		col("RECORD_HASH", Chars, 80, "hash of this record"),
		col("RECORD_BODY", Blob, 0, "record as written by the terminal"),
		col("TRANS_MARK", Chars, 40, "batch and trace number of the transaction").or("''"),
	}, unique("TERMINAL_NUMBER", "RECORD_NUMBER"), index("TERMINAL_NUMBER", "TRANS_MARK").where("TRANS_MARK <> ''")).growing(),
	table("FL_TM_ALARM", "what a person must look at", []Column{
		id(), terminalNumber(),
		col("ALARM_NUMBER", Chars, 80, "number that the terminal gave"),
		col("ALARM_CODE", Chars, 80, "code"),
		col("SEVERITY", Chars, 20, "severity"),
		col("MODULE_NAME", Chars, 80, "module"),
		col("DETAIL", Text, 0, "detail as reported"),
		col("REPORT_TIME", Millis, 0, "clock of the terminal"),
		col("STATUS", Flag, 0, "0 open, 1 cleared").or("'0'"),
	}, unique("TERMINAL_NUMBER", "ALARM_NUMBER"), index("CREATE_TIME")),
	table("FL_RL_BUNDLE", "uploaded releases", []Column{
		id(),
		col("BUNDLE_DIGEST", Chars, 80, "digest of the archive"),
		col("BUNDLE_NAME", Chars, 100, "name"),
		col("BUNDLE_VERSION", Chars, 80, "version"),
		col("ARCHIVE_BYTES", Number, 0, "length of the archive"),
		col("MANIFEST", Blob, 0, "manifest as signed"),
		col("SIGNATURE", Octets, 1000, "signature over it"),
		col("UPLOADED_BY", Chars, 64, "who uploaded it"),
	}, unique("BUNDLE_DIGEST")),
	table("FL_RL_ASSIGNMENT", "which release a terminal should run, the last row counts", []Column{
		id(), terminalNumber(),
		col("BUNDLE_DIGEST", Chars, 80, "release"),
		col("ASSIGNED_BY", Chars, 64, "who said so"),
	}, index("TERMINAL_NUMBER", "ID")),
}

// people are tables of what people at the server do with terminals, and of what customers signed there.
var people = []Table{
	table("FL_TM_COMMAND", "orders of people for a terminal", []Column{
		id(),
		col("COMMAND_NUMBER", Chars, 40, "number of the command"),
		terminalNumber(),
		col("COMMAND_KIND", Chars, 40, "what is ordered"),
		col("ARGUMENTS", Text, 0, "arguments, JSON"),
		note(),
		col("COMMAND_STATE", Chars, 12, "proposed, ready, sent, done, failed, withdrawn or expired"),
		col("FIRST_USER", Chars, 64, "who gave it"),
		col("SECOND_USER", Chars, 64, "who agreed").or("''"),
		col("RESULT_NOTE", Chars, 700, "what the terminal said").or("''"),
		col("EXPIRE_TIME", Millis, 0, "not sent after"),
	}, unique("COMMAND_NUMBER"), index("TERMINAL_NUMBER", "COMMAND_STATE")),
	table("FL_EJ_SIGNATURE", "what customers signed on the glass of a terminal; the pictures are in the blob store", []Column{
		id(), terminalNumber(),
		col("CONTENT_DIGEST", Chars, 64, "SM3 that the terminal's journal has of it"),
		col("RECORD_NUMBER", Number, 0, "that record of the journal"),
		col("SESSION_NUMBER", Chars, 80, "session at the counter"),
		col("DOCUMENT_NAME", Chars, 100, "what was signed, with its version"),
	}, unique("TERMINAL_NUMBER", "CONTENT_DIGEST"), index("TERMINAL_NUMBER", "SESSION_NUMBER")),
}

var system = []Table{
	table("PD_AP_APPROVAL", "requests of terminals to a lobby manager", []Column{
		id(),
		col("APPROVAL_NUMBER", Chars, 40, "number of the request"),
		terminalNumber(),
		col("REQUEST_NUMBER", Chars, 80, "number that the terminal gave"),
		organization(),
		col("APPROVAL_KIND", Chars, 40, "what is asked"),
		col("AMOUNT", Amount, 0, "amount in minor units"),
		col("MASKED_PAN", Chars, 23, "card number, the middle hidden"),
		col("SESSION_NUMBER", Chars, 80, "session at the counter"),
		col("APPROVAL_STATE", Chars, 12, "pending, approved, rejected, expired or cancelled"),
		col("MANAGER", Chars, 64, "who decided; of several, the last").or("''"),
		col("SIGNER_COUNT", Int, 0, "persons who must agree").or("1"),
		col("SIGNED_BY", Chars, 400, "those who have agreed so far, with commas").or("''"),
		col("REASON_CODE", Chars, 40, "reason").or("''"),
		note(),
		col("EXPIRE_TIME", Millis, 0, "end of its validity"),
		col("DECIDE_TIME", Millis, 0, "when it was decided; 0 not yet").or("0"),
		col("APPROVER_ROLE", Chars, 20, "whose word it is: manager or teller").or("'manager'").from(6),
		caseNumber().or("0").from(6),
		col("STEP_NAME", Chars, 32, "step of that case").or("''").from(6),
	}, unique("APPROVAL_NUMBER"), unique("TERMINAL_NUMBER", "REQUEST_NUMBER"), index("ORGANIZATION_NUMBER", "CREATE_TIME"),
		index("APPROVAL_STATE", "EXPIRE_TIME"), index("CASE_NUMBER").from(6)),
	table("SY_US_USER", "persons who sign in to the management pages", []Column{
		id(),
		col("USER_NAME", Chars, 64, "name to sign in with"),
		col("DISPLAY_NAME", Chars, 100, "name for people"),
		col("USER_ROLE", Chars, 20, "operator, manager or admin"),
		organization(),
		col("PASSWORD_HASH", Chars, 100, "bcrypt"),
		col("FAILED_COUNT", Int, 0, "wrong passwords in a row").or("0"),
		col("LOCKED_UNTIL", Millis, 0, "no sign-in before").or("0"),
		col("STATUS", Flag, 0, "0 out of use, 1 in use, 2 added by one person, 3 in use with a first password").or("'1'"),
	}, unique("USER_NAME")),
	table("SY_US_SESSION", "open sessions of users", []Column{
		id(),
		col("TOKEN_DIGEST", Octets, 64, "digest of the token"),
		col("USER_NAME", Chars, 64, "whose"),
		col("SEEN_TIME", Millis, 0, "last activity"),
	}, unique("TOKEN_DIGEST"), index("USER_NAME")),
	table("SY_US_AUDIT_LOG", "who did what", []Column{
		id(),
		col("USER_NAME", Chars, 64, "who"),
		col("ACTION", Chars, 60, "what"),
		col("TARGET", Chars, 200, "to what"),
		note(),
	}, index("CREATE_TIME")),
	table("SY_KM_KEY", "keys of the security module, sealed under its master key", []Column{
		id(),
		col("KEY_OWNER", Chars, 40, "terminal, host or zone"),
		col("KEY_USE", Small, 0, "what it is for, numbers of hsm.Use"),
		col("KEY_VERSION", Number, 0, "version"),
		col("KEY_ALGORITHM", Small, 0, "algorithm, numbers of paycrypto.Alg"),
		col("KEY_SEALED", Octets, 4000, "key, sealed"),
		col("CHECK_VALUE", Octets, 32, "check value"),
	}, unique("KEY_OWNER", "KEY_USE", "KEY_VERSION")),
	table("SY_NO_SEQUENCE", "durable sequences of numbers, reserved in blocks", []Column{
		id(),
		col("SEQUENCE_NAME", Chars, 60, "which"),
		col("LAST_NUMBER", Number, 0, "last number given away"),
	}, unique("SEQUENCE_NAME")),
	table("SY_AR_ARCHIVE", "closed months of the journal that are in files", []Column{
		id(),
		col("ARCHIVE_MONTH", Chars, 6, "month, yyyyMM, UTC"),
		col("FILE_NAME", Chars, 200, "file in the folder of archives"),
		col("FILE_DIGEST", Chars, 64, "SM3 of the file"),
		col("RECORD_COUNT", Number, 0, "transactions in it"),
		col("ARCHIVE_STATE", Chars, 12, "written, done or restored"),
	}, unique("ARCHIVE_MONTH")).since(4),
	table("SY_DB_WRITER", "last commit of each writing connection: tells whether a commit without an answer happened", []Column{
		id(),
		col("WRITER_NAME", Chars, 60, "which"),
		col("COMMIT_NUMBER", Number, 0, "its last commit"),
		col("NODE_NUMBER", Small, 0, "number of its server; 0 none").or("0").from(5),
	}, unique("WRITER_NAME")).on(Networked),
	table("SY_ND_LEASE", "what one server at a time has: the numbers of servers, and jobs", []Column{
		id(),
		col("LEASE_NAME", Chars, 60, "node. and a number, or the name of a job"),
		col("HOLDER_NAME", Chars, 60, "server that has it; empty: nobody"),
		col("EPOCH_NUMBER", Number, 0, "times it has changed hands"),
		col("EXPIRE_TIME", Millis, 0, "until when, by the database's clock"),
	}, unique("LEASE_NAME")).since(5),
	table("SY_EV_CHANGE", "what has changed, for the pages that are open at other servers; kept for a minute", []Column{
		id(),
		col("SENDER_NAME", Chars, 60, "process that says so"),
		col("SENDER_NUMBER", Number, 0, "its count of them"),
		col("EVENT_KIND", Chars, 20, "terminal, approval, transaction, …"),
		col("EVENT_SUBJECT", Chars, 80, "which; empty: several"),
	}, unique("SENDER_NAME", "SENDER_NUMBER"), index("CREATE_TIME")).since(6),
	table("SY_ND_STATE", "what each of several servers says of its part of the switch, for the consoles at the others: kept for a quarter of an hour, sums of ten minutes for eight days", []Column{
		id(),
		col("SERVER_NAME", Chars, 80, "of the one that says so"),
		col("STEP_TIME", Millis, 0, "begin of the five seconds that it is about; 0: how it is now; below 0: ten minutes, mirrored"),
		col("CONTENT", Text, 0, "hosts, channels and queue, or what came in the step, as JSON"),
	}, unique("SERVER_NAME", "STEP_TIME"), index("STEP_TIME"), index("UPDATE_TIME")).since(7),
}
