package dataset

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readText reads text as the file name.
func readText(name, text string, opts Options) (*Table, error) {
	t, err := parse(context.Background(), name, strings.NewReader(text), int64(len(text)), opts)
	if err != nil {
		return nil, inFile(name, err)
	}
	return t, nil
}

func TestCSVReads(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := []struct {
		name, text string
		opts       Options
		cols       int
		data       []float32
		columns    []string
		label      []string
	}{
		{name: "header", text: "a,b\n1,2\n3,4\n", cols: 2, data: []float32{1, 2, 3, 4}, columns: []string{"a", "b"}},
		{name: "no header", text: "1,2\n3,4\n", cols: 2, data: []float32{1, 2, 3, 4}},
		{name: "no end of line", text: "1,2\n3,4", cols: 2, data: []float32{1, 2, 3, 4}},
		{name: "one row", text: "1,2", cols: 2, data: []float32{1, 2}},
		{name: "one column", text: "x\n1\n2\n", cols: 1, data: []float32{1, 2}, columns: []string{"x"}},
		{name: "CRLF, BOM, blank ends", text: "\ufeff\r\na;b\r\n1;2\r\n3;4\r\n\r\n  \r\n", cols: 2,
			data: []float32{1, 2, 3, 4}, columns: []string{"a", "b"}},
		{name: "tab", text: "a\tb\n1\t2\n", cols: 2, data: []float32{1, 2}, columns: []string{"a", "b"}},
		{name: "separator inside a name", text: "\"x,y,z\";b\n1;2\n", cols: 2, data: []float32{1, 2}, columns: []string{"x,y,z", "b"}},
		{name: "bare separator inside a name", text: "x, in m, about;b\n1;2\n", cols: 2, data: []float32{1, 2},
			columns: []string{"x, in m, about", "b"}},
		{name: "spaces", text: " a , b\n 1 ,2\t\n", cols: 2, data: []float32{1, 2}, columns: []string{"a", "b"}},
		{name: "quotes", text: "\"a \"\"q\"\"\" , \"b\nc\"\n\"1\",\" 2\"\n" + "3,4\n", opts: Options{Label: "b\nc"}, cols: 1,
			data: []float32{1, 3}, columns: []string{`a "q"`}, label: []string{" 2", "4"}},
		{name: "label by name", text: "class,a,b\nyes,1,2\nno,3,4\n", opts: Options{Label: "class"}, cols: 2,
			data: []float32{1, 2, 3, 4}, columns: []string{"a", "b"}, label: []string{"yes", "no"}},
		{name: "numeric label keeps its text", text: "a,class\n1,02\n2,?\n", opts: Options{Label: "class"}, cols: 1,
			data: []float32{1, 2}, columns: []string{"a"}, label: []string{"02", "?"}},
		{name: "label by index", text: "5.1,3.5,setosa\n4.9,3,virginica\n", opts: Options{Label: "3"}, cols: 2,
			data: []float32{5.1, 3.5, 4.9, 3}, label: []string{"setosa", "virginica"}},
		{name: "label by index, all numbers", text: "1,2\n3,4\n", opts: Options{Label: "1"}, cols: 1,
			data: []float32{2, 4}, label: []string{"1", "3"}},
		{name: "years as names", text: "city,2019,2020\n1,2,3\n", cols: 3, data: []float32{1, 2, 3},
			columns: []string{"city", "2019", "2020"}},
		{name: "an unnamed index column", text: ",a,b\n0,1,2\n", cols: 3, data: []float32{0, 1, 2}, columns: []string{"", "a", "b"}},
		{name: "header said", text: "1,2\n3,4\n", opts: Options{Header: HeaderPresent}, cols: 2, data: []float32{3, 4},
			columns: []string{"1", "2"}},
		{name: "notations", text: "1e3,-.5,+7,1.,1E-3,-0\n", cols: 6,
			data: []float32{1000, -.5, 7, 1, 0.001, float32(math.Copysign(0, -1))}},
		{name: "rounded once", text: "16777217,1.00000005960464477539062,1.00000005960464477539063,3.4028235e38,1e-45,1e-60\n", cols: 6,
			data: []float32{16777216, 1, math.Nextafter32(1, 2), math.MaxFloat32, math.SmallestNonzeroFloat32, 0}},
		{name: "NaN allowed", text: "a,b\n,?\nNA,n/a\nNULL,NaN\n-inf,+Infinity\n", opts: Options{AllowNaN: true}, cols: 2,
			data: []float32{nan, nan, nan, nan, nan, nan, -inf, inf}, columns: []string{"a", "b"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := readText("t.csv", c.text, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			m := got.Matrix
			if m.Cols != c.cols || m.Stride != c.cols || m.Rows*m.Cols != len(c.data) || !sameBits(m.Data, c.data) {
				t.Errorf("matrix %+v, want %d columns of %v", m, c.cols, c.data)
			}
			if !slices.Equal(got.Columns, c.columns) || (got.Columns == nil) != (c.columns == nil) {
				t.Errorf("columns %q, want %q", got.Columns, c.columns)
			}
			if !slices.Equal(got.Label, c.label) || (got.Label == nil) != (c.label == nil) {
				t.Errorf("label %q, want %q", got.Label, c.label)
			}
			if got.LabelName != c.opts.Label || got.Format != "csv" || got.Bytes != int64(len(c.text)) {
				t.Errorf("label name %q, format %q, %d bytes", got.LabelName, got.Format, got.Bytes)
			}
		})
	}
}

// sameBits compares floats by their bits, all NaNs alike.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	})
}

func TestCSVRefuses(t *testing.T) {
	long := strings.Repeat("x", 100)
	cases := []struct {
		name, text string
		opts       Options
		want       string
	}{
		{"empty", "", Options{}, `t.csv: the file is empty`},
		{"blank", "\n \n\r\n", Options{}, `t.csv: the file holds blank lines only`},
		{"only BOM", "\ufeff", Options{}, `t.csv: the file holds blank lines only`},
		{"header only", "\na,b\n\n", Options{}, `t.csv:2: a header, and no rows below it`},
		{"header said, one line", "1,2\n", Options{Header: HeaderPresent}, `t.csv:1: a header, and no rows below it`},
		{"question mark", "a,b\n1,2\n3,?\n", Options{}, `t.csv:3: column 2 (b): "?" is not a number`},
		{"question mark first", "1,?\n1,2\n", Options{}, `t.csv:1: column 2: "?" is not a number`},
		{"NaN", "a,b\n1,nan\n", Options{}, `t.csv:2: column 2 (b): "nan" is not a finite number`},
		{"Inf", "1,2\n-Inf,2\n", Options{}, `t.csv:2: column 1: "-Inf" is not a finite number`},
		{"empty cell", "a,b\n1,2\n,4\n", Options{}, `t.csv:3: column 1 (a): the cell is empty`},
		{"NA", "a,b\n1,NA\n", Options{}, `t.csv:2: column 2 (b): "NA" is not a number`},
		{"overflow", "a\n1e39\n", Options{}, `t.csv:2: column 1 (a): "1e39" overflows float32`},
		{"overflow, NaN allowed", "a\n-3.4028236e38\n", Options{AllowNaN: true}, `t.csv:2: column 1 (a): "-3.4028236e38" overflows float32`},
		{"hexadecimal", "a\n0x1p4\n", Options{}, `t.csv:2: column 1 (a): "0x1p4" is not a number`},
		{"underscore", "a\n1_000\n", Options{}, `t.csv:2: column 1 (a): "1_000" is not a number`},
		{"decimal comma", "a;b\n1,5;2\n", Options{}, `t.csv:2: column 1 (a): "1,5" is not a number`},
		{"typing error in the first row", "5.1,3.x\n4.9,3.0\n", Options{}, `t.csv:1: column 2: "3.x" is not a number`},
		{"typing error among integers", "5,3x,1\n4,3,1\n", Options{}, `t.csv:1: column 2: "3x" is not a number`},
		{"names said to be absent", "a,b\n1,2\n", Options{Header: HeaderAbsent, Label: "2"}, `t.csv:1: no numeric column: every cell is text, the first is "a"`},
		{"control characters", "a,b\x1b[31m\n1,x\x1b\a\n", Options{}, `t.csv:2: column 2 (b\x1b[31m): "x\x1b\a" is not a number`},
		{"a long cell", "a,b\n1," + long + "\n", Options{}, `t.csv:2: column 2 (b): "` + long[:40] + `…" is not a number`},
		{"a long name", "a," + long + "\n1,x\n", Options{}, `t.csv:2: column 2 (` + long[:40] + `…): "x" is not a number`},
		{"not UTF-8", "a,b\n1,\xff\n", Options{}, `t.csv:2: column 2 (b): "\xff" is not a number`},
		{"short row", "a,b,c\n1,2,3\n1,2\n", Options{}, `t.csv:3: 2 cells, and line 1 has 3`},
		{"long row", "1\n2,3\n", Options{}, `t.csv:2: 2 cells, and line 1 has 1`},
		{"short second row", "a,b,c\n1\n", Options{}, `t.csv:2: 1 cell, and line 1 has 3`},
		{"blank line between", "1,2\n\n\n3,4\n", Options{}, `t.csv:2: a blank line between rows`},
		{"no numbers", "name,town\nx,y\n", Options{}, `t.csv:2: no numeric column: every cell is text, the first is "x"`},
		{"no numbers beside the label", "class,name,town\n1,x,y\n", Options{Label: "class"}, `t.csv:2: no numeric column: every cell is text, the first is "x"`},
		{"one text column", "name\nx\n", Options{}, `t.csv:2: column 1 (name): "x" is not a number`},
		{"only the label", "class\n1\n", Options{Label: "class"}, `t.csv: no numeric column: the only column is the label "class"`},
		{"label unknown", "a,b\n1,2\n", Options{Label: "c"}, `t.csv: no column is named "c"; there are "a", "b"`},
		{"label unknown of many", "a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,0\n", Options{Label: "3"},
			`t.csv: no column is named "3"; there are "a", "b", "c", "d", "e", "f", "g", "h" and 2 more`},
		{"label twice", "a,b,a\n1,2,3\n", Options{Label: "a"}, `t.csv: label "a" names both column 1 and column 3`},
		{"label is no index", "1,2\n3,4\n", Options{Label: "class"}, `t.csv: label "class": the columns have no names, so a label is an index from 1 to 2`},
		{"label index too large", "1,2\n3,4\n", Options{Label: "3"}, `t.csv: label "3": the columns have no names, so a label is an index from 1 to 2`},
		{"label index zero", "1,2\n3,4\n", Options{Label: "0"}, `t.csv: label "0": the columns have no names, so a label is an index from 1 to 2`},
		{"quote not closed", "a,b\n1,\"2\n3,4\n", Options{}, `t.csv:2: column 2: the quote is never closed`},
		{"text after a quote", "a,b\n\"1\" x,2\n", Options{}, `t.csv:2: column 1: text after the closing quote: "x"`},
		{"lines after a quoted line end", "\"a\nb\",c\n1,x\n", Options{}, `t.csv:3: column 2 (c): "x" is not a number`},
		{"a huge cell", "a\n" + strings.Repeat("1", maxCellBytes+1) + "\n", Options{}, `t.csv:2: column 1: the cell is longer than 64 KiB`},
		{"a huge quoted cell", "a\n\"" + strings.Repeat("1\n", maxCellBytes), Options{}, `t.csv:2: column 1: the cell is longer than 64 KiB; is a closing quote missing?`},
		{"a huge line", "a\n" + strings.Repeat(" ", maxLineBytes+1) + "\n", Options{}, `t.csv:2: the line is longer than 64 MiB`},
		{"too many columns", strings.Repeat(",", maxColumns) + "\n", Options{}, `t.csv:1: more than 1048576 columns`},
		{"UTF-16", "\xff\xfea\x00", Options{}, `t.csv: is UTF-16 text: save it as UTF-8; CSV, .npy and Parquet can be read`},
		{"Parquet", "PAR1xxxx", Options{}, `t.csv: the Parquet file ends inside its footer`},
		{"zip", "PK\x03\x04xxxx", Options{}, `t.csv: is a zip archive (.npz, .xlsx); CSV, .npy and Parquet can be read`},
		{"gzip", "\x1f\x8b\x08", Options{}, `t.csv: is gzip-compressed; CSV, .npy and Parquet can be read`},
		{"HDF5", "\x89HDF\r\n\x1a\nxxxx", Options{}, `t.csv: is an HDF5 file; CSV, .npy and Parquet can be read`},
		{"binary", "a,b\n\x00", Options{}, `t.csv: is neither CSV nor .npy nor Parquet: byte 5 is zero`},
		{"too long", "a,b\n1,2\n", Options{MaxBytes: 7}, `t.csv: is 8 bytes long, and at most 7 are allowed`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, err := readText("t.csv", c.text, c.opts)
			if err == nil || table != nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A number read here is the nearest float32 to its text, whatever its length and exponent.
func TestCSVRoundsCorrectly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var text bytes.Buffer
	var want []float32
	for len(want) < 20000 {
		v := math.Float32frombits(rng.Uint32())
		if v-v != 0 {
			continue
		}
		// The midpoint to the next float, and a hair to each side of it, decide a rounding.
		mid := (float64(v) + float64(math.Nextafter32(v, 0))) / 2
		s := strconv.FormatFloat(mid, 'e', 40, 64)
		if k := rng.IntN(3); k > 0 {
			s = strconv.FormatFloat(math.Nextafter(mid, math.Inf(2*k-3)), 'g', -1, 64)
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatal(s)
		}
		nearest, _ := exact.Float32()
		if nearest == 0 && math.Signbit(mid) {
			nearest = float32(math.Copysign(0, -1)) // which a rational cannot tell
		}
		fmt.Fprintln(&text, s)
		want = append(want, nearest)
	}
	got, err := readText("t.csv", text.String(), Options{})
	if err != nil || !sameBits(got.Matrix.Data, want) {
		t.Errorf("not the nearest floats (%v)", err)
	}
}

// Records, quotes and line ends that fall on the buffer's edge are read as elsewhere.
func TestCSVAcrossBuffers(t *testing.T) {
	for shift := range 40 {
		text := "a,b\n" + strings.Repeat(" ", bufferBytes-20-shift) + "1,\"2\"\r\n\"3\",4\n5,\"6\"\n"
		got, err := readText("t.csv", text, Options{})
		if err != nil || !slices.Equal(got.Matrix.Data, []float32{1, 2, 3, 4, 5, 6}) {
			t.Fatalf("shift %d: %v %v", shift, got, err)
		}
	}
	wide := strings.Repeat("0.25\t", 50000) + "1\n"
	got, err := readText("t.csv", wide+wide, Options{})
	if err != nil || got.Matrix.Rows != 2 || got.Matrix.Cols != 50001 || got.Matrix.Data[50000] != 1 {
		t.Fatalf("wide lines: %v", err)
	}
}

// More distinct labels than are shared between rows are kept all the same.
func TestCSVManyLabels(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,x\n")
	for i := range 3 * maxInterned {
		fmt.Fprintf(&text, "id%d,%d\n", i, i)
	}
	got, err := readText("t.csv", text.String(), Options{Label: "id"})
	if err != nil {
		t.Fatal(err)
	}
	for i, label := range got.Label {
		if label != fmt.Sprint("id", i) || got.Matrix.Data[i] != float32(i) {
			t.Fatalf("row %d: %q %v", i, label, got.Matrix.Data[i])
		}
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
