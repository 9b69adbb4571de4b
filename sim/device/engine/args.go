package engine

import (
	"fmt"
	"strconv"
)

// Args are the arguments of an action, as JSON or the command line gives them.
type Args map[string]any

// ArgError is an argument that is missing or wrong (HTTP 400).
type ArgError struct{ Reason string }

func (e *ArgError) Error() string { return e.Reason }

// Conflict is an action that the device's state does not allow (HTTP 409).
type Conflict struct{ Reason string }

func (e *Conflict) Error() string { return e.Reason }

// Conflictf makes a Conflict.
func Conflictf(format string, a ...any) error { return &Conflict{fmt.Sprintf(format, a...)} }

// BadArg makes an ArgError.
func BadArg(format string, a ...any) error { return &ArgError{fmt.Sprintf(format, a...)} }

// String reads a text; a missing one is def.
func (a Args) String(key, def string) (string, error) {
	switch v := a[key].(type) {
	case nil:
		return def, nil
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case int:
		return strconv.Itoa(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	default:
		return "", BadArg("%s: want text", key)
	}
}

// Int reads a whole number; a missing one is def.
func (a Args) Int(key string, def int) (int, error) {
	switch v := a[key].(type) {
	case nil:
		return def, nil
	case int:
		return v, nil
	case float64:
		if v == float64(int(v)) {
			return int(v), nil
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return 0, BadArg("%s: want a whole number", key)
}

// Bool reads a truth value; a missing one is def.
func (a Args) Bool(key string, def bool) (bool, error) {
	switch v := a[key].(type) {
	case nil:
		return def, nil
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b, nil
		}
	}
	return false, BadArg("%s: want true or false", key)
}

// Has reports whether the argument is given.
func (a Args) Has(key string) bool { _, ok := a[key]; return ok }
