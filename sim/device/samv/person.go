package samv

import (
	"fmt"
	"unicode/utf16"
)

// Person is what a card holds. Use invented people only.
type Person struct {
	Name    string `yaml:"name" json:"name"`
	Sex     string `yaml:"sex" json:"sex"`       // 1 or 2
	Nation  string `yaml:"nation" json:"nation"` // 01 …
	Birth   string `yaml:"birth" json:"birth"`   // YYYYMMDD
	Address string `yaml:"address" json:"address"`
	Number  string `yaml:"number" json:"number"`
	Issuer  string `yaml:"issuer" json:"issuer"`
	From    string `yaml:"from" json:"from"`
	Until   string `yaml:"until" json:"until"`
	Fingers bool   `yaml:"fingers" json:"fingers"` // the card has a fingerprint block
}

// People are the cards that the virtual reader comes with.
func People() []Person {
	return []Person{
		{"张测试", "1", "01", "19900307", "虚拟省样例市测试区智柜路1号", "990101199003070015", "样例市公安局测试分局", "20200101", "20400101", true},
		{"买买提·样例", "1", "05", "19850615", "虚拟自治区示例县柜台街22号院3号楼4单元501室", "990101198506150039", "示例县公安局", "20150615", "20350615", true},
		{"李示范", "2", "11", "19550820", "虚拟省样例市测试区老人巷8号", "990101195508200024", "样例市公安局测试分局", "20100820", "长期", false},
	}
}

// layout are the fields of the text block: bytes of each, 256 in all with the reserve.
func (p Person) layout() []struct {
	s string
	n int
} {
	return []struct {
		s string
		n int
	}{{p.Name, 30}, {p.Sex, 2}, {p.Nation, 4}, {p.Birth, 16}, {p.Address, 70}, {p.Number, 36}, {p.Issuer, 30}, {p.From, 16}, {p.Until, 16}, {"", 36}}
}

// check names the field that does not fit.
func (p Person) check() error {
	for _, f := range p.layout() {
		if 2*len(utf16.Encode([]rune(f.s))) > f.n {
			return fmt.Errorf("card %q: %q is longer than %d characters", p.Name, f.s, f.n/2)
		}
	}
	return nil
}

// text is the block of 256 bytes, blanks to the right.
func (p Person) text() []byte {
	out := []byte{}
	for _, f := range p.layout() {
		u := utf16.Encode([]rune(f.s))
		for len(u) < f.n/2 {
			u = append(u, ' ')
		}
		for _, c := range u {
			out = append(out, byte(c), byte(c>>8))
		}
	}
	return out
}

// photo stands in for the WLT photograph: 1024 bytes that differ from person to person. It
// is no picture.
func (p Person) photo() []byte { return pattern("WLf", p.Number) }

func (p Person) fingers() []byte { return pattern("C", p.Number+"f") }

func pattern(head, seed string) []byte {
	out := append([]byte(nil), head...)
	x := uint32(2166136261)
	for _, c := range []byte(seed) {
		x = (x ^ uint32(c)) * 16777619
	}
	for len(out) < 1024 {
		x = x*1664525 + 1013904223
		out = append(out, byte(x>>24))
	}
	return out
}
