package cache

import "time"

// Module is a kind of copies, with how long one may live when nobody deletes it.
type Module struct {
	Name    string
	Expires time.Duration
}

// The modules. Every copy is deleted with the change of its row; the expiry bounds what a lost deletion
// could do, and what nobody asks for any more leaves by it.
var (
	// Session is a signed-in person's session. The row's mark "seen" is renewed every 30 s, so that an
	// older copy would be of no use.
	Session = Module{"session", 30 * time.Second}
	// User is a person's role, branch and standing: permissions. Ten minutes is what a person who was
	// dismissed could stay at most if deletion and its repetition were both lost.
	User = Module{"user", 10 * time.Minute}
	// Terminal is a registered terminal: it changes when somebody moves it, and is asked for at every beat.
	Terminal = Module{"terminal", 30 * time.Minute}
	// Assignment is the digest of the release a terminal should run, "" for none; asked for at every beat.
	Assignment = Module{"assignment", 30 * time.Minute}
	// Bundle is a release by its digest: it never changes. A day outlasts a roll-out's nights.
	Bundle = Module{"bundle", 24 * time.Hour}
)

// Modules are all of them.
func Modules() []Module { return []Module{Session, User, Terminal, Assignment, Bundle} }
