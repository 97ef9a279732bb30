package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// readSource reads a source to its end in chunks of so many rows.
func readSource(t *testing.T, s Source, rows, stride int) ([]float32, error) {
	t.Helper()
	chunk := blas32.General{Rows: rows, Cols: s.Cols(), Stride: s.Cols() + stride}
	chunk.Data = make([]float32, rows*chunk.Stride)
	var all []float32
	for {
		n, err := s.Next(t.Context(), chunk)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range n {
			all = append(all, chunk.Data[i*chunk.Stride:i*chunk.Stride+chunk.Cols]...)
		}
	}
}

// sourceFiles are files of the same 7×3 table in every format and layout.
func sourceFiles(t *testing.T) map[string]Options {
	t.Helper()
	dir := t.TempDir()
	var csv strings.Builder
	csv.WriteString("a,b,c\n")
	var f4 []float32
	var f8 []float64
	var i2 []int16
	columns := make([]int16, 21)
	for i := range 21 {
		fmt.Fprintf(&csv, "%d", i*i)
		if i%3 == 2 {
			csv.WriteByte('\n')
		} else {
			csv.WriteByte(',')
		}
		f4, f8, i2 = append(f4, float32(i*i)), append(f8, float64(i*i)), append(i2, int16(i*i))
		columns[i%3*7+i/3] = int16(i * i)
	}
	files := map[string]string{
		"t.csv":  csv.String(),
		"f8.npy": npyFile(1, npyDict("<f8", "False", "(7, 3)"), f8),
		"i2.npy": npyFile(1, npyDict("<i2", "False", "(7, 3)"), i2),
		"fo.npy": npyFile(1, npyDict("<i2", "True", "(7, 3)"), columns),
	}
	out := map[string]Options{}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		out[path] = Options{}
	}
	f4Path := filepath.Join(dir, "f4.npy") // written with its values aligned, as NumPy does
	if err := WriteNpyFloat32(f4Path, 7, 3, f4); err != nil {
		t.Fatal(err)
	}
	out[f4Path], out[writeParquet(t, dir)] = Options{}, Options{}
	return out
}

// A source gives the rows that Read does, in chunks of any size, with and
// without a label, from any row on.
func TestSourceIsRead(t *testing.T) {
	for path := range sourceFiles(t) {
		for _, label := range []string{"", "2"} {
			if named := strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, ".parquet"); named && label != "" {
				label = "b"
			}
			opts := Options{Label: label}
			want, err := Read(t.Context(), path, opts)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), path, opts)
			if err != nil {
				t.Fatal(err)
			}
			if s.Rows() != 7 || s.Cols() != want.Matrix.Cols || !slices.Equal(s.Columns(), want.Columns) {
				t.Fatalf("%s: %d×%d %v", path, s.Rows(), s.Cols(), s.Columns())
			}
			for from := range 8 {
				for _, rows := range []int{1, 3, 7, 100} {
					if err := s.Seek(t.Context(), from); err != nil {
						t.Fatal(err)
					}
					got, err := readSource(t, s, rows, rows%2)
					if err != nil || !slices.Equal(got, want.Matrix.Data[from*s.Cols():]) {
						t.Fatalf("%s label %q from row %d in chunks of %d: %v %v", path, label, from, rows, got, err)
					}
				}
			}
			if err := s.Seek(t.Context(), 8); err == nil {
				t.Error("a row past the end")
			}
			if v, ok := s.(Viewer); ok {
				for from := range 6 {
					rows, release, shown, err := v.View(from, 2)
					if err != nil {
						t.Fatal(err)
					}
					if shown {
						if !slices.Equal(rows.Data, want.Matrix.Data[from*s.Cols():(from+2)*s.Cols()]) {
							t.Errorf("%s: view of row %d: %v", path, from, rows.Data)
						}
						release()
					} else if strings.HasSuffix(path, "f4.npy") && label == "" && mapsFiles {
						t.Error("a plain file that was read is not shown")
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	m := blas32.General{Rows: 7, Cols: 3, Stride: 3, Data: make([]float32, 21)}
	if got, err := readSource(t, Rows(m, nil), 2, 0); err != nil || len(got) != 21 {
		t.Error(got, err)
	}
}

func TestSourceErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := []struct{ name, text, want string }{
		{"x.csv", "a,b\n1,2\n3,x\n", `:3: column 2 (b): "x" is not a number`},
		{"x.csv", "a,b\n1,2\n3\n", ":3: 1 cell, and line 1 has 2"},
		{"x.csv", "a,b\n1,2\n3,inf\n", `:3: column 2 (b): "inf" is not a finite number`},
		{"x.npy", npyFile(1, npyDict("<f4", "False", "(3, 2)"), []float32{1, 2, 3, nan, 5, 6}), ": row 2, column 2: the value is NaN"},
		{"x.npy", npyFile(1, npyDict("<f4", "True", "(2, 3)"), []float32{1, 2, 3, inf, 5, 6}), ": row 2, column 2: the value is +Inf"},
		{"x.npy", npyFile(1, npyDict("<f8", "False", "(1, 2)"), []float64{1, 1e300}), ": row 1, column 2: 1e+300 overflows float32"},
		{"x.npy", npyFile(1, npyDict("<f4", "False", "(3, 2)"), []float32{1, 2, 3, 4, 5}), ": the header promises shape (3, 2) of float32, 24 bytes, and 20 follow"},
		{"x.npy", "", ": the file is empty"},
	}
	for _, c := range cases {
		path := writeFile(t, c.name, c.text)
		s, err := Open(t.Context(), path, Options{})
		if err == nil {
			_, err = readSource(t, s, 2, 0)
			s.Close()
		}
		if err == nil || err.Error() != path+c.want {
			t.Errorf("got  %v\nwant %s", err, path+c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "shrinks.npy")
	if err := WriteNpyFloat32(path, 3, 2, make([]float32, 6)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := readSource(t, s, 3, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 130); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.(Viewer).View(0, 3); mapsFiles && (err == nil || !strings.HasSuffix(err.Error(), "the file shrank while it was read")) {
		t.Error(err)
	}
	s.Seek(t.Context(), 0)
	if _, err := readSource(t, s, 3, 0); err == nil || !strings.HasSuffix(err.Error(), "the file shrank while it was read") {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(stopped, blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: make([]float32, 2)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none.npy")} {
		if _, err := Open(t.Context(), bad, Options{}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
