package dataset

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// mapsFiles says whether sources can show rows where they stand.
const mapsFiles = runtime.GOOS == "linux"

// parquetOf encodes rows in row groups of three.
func parquetOf[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, append(options, parquet.MaxRowsPerRowGroup(3))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type plainRow struct {
	A float32 `parquet:"a"`
	B float64 `parquet:"b,snappy"`
	C int64   `parquet:"c,dict,zstd"`
}

func writeParquet(t *testing.T, dir string) string {
	t.Helper()
	var rows []plainRow
	for i := 0; i < 21; i += 3 {
		rows = append(rows, plainRow{float32(i * i), float64((i + 1) * (i + 1)), int64((i + 2) * (i + 2))})
	}
	path := filepath.Join(dir, "t.parquet")
	if err := os.WriteFile(path, parquetOf(t, rows), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

type mixedRow struct {
	Flag  bool     `parquet:"flag"`
	Small int32    `parquet:"small"`
	Large uint64   `parquet:"large"`
	Maybe *float64 `parquet:"maybe,optional"`
	Name  string   `parquet:"name,dict"`
}

func TestParquetTypes(t *testing.T) {
	x := 0.1
	rows := []mixedRow{{true, -3, math.MaxUint64, &x, "p"}, {false, 1 << 24, 5, &x, "q"}, {false, 0, 1, &x, "p"}, {true, 1, 2, &x, "r"}}
	file := string(parquetOf(t, rows))
	got, err := readText("x.parquet", file, Options{Label: "name"})
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, -3, math.MaxUint64, 0.1, 0, 1 << 24, 5, 0.1, 0, 0, 1, 0.1, 1, 1, 2, 0.1}
	if !slices.Equal(got.Matrix.Data, want) || !slices.Equal(got.Label, []string{"p", "q", "p", "r"}) || got.Format != "parquet" ||
		!slices.Equal(got.Columns, []string{"flag", "small", "large", "maybe"}) {
		t.Errorf("%+v", got)
	}
	rows[2].Maybe = nil
	file = string(parquetOf(t, rows))
	for _, c := range []struct{ label, want string }{
		{"", "x.parquet: column 5 (name): the column holds text, not numbers"},
		{"name", "x.parquet: row 3, column 4 (maybe): the value is null"},
		{"none", `x.parquet: no column is named "none"; there are "flag", "small", "large", "maybe", "name"`},
	} {
		if _, err := readText("x.parquet", file, Options{Label: c.label}); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	got, err = readText("x.parquet", file, Options{Label: "name", AllowNaN: true})
	if err != nil || got.Matrix.Data[11] == got.Matrix.Data[11] {
		t.Errorf("%v %v", got, err)
	}
}

func TestParquetRefuses(t *testing.T) {
	good := string(parquetOf(t, []plainRow{{1, 2, 3}, {4, 5, 6}}))
	list := string(parquetOf(t, []struct {
		V []float32 `parquet:"v"`
	}{{[]float32{1, 2}}}))
	dates := string(parquetOf(t, []struct {
		D int32 `parquet:"d,date"`
	}{{1}}))
	cases := []struct{ file, want string }{
		{string(parquetOf(t, []plainRow{{1, 2, 3}, {float32(math.NaN()), 5, 6}})), "row 2, column 1 (a): the value is NaN"},
		{string(parquetOf(t, []plainRow{{1, 2, 3}, {1, math.Inf(-1), 6}})), "row 2, column 2 (b): the value is -Inf"},
		{string(parquetOf(t, []plainRow{{1, 1e300, 3}})), "row 1, column 2 (b): 1e+300 overflows float32"},
		{string(parquetOf(t, []plainRow{})), "the file has no rows"},
		{list, "column 1 (v): the column is nested or a list; one value a row is needed"},
		{dates, "column 1 (d): the column holds values of type DATE, not numbers"},
		{good[:len(good)-1], `the Parquet file is truncated: its last bytes are "\x00PAR"`},
		{good[:len(good)/2], "the Parquet file is truncated"},
		{"PAR1" + good[len(good)-8:], "the Parquet footer says that it is"},
	}
	for _, c := range cases {
		_, err := readText("x.parquet", c.file, Options{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// Whatever a file's bytes, reading ends with a table or one line, not a panic,
// and memory stays near what the file's pages hold.
func FuzzParquet(f *testing.F) {
	x := 2.5
	f.Add(string(parquetOf(f, []plainRow{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {1, 1, 1}})), "")
	f.Add(string(parquetOf(f, []mixedRow{{true, 1, 2, &x, "a"}, {false, 1, 2, nil, "b"}})), "name")
	f.Add("PAR1\x00\x00\x00\x00PAR1", "a")
	f.Fuzz(func(t *testing.T, file, label string) {
		if !strings.HasPrefix(file, "PAR1") {
			return
		}
		table, err := readText("x.parquet", file, Options{Label: label})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%T %v", err, err)
			}
			return
		}
		if m := table.Matrix; m.Rows < 1 || len(m.Data) != m.Rows*m.Cols {
			t.Errorf("%d×%d with %d values", m.Rows, m.Cols, len(m.Data))
		}
	})
}

// A file with any one byte changed is read or refused at once, in memory that
// does not follow what the byte promises.
func TestParquetDamage(t *testing.T) {
	x := 2.5
	for _, file := range [][]byte{
		parquetOf(t, []plainRow{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {1, 1, 1}}),
		parquetOf(t, []mixedRow{{true, 1, 2, &x, "a"}, {false, 1, 2, nil, "b"}}),
	} {
		for i := range file {
			for _, change := range []byte{1, 0x80, 0x7f, 0xff} {
				b := bytes.Clone(file)
				b[i] ^= change
				begun := time.Now()
				var err error
				allocated := allocatedBy(func() { _, err = readText("x.parquet", string(b), Options{Label: "name"}) })
				if took := time.Since(begun); allocated > 64<<20 || took > 2*time.Second {
					t.Errorf("byte %d of %d ^ %#x: %d bytes, %v: %v", i, len(file), change, allocated, took, err)
				}
			}
		}
	}
}
