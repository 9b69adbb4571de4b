package vt100panel

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	tt "zhigui/drivers/api/textterminal"
)

// keypad is what the keys send: characters as they are, command keys by sequence.
type keypad struct {
	characters string
	commands   map[string]string // sequence → name
}

var commandName = regexp.MustCompile(`^(enter|cancel|clear|backspace|help|doubleZero|tripleZero|arrowUp|arrowDown|arrowLeft|arrowRight|fdk(0[1-9]|[12][0-9]|3[0-2])|oem[A-Za-z0-9]*)$`)

func newKeypad(more string, keys map[string]string) (keypad, error) {
	k := keypad{characters: "0123456789" + more, commands: map[string]string{}}
	for _, c := range []byte(more) {
		if c < 0x20 || c > 0x7E {
			return k, fmt.Errorf("profile: characters: %q is no printable ASCII", more)
		}
	}
	for name, text := range keys {
		seq, err := hex.DecodeString(text)
		switch {
		case !commandName.MatchString(name):
			return k, fmt.Errorf("profile: keys: the standard has no command key %q", name)
		case err != nil || len(seq) == 0 || k.commands[string(seq)] != "" || strings.Contains(k.characters, string(seq)):
			return k, fmt.Errorf("profile: keys: %s: %q is no sequence of its own", name, text)
		}
		k.commands[string(seq)] = name
	}
	return k, nil
}

var digits = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// characterName is a character as the standard names its key.
func characterName(c byte) string {
	if c >= '0' && c <= '9' {
		return digits[c-'0']
	}
	return string([]byte{c})
}

// detail is what the keypad has.
func (k keypad) detail() tt.KeyDetail {
	out := tt.KeyDetail{CommandKeys: map[string]tt.CommandKey{}}
	for _, c := range []byte(k.characters) {
		out.Keys = append(out.Keys, characterName(c))
	}
	for _, name := range k.commands {
		out.CommandKeys[name] = tt.CommandKey{Terminate: true}
	}
	return out
}

// check says which error code a choice of keys deserves; "" is none.
func (k keypad) check(keys tt.Keys) string {
	if len(keys.ActiveKeys) == 0 && len(keys.ActiveCommandKeys) == 0 {
		return tt.ErrNoActiveKeys
	}
	has := k.detail()
	for _, name := range keys.ActiveKeys {
		switch {
		case slices.Contains(has.Keys, name):
		case slices.Contains(digits, name), len([]rune(name)) == 1 && (name < "0" || name > "9"):
			return tt.ErrKeyNotSupported
		default:
			return tt.ErrKeyInvalid
		}
	}
	for name := range keys.ActiveCommandKeys {
		_, ok := has.CommandKeys[name]
		switch {
		case ok:
		case commandName.MatchString(name):
			return tt.ErrKeyNotSupported
		default:
			return tt.ErrKeyInvalid
		}
	}
	return ""
}
