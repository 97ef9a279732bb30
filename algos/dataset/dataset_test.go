package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadFile(t *testing.T) {
	const text = "a,b\n1,2\n"
	path := writeFile(t, "x.csv", text)
	got, err := Read(t.Context(), path, Options{MaxBytes: int64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	if got.Path != path || got.SHA256 != sha256.Sum256([]byte(text)) || !slices.Equal(got.Matrix.Data, []float32{1, 2}) {
		t.Errorf("%+v", got)
	}
}

func TestReadRefusesPaths(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "no\nsuch.csv")
	cases := []struct {
		path, want string
		is         error
	}{
		{missing, strings.ReplaceAll(missing, "\n", `\n`) + ": no such file or directory", fs.ErrNotExist},
		{dir, dir + ": is a directory, not a file", nil},
		{filepath.Join(writeFile(t, "f.csv", "1"), "x.csv"), "", nil},
	}
	for _, c := range cases {
		_, err := Read(t.Context(), c.path, Options{})
		var e *Error
		if !errors.As(err, &e) || e.Path != c.path || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%q: %#v", c.path, err)
			continue
		}
		if runtime.GOOS != "windows" && c.want != "" && err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	}
}

func TestReadNeedsPermission(t *testing.T) {
	path := writeFile(t, "x.csv", "1\n")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(path); err == nil {
		f.Close()
		t.Skip("this user may open any file")
	}
	_, err := Read(t.Context(), path, Options{})
	if !errors.Is(err, fs.ErrPermission) || err.Error() != path+": permission denied" {
		t.Error(err)
	}
}

func TestErrorFields(t *testing.T) {
	path := writeFile(t, "x.csv", "a,b\n1,2\n3,?\n")
	_, err := Read(t.Context(), path, Options{})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Path != path || e.Line != 3 || e.Column != 2 || e.ColumnName != "b" || e.Row != 0 || e.Err != nil {
		t.Errorf("%#v", e)
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"a.npy: row 3: bad":                    {Path: "a.npy", Row: 3, Msg: "bad"},
		"a.npy: row 3, column 2: bad":          {Path: "a.npy", Row: 3, Column: 2, Msg: "bad"},
		`a\tb.csv:4: column 1 (x"y): bad: EOF`: {Path: "a\tb.csv", Line: 4, Column: 1, ColumnName: `x"y`, Msg: "bad", Err: io.EOF},
		"bad":                                  {Msg: "bad"},
		`"\n": bad`:                            {Path: "\"\n\"", Msg: "bad"},
		"größe.csv:1: bad":                     {Path: "größe.csv", Line: 1, Msg: "bad"},
	} {
		if e.Error() != want {
			t.Errorf("got  %s\nwant %s", e, want)
		}
	}
}

// The content decides over the name.
func TestReadDetectsFormat(t *testing.T) {
	var npy strings.Builder
	if err := EncodeNpyFloat32(&npy, 1, 1, []float32{7}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, format, want string }{
		{"a.csv", npy.String(), "npy", ""},
		{"a", "7\n", "csv", ""},
		{"a.dat", "7\n", "csv", ""},
		{"a.NPY", "7\n", "", `a.NPY: is no .npy file: it begins with "7\n"`},
	} {
		got, err := readText(c.name, c.text, Options{})
		if c.want != "" {
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: got %v, want %s", c.name, err, c.want)
			}
		} else if err != nil || got.Format != c.format || got.Matrix.Data[0] != 7 {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
}

// stdin puts a pipe in place of standard input and returns its other end.
func stdin(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = old; r.Close(); w.Close() })
	return w
}

func TestReadStandardInput(t *testing.T) {
	const text = "a,class\n1,x\n2,y\n"
	w := stdin(t)
	go func() {
		for i := range len(text) {
			io.WriteString(w, text[i:i+1])
		}
		w.Close()
	}()
	got, err := Read(t.Context(), "-", Options{Label: "class"})
	if err != nil || got.Path != "-" || !slices.Equal(got.Matrix.Data, []float32{1, 2}) || !slices.Equal(got.Label, []string{"x", "y"}) ||
		got.SHA256 != sha256.Sum256([]byte(text)) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReadStandardInputRefuses(t *testing.T) {
	for _, c := range []struct {
		text, want string
		max        int64
	}{
		{"a\n?\n", `standard input:2: column 1 (a): "?" is not a number`, 0},
		{"1\n2\n3\n", "standard input: is longer than the 5 bytes allowed", 5},
		{npyMagic + "\x01\x00", "standard input: .npy is read from files only, not from a pipe: its size must be known beforehand", 0},
		{"", "standard input: the file is empty", 0},
	} {
		w := stdin(t)
		io.WriteString(w, c.text)
		w.Close()
		if _, err := Read(t.Context(), "-", Options{MaxBytes: c.max}); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// A read that waits for a pipe ends with its context.
func TestReadStopsWithContext(t *testing.T) {
	stdin(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := Read(ctx, "-", Options{}); !errors.Is(err, context.Canceled) || err.Error() != "standard input: context canceled" {
		t.Error(err)
	}
	if _, err := Read(ctx, writeFile(t, "x.csv", "1\n"), Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The context is looked at on the way through a file, not only at its beginning.
func TestReadStopsInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := strings.Repeat("1,2\n", bufferBytes)
	r := io.MultiReader(strings.NewReader(first), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "3,4\n"), nil
	}))
	if _, err := parse(ctx, "", r, -1, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A device that fails in the middle is not taken for the end of the file.
func TestReadReportsFailure(t *testing.T) {
	broken := errors.New("input/output error")
	for _, text := range []string{"", "a,b\n1,2\n", strings.Repeat("1,2\n", bufferBytes)} {
		r := io.MultiReader(strings.NewReader(text), readerFunc(func([]byte) (int, error) { return 0, broken }))
		if _, err := parse(t.Context(), "", r, -1, Options{}); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", len(text), err)
		}
	}
}
