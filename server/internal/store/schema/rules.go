package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Finding is a breach of a house rule for databases (docs/requirements.md, DB-01 to DB-23).
type Finding struct {
	Rule, Table, Column string // Column may be empty
	Problem, Remedy     string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s %s %s: %s; %s", f.Rule, f.Table, f.Column, f.Problem, f.Remedy)
}

// Check reports what breaks a rule and is not excepted, and exceptions that nothing needs.
func Check(tables []Table, except []Exception) []Finding {
	used := make([]bool, len(except))
	var out []Finding
	seen := map[string]Column{}
	for i := range tables {
		for _, f := range check(&tables[i], seen) {
			excepted := false
			for j, x := range except {
				if x.covers(f, &tables[i]) {
					used[j], excepted = true, true
				}
			}
			if !excepted {
				out = append(out, f)
			}
		}
	}
	for j, x := range except {
		if !used[j] {
			out = append(out, Finding{x.Rule, x.Table, x.Column, "this exception is needed by nothing", "remove it"})
		}
	}
	return out
}

// wide is the number of columns above which a table is wide, DB-10.
const wide = 30

var (
	word   = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	digits = regexp.MustCompile(`(^|_)[0-9]+(_|$)`)
	table3 = regexp.MustCompile(`^[A-Z]{2,4}_[A-Z]{2,4}_[A-Z0-9_]+$`)
	plural = regexp.MustCompile(`[^SU]S$`)
	common = []Column{
		col("CREATE_TIME", Millis, 0, "").or(Now), col("UPDATE_TIME", Millis, 0, "").or(Now), col("UPDATE_BY", Chars, 30, ""), col("VERSION_NUMBER", Int, 0, ""),
	}
)

// check reports on one table; seen are the columns of those before.
func check(t *Table, seen map[string]Column) (out []Finding) {
	add := func(rule, column, problem, remedy string) {
		out = append(out, Finding{rule, t.Name, column, problem, remedy})
	}
	name := func(n, column string) {
		switch {
		case !word.MatchString(n):
			add("DB-14", column, "name is not of upper-case letters, digits and underscores, a letter first", "rename it")
		case digits.MatchString(n):
			add("DB-14", column, "a part of the name is all digits", "rename it")
		case slices.Contains(reserved, n):
			add("DB-14", column, "name is a reserved word", "rename it")
		}
		if len(n) > 30 {
			add("DB-15", column, fmt.Sprintf("name has %d characters", len(n)), "use 30 at most")
		}
	}
	name(t.Name, "")
	if !table3.MatchString(t.Name) {
		add("DB-17", "", "name is not module_part_NAME with modules of 2 to 4 letters", "rename it")
	}
	if plural.MatchString(t.Name) {
		add("DB-17", "", "name is a plural", "use the singular")
	}
	if i := strings.Index(t.Name, "_LOG_") + strings.Index(t.Name, "_HISTORY_"); i > -2 {
		add("DB-17", "", "LOG or HISTORY is not last", "put it at the end")
	}
	columns := map[string]Column{}
	for i, c := range t.Columns {
		columns[c.Name] = c
		name(c.Name, c.Name)
		if c.Comment == "" {
			add("DB-10", c.Name, "has no comment", "say what it holds")
		}
		if o, ok := seen[c.Name]; ok && o.Type != c.Type {
			add("DB-16", c.Name, fmt.Sprintf("is %v here and %v in another table", c.Type, o.Type), "give one name one type")
		}
		seen[c.Name] = c
		switch {
		case c.Type.Kind == Text || c.Type.Kind == Blob:
			add("DB-07", c.Name, "is a CLOB or BLOB", "use VARCHAR or bytes of a known length")
		case strings.HasSuffix(c.Name, "AMOUNT") && c.Type.Kind != Amount:
			add("DB-08", "", c.Name+" is called an amount and is none", "use the type of amounts")
		case strings.HasSuffix(c.Name, "_TIME") && c.Type.Kind != Millis:
			add("DB-08", "", c.Name+" is called a time and is none", "use the type of times")
		case c.Type.Kind == Amount:
			add("DB-08", c.Name, "an amount is no DECIMAL(12,2)", "use DECIMAL(12,2)")
		case c.Type.Kind == Millis:
			add("DB-08", c.Name, "a time is no timestamp", "use a timestamp to the millisecond")
		case strings.HasSuffix(c.Name, "_DATE"):
			add("DB-08", c.Name, "a date is no int(8)", "use int(8), yyyyMMdd")
		case strings.HasSuffix(c.Name, "_PPM") || strings.HasSuffix(c.Name, "_RATE") || strings.HasSuffix(c.Name, "_PERCENT"):
			add("DB-08", c.Name, "a rate is no DECIMAL", "use DECIMAL(5,4), interest DECIMAL(15,7)")
		case c.Name == "STATUS" && c.Type.Kind != Flag:
			add("DB-11", c.Name, "is no CHAR(1)", "use 0 and 1")
		case c.Name == "STATUS" && (i+1 >= len(t.Columns) || t.Columns[i+1].Name != "CREATE_TIME"):
			add("DB-11", c.Name, "does not stand before CREATE_TIME", "move it there")
		}
	}
	if len(t.Columns) > wide {
		add("DB-10", "", fmt.Sprintf("has %d columns", len(t.Columns)), "split it")
	}
	for _, c := range common {
		have, ok := columns[c.Name]
		switch {
		case !ok || have.Type != c.Type:
			add("DB-12", c.Name, "is missing or of another type", "every table has it")
		case c.Default == Now && have.Default != Now:
			add("DB-22", c.Name, "has not the time of the insert as default", "add it")
		}
	}
	key := columns[t.Key]
	if key.Type.Kind != Auto {
		add("DB-06", t.Key, "the primary key is not counted by the database", "add a surrogate key")
	}
	if strings.HasPrefix(t.Name, "TX_ON_") && columns["JOURNAL_NUMBER"].Name == "" {
		add("DB-13", "JOURNAL_NUMBER", "is missing", "add it")
	}
	if columns["JOURNAL_NUMBER"].Name != "" && t.Key == "JOURNAL_NUMBER" && columns["ORGANIZATION_NUMBER"].Name == "" {
		add("DB-13", "ORGANIZATION_NUMBER", "is missing", "add it")
	}
	if t.Growing && !t.ByTime {
		add("DB-09", "", "grows with the transactions, over 10,000,000 rows, and has no partitions", "partition it by time")
	}
	one := false
	for _, x := range t.Indexes {
		one = one || x.Unique
		n := 0
		for _, c := range x.Columns {
			if columns[c].Name == "" {
				add("DB-18", c, "an index names a column that is not there", "mend the index")
			}
			n += max(8, columns[c].Type.Size)
		}
		if len(x.Columns) > 3 {
			add("DB-04", strings.Join(x.Columns, ","), fmt.Sprintf("an index has %d columns", len(x.Columns)), "use 3 at most")
		}
		if n > 1000 {
			add("DB-18", strings.Join(x.Columns, ","), fmt.Sprintf("an index is %d characters long", n), "use 1000 at most")
		}
		if len(x.Name(t)) > 63 {
			add("DB-15", strings.Join(x.Columns, ","), "an engine cuts the index name "+x.Name(t)+" at 63 characters", "use shorter names or fewer columns")
		}
	}
	if !one && key.Type.Kind == Auto {
		add("DB-01", "", "has no unique index besides its surrogate key", "add one on the business key")
	}
	return out
}
