package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEncodeNpyBytes(t *testing.T) {
	odd := math.Float32frombits(0xffc12345) // a NaN of another payload
	var got bytes.Buffer
	if err := EncodeNpyFloat32(&got, 1, 3, []float32{1, odd, float32(math.Copysign(0, -1))}); err != nil {
		t.Fatal(err)
	}
	dict := "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }"
	want := "\x93NUMPY\x01\x00\x76\x00" + dict + strings.Repeat(" ", 117-len(dict)) + "\n" +
		"\x00\x00\x80\x3f" + "\x00\x00\xc0\x7f" + "\x00\x00\x00\x80"
	if got.String() != want {
		t.Errorf("got  %q\nwant %q", got.String(), want)
	}
	got.Reset()
	if err := EncodeNpyInt32(&got, []int32{-2}); err != nil {
		t.Fatal(err)
	}
	dict = "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }"
	want = "\x93NUMPY\x01\x00\x76\x00" + dict + strings.Repeat(" ", 117-len(dict)) + "\n" + "\xfe\xff\xff\xff"
	if got.String() != want {
		t.Errorf("got  %q\nwant %q", got.String(), want)
	}
}

// What is written is read back with the same bits, for any shape and values.
func TestNpyRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 40).Draw(t, "rows"), rapid.IntRange(1, 40).Draw(t, "cols")
		bits := rapid.SliceOfN(rapid.Uint32(), rows*cols, rows*cols).Draw(t, "bits")
		data := make([]float32, len(bits))
		for i, b := range bits {
			data[i] = math.Float32frombits(b)
		}
		if err := WriteNpyFloat32(path, rows, cols, data); err != nil {
			t.Fatal(err)
		}
		got, err := Read(t.Context(), path, Options{AllowNaN: true})
		if err != nil {
			t.Fatal(err)
		}
		if m := got.Matrix; m.Rows != rows || m.Cols != cols || !sameBits(m.Data, data) {
			t.Fatalf("%d×%d came back as %d×%d: %v", rows, cols, m.Rows, m.Cols, m.Data)
		}
	})
}

func TestNpyInt32RoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := WriteNpyInt32(path, []int32{0, -1, 1 << 24, math.MinInt32}); err != nil {
		t.Fatal(err)
	}
	got, err := Read(t.Context(), path, Options{})
	if err != nil || got.Matrix.Cols != 1 || !slices.Equal(got.Matrix.Data, []float32{0, -1, 1 << 24, math.MinInt32}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.npy")
	if err := os.Symlink("x.npy", link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := WriteNpyInt32(link, []int32{5}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 132 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	checkNames(t, dir, "link.npy", "x.npy")
}

// checkNames checks that a folder holds these files and no other, so no half-written one either.
func checkNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the folder holds %q, want %q", names, want)
	}
}

// A write that fails halfway leaves the old file and nothing else.
func TestWriteFailsWhole(t *testing.T) {
	path := writeFile(t, "x.npy", "old")
	full := errors.New("no space left on device")
	err := WriteFile(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return full
	})
	if !errors.Is(err, full) || err.Error() != path+": no space left on device" {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("%q %v", text, err)
	}
	checkNames(t, filepath.Dir(path), "x.npy")
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	cases := []struct{ got, want error }{
		{WriteNpyFloat32(path, 2, 2, make([]float32, 3)), errors.New(path + ": shape (2, 2) does not fit 3 values")},
		{WriteNpyFloat32(path, -1, -1, make([]float32, 1)), errors.New(path + ": shape (-1, -1) has a negative size")},
		{WriteNpyFloat32(path, math.MaxInt, math.MaxInt, make([]float32, 1)), // (2⁶³−1)² wraps to 1
			fmt.Errorf("%s: shape (%d, %[2]d) does not fit 1 values", path, math.MaxInt)},
		{EncodeNpyFloat32(io.Discard, 1, 2, nil), errors.New("shape (1, 2) does not fit 0 values")},
		{WriteNpyInt32(dir, nil), errors.New(dir + ": is a directory, not a file")},
	}
	for _, c := range cases {
		if c.got == nil || c.got.Error() != c.want.Error() {
			t.Errorf("got  %v\nwant %v", c.got, c.want)
		}
	}
	missing := filepath.Join(dir, "no", "x.npy")
	if err := WriteNpyInt32(missing, nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), missing+": ") {
		t.Error(err)
	}
	checkNames(t, dir)
}

// A device is written to and not replaced by a file.
func TestWriteToDevice(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	path := "/dev/fd/" + itoa(w.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("no /dev/fd here")
	}
	if err := WriteNpyInt32(path, []int32{1}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 132)
	if _, err := io.ReadFull(r, got); err != nil || string(got[:6]) != npyMagic || got[128] != 1 {
		t.Errorf("%q %v", got, err)
	}
}

func itoa(fd uintptr) string {
	if fd < 10 {
		return string(rune('0' + fd))
	}
	return itoa(fd/10) + itoa(fd%10)
}

func TestDigests(t *testing.T) {
	if got := SHA256Float32(nil); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Error("of nothing:", got)
	}
	data := make([]float32, bufferBytes/4+3)
	var bytes []byte
	for i := range data {
		data[i] = math.Float32frombits(uint32(i) * 2654435761)
		b := math.Float32bits(data[i])
		if data[i] != data[i] {
			b = 0x7fc00000
		}
		bytes = append(bytes, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	want := sha256.Sum256(bytes)
	if got := SHA256Float32(data); got != hex.EncodeToString(want[:]) {
		t.Error("of floats:", got)
	}
	want = sha256.Sum256([]byte{1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff})
	if got := SHA256Int32([]int32{1, -2}); got != hex.EncodeToString(want[:]) {
		t.Error("of integers:", got)
	}
	one := SHA256Float32([]float32{math.Float32frombits(0x7fc00000)})
	if SHA256Float32([]float32{math.Float32frombits(0xff800001)}) != one {
		t.Error("two NaNs differ")
	}
	if SHA256Float32([]float32{0}) == SHA256Float32([]float32{float32(math.Copysign(0, -1))}) {
		t.Error("zeros of two signs are alike")
	}
}

// NumPy reads what is written here, byte for byte as its own, and what it writes is read here.
func TestNumPy(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: files are not exchanged with NumPy")
	}
	if err := exec.Command(python, "-c", "import numpy").Run(); err != nil {
		t.Skip("python3 has no numpy: files are not exchanged with it")
	}
	dir := t.TempDir()
	data := []float32{1.5, -2, 3e-40, 4e30, 0, 6}
	if err := WriteNpyFloat32(filepath.Join(dir, "f.npy"), 3, 2, data); err != nil {
		t.Fatal(err)
	}
	if err := WriteNpyInt32(filepath.Join(dir, "i.npy"), []int32{7, -8}); err != nil {
		t.Fatal(err)
	}
	script := `
import io, numpy as np
def same(path, a):
    b = io.BytesIO(); np.save(b, a)
    assert open(path, 'rb').read() == b.getvalue(), path
    assert (np.load(path) == a).all(), path
f = np.array([[1.5, -2], [3e-40, 4e30], [0, 6]], np.float32)
same('f.npy', f)
same('i.npy', np.array([7, -8], np.int32))
a = np.arange(12).reshape(4, 3)
codes = '<f4 <f8 >f4 >f8 |i1 |u1 <i2 <u2 <i4 <u4 <i8 <u8 >i2 >u2 >i4 >u4 >i8 >u8 <f2 >f2'.split()
n = 0
for order in 'CF':
    for c in codes:
        for version in (1, 0), (2, 0), (3, 0):
            with open(f'numpy{n}.npy', 'wb') as out:
                np.lib.format.write_array(out, np.asarray(a.astype(c), order=order), version=version)
            n += 1
print(n, end='')
`
	cmd := exec.Command(python, "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "120" {
		t.Fatalf("%v: %s", err, out)
	}
	want := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	files, _ := filepath.Glob(filepath.Join(dir, "numpy*.npy"))
	for _, path := range files {
		got, err := Read(t.Context(), path, Options{})
		if err != nil || got.Matrix.Rows != 4 || got.Matrix.Cols != 3 || !slices.Equal(got.Matrix.Data, want) {
			t.Errorf("%s: %+v %v", path, got, err)
		}
	}
	if len(files) != 120 {
		t.Errorf("%d files", len(files))
	}
}
