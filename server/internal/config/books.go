package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Book names a format of a day's book: what a host, or a partner that comes by a channel, sends to be compared.
type Book struct {
	Name   string `yaml:"name"`
	Format string `yaml:"format"` // file of a dialect: the book's lines
	Of     string `yaml:"of"`     // host or channel whose book usually has it; empty: anybody's
}

// PlatformBooks are the formats that come with the platform.
var PlatformBooks = []string{"core", "cups"}

var bookName = regexp.MustCompile(`^[a-z][A-Za-z0-9]{1,31}$`)

// validateBooks is Validate for books.
func (c *Config) validateBooks() (key, reason string) {
	seen := slices.Clone(PlatformBooks)
	for i, b := range c.Books {
		at := fmt.Sprintf("books[%d].", i)
		switch {
		case !bookName.MatchString(b.Name) || slices.Contains(seen, b.Name):
			return at + "name", "want a short name of its own, letters and digits"
		case !strings.HasSuffix(b.Format, ".yaml"):
			return at + "format", "want the file of a dialect (.yaml)"
		case b.Of != "" && !slices.Contains(c.HostNames(), b.Of) && !slices.Contains(c.PartnerNames(), b.Of):
			return at + "of", fmt.Sprintf("%q is no host, and no channel of a partner (with keys)", b.Of)
		}
		seen = append(seen, b.Name)
	}
	return "", ""
}

// PartnerNames lists the channels of partners, who have one key for all their messages and books of their own.
func (c *Config) PartnerNames() (out []string) {
	for _, ch := range c.Channels {
		if ch.Keys != "" {
			out = append(out, ch.Name)
		}
	}
	return out
}
