// Code generated from codes.json; DO NOT EDIT.

package code

// Names of the codes.
const (
	OK                  = "OK"                  // 1001: Done
	BadRequest          = "BadRequest"          // 1002: The request is malformed
	NotSignedIn         = "NotSignedIn"         // 1003: Please sign in
	WrongPassword       = "WrongPassword"       // 1004: Wrong name or password
	Locked              = "Locked"              // 1005: Too many failed sign-ins, please try again later
	Forbidden           = "Forbidden"           // 1006: Not permitted
	NotFound            = "NotFound"            // 1007: Not found
	AlreadyDecided      = "AlreadyDecided"      // 1008: Already decided by somebody else
	ApprovalEnded       = "ApprovalEnded"       // 1009: The request has expired or was cancelled
	ReasonNeeded        = "ReasonNeeded"        // 1010: Please choose a reason for the rejection
	BundleInvalid       = "BundleInvalid"       // 1011: Signature or content of the bundle is wrong
	UploadsClosed       = "UploadsClosed"       // 1012: No release key is configured
	TooLarge            = "TooLarge"            // 1013: The file is too large
	Conflict            = "Conflict"            // 1014: The state has changed
	SecondPersonNeeded  = "SecondPersonNeeded"  // 1015: A second person is needed
	ChainBroken         = "ChainBroken"         // 1016: The journal's hash chain is broken
	Unavailable         = "Unavailable"         // 1017: The service is not available now
	Internal            = "Internal"            // 1018: Internal error
	ReasonPerson        = "ReasonPerson"        // 1019: The person is not present or not who they claim to be
	ReasonDocuments     = "ReasonDocuments"     // 1020: The documents are not complete
	ReasonAmount        = "ReasonAmount"        // 1021: This amount must be handled at the counter
	ReasonRisk          = "ReasonRisk"          // 1022: To protect your money, please go to the counter
	ReasonOther         = "ReasonOther"         // 1023: Not approved; please ask the lobby manager
	TooMany             = "TooMany"             // 1024: Too many tries, please wait a moment
	NoBranch            = "NoBranch"            // 1025: Your account has no branch and sees no branch's business; ask an administrator to set one
	FirstPassword       = "FirstPassword"       // 1026: This is a first password: please choose your own
	WeakPassword        = "WeakPassword"        // 1027: A new password has 8 to 72 bytes and is not the one before
	SearchTooWide       = "SearchTooWide"       // 1028: This would read the whole journal: a search by merchant, authorisation code, host, channel, settlement day, batch, kind or answer also wants a terminal, card, reference, trace number, or a time of 24 hours at most
	CipherRefused       = "CipherRefused"       // 1031: Encrypted messages of a peer are refused: another key, changed, or in the clear
	CertificateEnds     = "CertificateEnds"     // 1032: A certificate ends within a month, or is over
	ReversalStands      = "ReversalStands"      // 1033: A reversal came too late: the transaction stands, and people must compare
	LogErrors           = "LogErrors"           // 1034: A server's log has errors
	RespApproved        = "RespApproved"        // 2001: Approved
	RespTerminalUnknown = "RespTerminalUnknown" // 2002: This machine cannot serve you now
	RespCaptureCard     = "RespCaptureCard"     // 2003: Please contact your bank; the card has been kept
	RespBusy            = "RespBusy"            // 2004: Being processed, please check later
	RespInvalid         = "RespInvalid"         // 2005: Invalid transaction
	RespAmount          = "RespAmount"          // 2006: Invalid amount
	RespCardUnknown     = "RespCardUnknown"     // 2007: Invalid card number
	RespNoOriginal      = "RespNoOriginal"      // 2008: Original transaction not found
	RespFormat          = "RespFormat"          // 2009: Message format error
	RespPinTriesCapture = "RespPinTriesCapture" // 2010: Too many wrong PINs; the card has been kept
	RespLostCard        = "RespLostCard"        // 2011: Card reported lost; it has been kept
	RespStolenCard      = "RespStolenCard"      // 2012: The card has been kept; please contact your bank
	RespFunds           = "RespFunds"           // 2013: Insufficient funds
	RespExpired         = "RespExpired"         // 2014: The card has expired
	RespWrongPin        = "RespWrongPin"        // 2015: Wrong PIN
	RespLimit           = "RespLimit"           // 2016: Above the withdrawal limit
	RespRestricted      = "RespRestricted"      // 2017: The card is restricted; please contact your bank
	RespLate            = "RespLate"            // 2018: Timed out, please check your balance
	RespPinTries        = "RespPinTries"        // 2019: Too many wrong PINs
	RespCutover         = "RespCutover"         // 2020: Day change, please try again later
	RespNotReached      = "RespNotReached"      // 2021: The bank cannot be reached, please try again later
	RespDuplicate       = "RespDuplicate"       // 2022: Duplicate transaction
	RespSystem          = "RespSystem"          // 2023: System failure, please try again later
	RespNoAnswer        = "RespNoAnswer"        // 2024: Outcome unknown; the bank checks it
	RespPinFormat       = "RespPinFormat"       // 2025: PIN format error
	RespMac             = "RespMac"             // 2026: Message check failed, please try again later
	RespChip            = "RespChip"            // 2027: The chip was not accepted; please contact your bank
	RespChipRefused     = "RespChipRefused"     // 2028: The card itself refused; please contact your bank
	RespChipUnreadable  = "RespChipUnreadable"  // 2029: The chip cannot be read; please take your card
	RespCase            = "RespCase"            // 2030: This needs review and approval first; please ask the lobby manager
	RespStands          = "RespStands"          // 2031: The transaction stands; the bank checks it
	RespTooLate         = "RespTooLate"         // 2032: The request came too late and was not carried out; please try again
)
