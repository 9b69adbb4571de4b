package schema

import (
	"slices"
	"strings"
	"testing"
)

// req: DB-01, DB-04, DB-06, DB-07, DB-08, DB-09, DB-10, DB-11, DB-12, DB-13, DB-14, DB-15, DB-16, DB-17, DB-18, DB-22
func TestTheSchemaKeepsTheRulesOrSaysWhyNot(t *testing.T) {
	for _, f := range Check(Tables, Exceptions) {
		t.Error(f)
	}
	for _, x := range Exceptions {
		if x.Reason == "" {
			t.Errorf("%v has no reason", x)
		}
	}
}

func TestEachRuleFindsItsBreach(t *testing.T) {
	good := func() Table {
		return table("XX_YY_THING", "things", []Column{id(), col("THING_NUMBER", Chars, 20, "its number")}, unique("THING_NUMBER"))
	}
	without := func(t *Table, name string) {
		var keep []Column
		for _, c := range t.Columns {
			if c.Name != name {
				keep = append(keep, c)
			}
		}
		t.Columns = keep
	}
	add := func(t *Table, c ...Column) { t.Columns = append(append([]Column{id()}, c...), t.Columns[1:]...) }
	times := []Exception{{"DB-08", "*", "CREATE_TIME", "x"}, {"DB-08", "*", "UPDATE_TIME", "x"}}
	if fs := Check([]Table{good()}, times); len(fs) != 0 {
		t.Fatal(fs)
	}
	for _, c := range []struct {
		rule, column string
		spoil        func(t *Table)
	}{
		{"DB-01", "", func(t *Table) { t.Indexes = nil }},
		{"DB-04", "ID,THING_NUMBER,CREATE_TIME,UPDATE_TIME", func(t *Table) {
			t.Indexes = append(t.Indexes, index("ID", "THING_NUMBER", "CREATE_TIME", "UPDATE_TIME"))
		}},
		{"DB-06", "THING_NUMBER", func(t *Table) { t.Key = "THING_NUMBER" }},
		{"DB-07", "BODY", func(t *Table) { add(t, col("BODY", Blob, 0, "x")) }},
		{"DB-08", "PRICE", func(t *Table) { add(t, col("PRICE", Amount, 0, "x")) }},
		{"DB-08", "SEEN_TIME", func(t *Table) { add(t, col("SEEN_TIME", Millis, 0, "x")) }},
		{"DB-08", "", func(t *Table) { add(t, col("SUM_AMOUNT", Int, 0, "x")) }},
		{"DB-08", "", func(t *Table) { add(t, col("SEEN_TIME", Chars, 14, "x")) }},
		{"DB-08", "BOOK_DATE", func(t *Table) { add(t, col("BOOK_DATE", Chars, 8, "x")) }},
		{"DB-08", "FEE_RATE", func(t *Table) { add(t, col("FEE_RATE", Int, 0, "x")) }},
		{"DB-09", "", func(t *Table) { t.Growing = true }},
		{"DB-10", "THING_NUMBER", func(t *Table) { t.Columns[1].Comment = "" }},
		{"DB-10", "", func(t *Table) {
			for range wide {
				add(t, col("C"+strings.Repeat("X", len(t.Columns)%26), Int, 0, "x"))
			}
		}},
		{"DB-11", "STATUS", func(t *Table) { add(t, col("STATUS", Flag, 0, "x")) }},
		{"DB-12", "VERSION_NUMBER", func(t *Table) { without(t, "VERSION_NUMBER") }},
		{"DB-13", "JOURNAL_NUMBER", func(t *Table) { t.Name = "TX_ON_THING" }},
		{"DB-14", "Price", func(t *Table) { add(t, col("Price", Int, 0, "x")) }},
		{"DB-14", "SIZE", func(t *Table) { add(t, col("SIZE", Int, 0, "x")) }},
		{"DB-14", "PART_12_NAME", func(t *Table) { add(t, col("PART_12_NAME", Int, 0, "x")) }},
		{"DB-15", "A_NAME_THAT_IS_LONGER_THAN_THIRTY", func(t *Table) { add(t, col("A_NAME_THAT_IS_LONGER_THAN_THIRTY", Int, 0, "x")) }},
		{"DB-17", "", func(t *Table) { t.Name = "THING" }},
		{"DB-17", "", func(t *Table) { t.Name = "XX_YY_THINGS" }},
		{"DB-17", "", func(t *Table) { t.Name = "XX_YY_LOG_THING" }},
		{"DB-18", "THING_NUMBER", func(t *Table) { t.Columns[1].Type.Size = 1001 }},
		{"DB-22", "CREATE_TIME", func(t *Table) {
			for i := range t.Columns {
				t.Columns[i].Default = ""
			}
		}},
	} {
		bad := good()
		c.spoil(&bad)
		found := false
		for _, f := range Check([]Table{bad}, times) {
			found = found || f.Rule == c.rule && f.Column == c.column && f.Table == bad.Name && f.Remedy != ""
		}
		if !found {
			t.Errorf("%s of %s is not found", c.rule, c.column)
		}
	}
	other := good()
	other.Name = "XX_YY_OTHER"
	other.Columns[1].Type.Size = 21
	if fs := Check([]Table{good(), other}, times); len(fs) != 1 || fs[0].Rule != "DB-16" {
		t.Error(fs)
	}
	if fs := Check([]Table{good()}, append(times, Exception{"DB-05", "X", "", "x"})); len(fs) != 1 {
		t.Error("an exception that nothing needs:", fs)
	}
}

// The journal has its number once, and an index for each thing that people search it by.
// req: DB-02
func TestTheJournalHasItsNumberOnceAndAnIndexForEachSearch(t *testing.T) {
	for _, j := range Tables {
		if j.Name != "TX_ON_JOURNAL" {
			continue
		}
		if j.Key != "JOURNAL_NUMBER" { // a primary key is unique
			t.Error("its key is", j.Key)
		}
		for _, want := range []string{"PAN_INDEX", "TERMINAL_NUMBER", "REFERENCE_NUMBER", "TRANS_STATE", "AMOUNT"} {
			for _, e := range []Engine{SQLite, MariaDB, Postgres} {
				if !slices.ContainsFunc(j.Indexes, func(i Index) bool {
					return i.Columns[0] == want && !i.Unique && (i.On == 0 || i.On&e != 0) && i.Until == 0
				}) {
					t.Errorf("%s: nothing finds a transaction by %s", e, want)
				}
			}
		}
		return
	}
	t.Error("there is no journal")
}
