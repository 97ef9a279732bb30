package dataset

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is anything that went wrong with a file. It prints as one line of printable characters:
//
//	data.csv:41: column 6 (bare_nuclei): "?" is not a number
//	data.npy: row 3, column 2: the value is NaN
//
// Line, Row and Column count from 1; 0 means that the error has none. Line is the line of a text file, header and blank
// lines included; Row is the row of an array. Column counts the file's columns, the label column included.
type Error struct {
	Path       string
	Line       int
	Row        int
	Column     int
	ColumnName string
	Msg        string
	Err        error // the cause, where the system or a context gave one
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(printable(e.Path))
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Row > 0 {
		fmt.Fprintf(&b, "row %d", e.Row)
		if e.Column > 0 {
			b.WriteString(", ")
		} else {
			b.WriteString(": ")
		}
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, "column %d", e.Column)
		if e.ColumnName != "" {
			fmt.Fprintf(&b, " (%s)", printable(cut(e.ColumnName)))
		}
		b.WriteString(": ")
	}
	b.WriteString(printable(e.Msg))
	if e.Err != nil {
		if e.Msg != "" {
			b.WriteString(": ")
		}
		b.WriteString(printable(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func errorf(format string, args ...any) *Error {
	return &Error{Msg: fmt.Sprintf(format, args...)}
}

// shownRunes is how much of a cell or a name a message repeats.
const shownRunes = 40

// quote shows a piece of a file between quotes, cut to a bearable length, with control characters escaped.
func quote[T string | []byte](s T) string {
	return strconv.Quote(cut(string(s[:min(len(s), 4*shownRunes+4)])))
}

func cut(s string) string {
	n := 0
	for i := range s {
		if n == shownRunes {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// printable escapes what would break a line or a terminal, and leaves all else as it is.
func printable(s string) string {
	clean := utf8.ValidString(s)
	for _, r := range s {
		clean = clean && unicode.IsPrint(r)
	}
	if clean {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

// listNames lists the first few names of many.
func listNames(names []string) string {
	const shown = 8
	var b strings.Builder
	for i, name := range names[:min(len(names), shown)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(name))
	}
	if more := len(names) - shown; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
