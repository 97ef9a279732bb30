package dataset

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode"
)

// allocatedBy is the memory that f asks for, in bytes; what it frees is not taken off.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// checkRead reads a file and checks what holds for any: an error is one printable line and an *Error, a table is whole,
// and the memory asked for is bounded by the input's length.
func checkRead(t *testing.T, name, text string, opts Options) {
	t.Helper()
	var table *Table
	var err error
	// Per byte of input: 4 of matrix for a one-byte value or 16 of label string for a two-byte one, times the sum of a
	// slice's growth, and 24 of cell slice per separator. The rest is buffers.
	limit := uint64(256<<10 + 128*len(text))
	if allocated := allocatedBy(func() { table, err = readText(name, text, opts) }); allocated > limit {
		t.Errorf("%d bytes asked for to read %d", allocated, len(text))
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || table != nil {
			t.Errorf("%T, table %v", err, table)
		}
		message := err.Error()
		if len(message) > 1000 || strings.IndexFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("message %q", message)
		}
		return
	}
	m := table.Matrix
	if m.Rows < 1 || m.Cols < 1 || m.Stride != m.Cols || len(m.Data) != m.Rows*m.Cols {
		t.Errorf("%d×%d stride %d, %d values", m.Rows, m.Cols, m.Stride, len(m.Data))
	}
	if table.Columns != nil && len(table.Columns) != m.Cols || opts.Label != "" && len(table.Label) != m.Rows {
		t.Errorf("%d names, %d labels for %d×%d", len(table.Columns), len(table.Label), m.Rows, m.Cols)
	}
	if table.Bytes != int64(len(text)) {
		t.Errorf("%d of %d bytes were read", table.Bytes, len(text))
	}
	if !opts.AllowNaN {
		for i, v := range m.Data {
			if v-v != 0 {
				t.Errorf("value %d is %v", i, v)
			}
		}
	}
}

// Files of a megabyte, each made to cost as much memory a byte as it can.
func TestMemoryIsBounded(t *testing.T) {
	const size = 1 << 20
	var labels strings.Builder
	for labels.Len() < size {
		fmt.Fprintf(&labels, "%x,1\n", labels.Len())
	}
	for name, text := range map[string]string{
		"names":          "a" + strings.Repeat(",", size/4) + "\n1" + strings.Repeat(",1", size/4),
		"empty cells":    strings.Repeat(strings.Repeat(",", size/8)+"\n", 8),
		"short rows":     strings.Repeat("1\n", size/2),
		"labels":         labels.String(),
		"empty labels":   strings.Repeat(",1\n", size/3),
		"quoted cells":   strings.Repeat(`"1",`, size/4) + "1",
		"quoted records": strings.Repeat("\"1\"\n", size/4),
		"open quote":     "1,2\n\"" + strings.Repeat("1\n", size/2),
		"blank lines":    strings.Repeat("\n", size),
		"one line":       strings.Repeat("1", size),
	} {
		t.Run(name, func(t *testing.T) {
			for _, opts := range []Options{{}, {Label: "1"}, {Label: "a", AllowNaN: true}, {Label: "1", AllowNaN: true, Header: HeaderAbsent}} {
				checkRead(t, name+".csv", text, opts)
			}
		})
	}
	for _, code := range []string{"|b1", "|u1", "<f8"} {
		for _, order := range []string{"True", "False"} {
			width := int(code[2] - '0')
			file := npyFile(1, npyDict(code, order, fmt.Sprintf("(%d, 2)", size/2/width)), make([]byte, size))
			checkRead(t, "x.npy", file, Options{})
			checkRead(t, "x.npy", file, Options{Label: "2"})
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n1,2\n", "1,2\r\n3,4\r\n\r\n", "\ufeffa;b\n1;2", "a\tb\n\t\n", "\"a\"\"\",\"b\nc\"\n1,\"2\"\n", "1,\"2",
		"class,x\nu,1e39\n", "x\nnan\n", "x\n?\n", ",,,\n", "1,2\n\n3,4", "2019,a\n5,6\n", "a,a\n1,1", "\x00", "\xff\xfe",
		"a\n" + strings.Repeat("9", 500), "\"\" \"", "1\r2\n", "-,+\ne,.\n",
	} {
		f.Add(seed, "", false)
		f.Add(seed, "1", true)
		f.Add(seed, "class", false)
	}
	f.Fuzz(func(t *testing.T, text, label string, allowNaN bool) {
		checkRead(t, "fuzz.csv", text, Options{Label: label, AllowNaN: allowNaN})
	})
}

func FuzzNpy(f *testing.F) {
	for _, seed := range []string{
		npyFile(1, npyDict("<f4", "False", "(2, 2)"), []float32{1, 2, 3, 4}),
		npyFile(2, npyDict(">f8", "True", "(1, 2)"), []float64{1, 1e300}),
		npyFile(3, npyDict("|u1", "False", "(3,)"), []byte{1, 2, 3}),
		npyFile(1, npyDict("<f2", "False", "(2,)"), []uint16{0x7c00, 1}),
		npyFile(1, npyDict("<i8", "False", "(1152921504606846976, 4)")),
		npyFile(1, npyDict("<u8", "False", "(4294967296, 4294967296, 1)")),
		npyFile(1, npyDict("|b1", "True", "(2, 0)")),
		npyFile(2, "{'descr': [('a', '<f4')], 'shape': (1L,)}"),
		npyMagic + "\x02\x00\xff\xff\xff\x7f",
	} {
		f.Add(seed, "", false)
		f.Add(seed, "2", true)
	}
	f.Fuzz(func(t *testing.T, file, label string, allowNaN bool) {
		checkRead(t, "fuzz.npy", file, Options{Label: label, AllowNaN: allowNaN})
	})
}

// The header alone, so that mutations reach its grammar without having to keep a length right.
func FuzzNpyHeader(f *testing.F) {
	for _, seed := range []string{npyDict("<f4", "False", "(2, 2)"), npyDict("|b1", "True", "()"), "{", "{'a", "{'shape': (9999999999999999999,)}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if len(header) < 1<<16 {
			checkRead(t, "fuzz.npy", npyFile(1, header, []float32{1, 2, 3, 4}), Options{})
		}
	})
}
