// Package schema is the one description of the server's database: tables, columns and indexes
// as data, out of which the statements for SQLite, MariaDB/MySQL and PostgreSQL are made, the
// steps from one version to the next, and the check against the house rules for databases.
// Only store and its tools use it.
package schema

import "strings"

// Engine is a kind of database.
type Engine uint8

// The engines. Networked engines have native partitions; SQLite has none.
const (
	SQLite Engine = 1 << iota
	MariaDB
	Postgres

	Networked = MariaDB | Postgres
	Every     = SQLite | Networked
)

func (e Engine) String() string {
	return map[Engine]string{SQLite: "sqlite", MariaDB: "mariadb", Postgres: "postgres"}[e]
}

// Type of a column; Size is the length of the kinds that have one.
type Type struct {
	Kind Kind
	Size int
}

// Kind of a type.
type Kind uint8

// Kinds of columns.
const (
	Auto   Kind = iota + 1 // surrogate key that the database counts
	Number                 // BIGINT
	Millis                 // BIGINT: Unix time in milliseconds
	Amount                 // BIGINT: minor units
	Int                    // INTEGER
	Small                  // SMALLINT
	Flag                   // CHAR(1): 0 no, 1 yes
	Chars                  // VARCHAR(Size)
	Octets                 // bytes up to Size
	Text                   // a document as it was reported, never a business field
	Blob                   // a binary document, never a business field
)

// Column of a table.
type Column struct {
	Name    string
	Type    Type
	Null    bool
	Default string // an SQL literal, or Now
	Comment string
	Since   int // version that brought it; 0 = that of its table
}

// Now is the Default of a column that takes the time of the insert.
const Now = "now"

// Index of a table. Its name is made from the table and the columns.
type Index struct {
	Columns []string
	Unique  bool
	Where   string // partial: on engines that have them; the others take the whole
	On      Engine // 0 = Every
	Since   int
	Until   int // version that dropped it; 0 = it is there
}

// Table of the database.
type Table struct {
	Name    string
	Comment string
	Key     string // the primary key, one column
	Columns []Column
	Indexes []Index
	ByTime  bool   // partitioned by ranges of Key, which rises with time, where the engine can
	Growing bool   // with the transactions
	On      Engine // 0 = Every
	Since   int    // 0 = 1
}

func (e Engine) in(on Engine) bool { return on == 0 || e&on != 0 }

func version(n int) int { return max(n, 1) }

// Version is the newest version of the schema.
func Version() int {
	v := 1
	for _, t := range Tables {
		v = max(v, t.Since)
		for _, c := range t.Columns {
			v = max(v, c.Since)
		}
		for _, i := range t.Indexes {
			v = max(v, i.Since)
		}
	}
	return v
}

// Name of the index: table, columns, IDX. A networked engine takes 63 characters.
func (i Index) Name(t *Table) string {
	return t.Name + "_" + strings.Join(i.Columns, "_") + "_IDX"
}

// col, and the functions below, keep the tables readable.
func col(name string, k Kind, size int, comment string) Column {
	return Column{Name: name, Type: Type{k, size}, Comment: comment}
}

func (c Column) orNull() Column { c.Null = true; return c }

func (c Column) or(v string) Column { c.Default = v; return c }

func id() Column { return col("ID", Auto, 0, "surrogate key") }

// table adds the columns that every table has.
func table(name, comment string, cols []Column, idx ...Index) Table {
	cols = append(cols,
		col("CREATE_TIME", Millis, 0, "when the row was made").or(Now),
		col("UPDATE_TIME", Millis, 0, "when the row was last changed").or(Now),
		col("UPDATE_BY", Chars, 30, "operator that changed it last; empty: the server itself").or("''"),
		col("VERSION_NUMBER", Int, 0, "number of changes").or("0"))
	return Table{Name: name, Comment: comment, Key: cols[0].Name, Columns: cols, Indexes: idx}
}

func unique(cols ...string) Index { return Index{Columns: cols, Unique: true} }

func index(cols ...string) Index { return Index{Columns: cols} }

func (i Index) where(s string) Index { i.Where = s; return i }

func (i Index) on(e Engine) Index { i.On = e; return i }

func (i Index) from(v int) Index { i.Since = v; return i }

func (i Index) until(v int) Index { i.Until = v; return i }

func (c Column) from(v int) Column { c.Since = v; return c }

func (t Table) on(e Engine) Table { t.On = e; return t }

func (t Table) since(v int) Table { t.Since = v; return t }

func (t Table) growing() Table { t.Growing = true; return t }

func (t Table) byTime() Table { t.ByTime = true; return t.growing() }
