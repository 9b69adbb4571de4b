package main

import "strings"

// reasons are the comments of a profile.yaml by key: what is behind the value, or the lines
// right above the key. That is where a model says which sources disagree.
func reasons(profile []byte) map[string]string {
	out := map[string]string{}
	var above []string
	for line := range strings.Lines(string(profile)) {
		line = strings.TrimRight(line, "\r\n")
		if c, ok := strings.CutPrefix(line, "#"); ok {
			above = append(above, strings.TrimSpace(c))
			continue
		}
		key, rest, ok := strings.Cut(line, ":")
		if ok && key != "" && key[0] != ' ' && key[0] != '-' {
			if _, c, has := cutComment(rest); has {
				out[key] = c
			} else if len(out) > 0 && len(above) > 0 { // the first lines are the file's own
				out[key] = strings.Join(above, " ")
			}
			if _, has := out[key]; !has {
				out[key] = ""
			}
		}
		above = nil
	}
	return out
}

// cutComment splits a value from the comment behind it; a # inside quotes is none.
func cutComment(s string) (value, comment string, ok bool) {
	quote := rune(0)
	for i, r := range s {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '#' && i > 0 && s[i-1] == ' ':
			return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:]), true
		}
	}
	return strings.TrimSpace(s), "", false
}
