package verify

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
)

// TestArtefactsOfAPlantedError: the folder holds the data of the case as it
// failed, the smaller case, pictures, and the commands that repeat both.
func TestArtefactsOfAPlantedError(t *testing.T) {
	ctx := context.Background()
	o := Options{Tested: openNamed(t, "cpu", backend.Config{Fault: "matmul-k-tail-dropped"}), Against: openNamed(t, "reference", backend.Config{}),
		Op: "matmul", Seed: 1, Keep: 2, Fault: "matmul-k-tail-dropped",
		Repeat: func(name string, seed uint64) string { return "again " + name }}
	r, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Artefacts) != 2 || r.Failed <= 2 {
		t.Fatalf("%d kept of %d", len(r.Artefacts), r.Failed)
	}
	if err := r.ShrinkArtefacts(ctx, o); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := r.WriteArtefacts(dir, 8, 4); err != nil {
		t.Fatal(err)
	}
	first := r.Failures[0].Case
	if r.Artefacts[0].Failure.Case != first || r.Artefacts[1].elements <= r.Artefacts[0].elements {
		t.Errorf("kept %s and %s of %d elements", r.Artefacts[0].Failure.Case, r.Artefacts[1].Failure.Case, r.Artefacts[1].elements)
	}
	for _, a := range r.Artefacts {
		f := r.Failures[slices.IndexFunc(r.Failures, func(f Failure) bool { return f.Case == a.Failure.Case })]
		if f.Artefacts == "" || f.Shrunk == "" || f.ShrunkRepeat != "again "+f.Shrunk || f.Case != a.Failure.Case || a.Shrunk == nil {
			t.Fatalf("%+v", f)
		}
		text, err := os.ReadFile(filepath.Join(f.Artefacts, "README.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"again " + f.Case + "\n", "again " + f.Shrunk + "\n", "shrunk to", "8×4", "device", "contract", f.Message} {
			if !strings.Contains(string(text), part) {
				t.Errorf("README.txt lacks %q:\n%s", part, text)
			}
		}
		for _, folder := range []string{f.Artefacts, filepath.Join(f.Artefacts, "shrunk")} {
			for _, name := range []string{"input_a", "input_b", "tested_c", "against_c", "oracle_c", "bound_c"} {
				readNpy(t, filepath.Join(folder, name+".npy"))
			}
		}
		for _, name := range []string{"heatmap_c.png", "folded_c.png"} {
			b, err := os.ReadFile(filepath.Join(f.Artefacts, name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// What is saved is what was compared: the values of the failure are in it.
		d := a.Tested[0]
		if at := f.Element * width(d.DType); valueOf(d.DType, d.Words[at]) != f.Tested && (f.FirstDifference < 0 || valueOf(d.DType, d.Words[f.FirstDifference]) != f.Tested) {
			t.Errorf("%s: the failure shows %v, the data hold %08x", f.Case, f.Tested, d.Words[at])
		}
	}
	for _, pattern := range []string{".*", "*/.*"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	// A second run does not mix with the first.
	if err := r.WriteArtefacts(dir, 8, 4); !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder that is not empty: %v", err)
	}
}

// TestArtefactsAreWholeOrNotThere: a failure whose data cannot be written leaves
// no folder, and one before it stays.
func TestArtefactsAreWholeOrNotThere(t *testing.T) {
	good := func(name string) *Artefact {
		return &Artefact{Failure: Failure{Case: name}, Inputs: []Data{{Name: "a", DType: backend.Float32, Batch: 1, Rows: 1, Cols: 1, Words: []uint32{1}}}}
	}
	bad := good("copy/b")
	bad.Inputs = append(bad.Inputs, Data{Name: "b", DType: backend.DType(99)})
	for _, c := range []struct {
		list []*Artefact
		left []string
	}{{[]*Artefact{good("copy/a"), bad}, []string{"01-copy_a"}}, {[]*Artefact{bad}, nil}} {
		dir := filepath.Join(t.TempDir(), "data")
		r := &Report{Artefacts: c.list}
		for _, a := range c.list {
			r.Failures = append(r.Failures, a.Failure)
		}
		if err := r.WriteArtefacts(dir, 4, 4); err == nil || !strings.Contains(err.Error(), "copy/b") {
			t.Errorf("%v", err)
		}
		var left []string
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if !slices.Equal(left, c.left) || (err != nil) != (c.left == nil) {
			t.Errorf("left %q, %v", left, err)
		}
		for _, f := range r.Failures {
			if (f.Artefacts != "") != (f.Case == "copy/a") {
				t.Errorf("%s names %q", f.Case, f.Artefacts)
			}
		}
	}
	if err := (&Report{Artefacts: []*Artefact{good("copy/a")}}).WriteArtefacts(t.TempDir(), 0, 4); !errors.Is(err, backend.ErrArgument) {
		t.Errorf("a tile of nothing: %v", err)
	}
}

// readNpy returns the type, shape and bytes of an .npy file.
func readNpy(t *testing.T, path string) (descr, shape string, data []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 10 || string(b[:8]) != "\x93NUMPY\x01\x00" {
		t.Fatalf("%s begins %q", path, b[:min(10, len(b))])
	}
	n := int(binary.LittleEndian.Uint16(b[8:]))
	header := string(b[10 : 10+n])
	m := regexp.MustCompile(`^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([0-9, ]+)\), \} *\n$`).FindStringSubmatch(header)
	if m == nil || (10+n)%64 != 0 {
		t.Fatalf("%s: header of %d bytes %q", path, n, header)
	}
	return m[1], m[2], b[10+n:]
}

// TestNpyOfEveryType: type, shape and bits, of NaN payloads too.
func TestNpyOfEveryType(t *testing.T) {
	for _, c := range []struct {
		d            Data
		descr, shape string
		data         []byte
	}{
		{Data{DType: backend.Float32, Batch: 1, Rows: 1, Cols: 2, Words: []uint32{0x7fc12345, 0x80000000}}, "<f4", "1, 1, 2", []byte{0x45, 0x23, 0xc1, 0x7f, 0, 0, 0, 0x80}},
		{Data{DType: backend.Complex64, Batch: 1, Rows: 1, Cols: 1, Words: []uint32{1, 2}}, "<c8", "1, 1, 1", []byte{1, 0, 0, 0, 2, 0, 0, 0}},
		{Data{DType: backend.Int8, Batch: 2, Rows: 1, Cols: 1, Words: []uint32{0xffffff80, 3}}, "|i1", "2, 1, 1", []byte{0x80, 3}},
		{Data{DType: backend.Int32, Batch: 1, Rows: 1, Cols: 1, Words: []uint32{0xffffffff}}, "<i4", "1, 1, 1", []byte{0xff, 0xff, 0xff, 0xff}},
		{Data{DType: backend.Uint32, Batch: 1, Rows: 0, Cols: 3}, "<u4", "1, 0, 3", []byte{}},
	} {
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := writeBytesOf(path, c.d); err != nil {
			t.Fatal(err)
		}
		if descr, shape, data := readNpy(t, path); descr != c.descr || shape != c.shape || !bytes.Equal(data, c.data) {
			t.Errorf("%v: %s (%s) % x", c.d, descr, shape, data)
		}
	}
	var b bytes.Buffer
	if err := writeNpyFloats(&b, Data{DType: backend.Complex64, Batch: 1, Rows: 1, Cols: 1}, []float64{1, math.NaN()}); err != nil || !strings.Contains(b.String(), "'shape': (1, 1, 1, 2)") {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func writeBytesOf(path string, d Data) error {
	var b bytes.Buffer
	if err := writeNpy(&b, d); err != nil {
		return err
	}
	return writeBytes(path, b.Bytes())
}

// TestHeatMaps: every kind of error has its colour and place, and a lane that
// is always wrong is one column of the folded map.
func TestHeatMaps(t *testing.T) {
	const rows, cols, lane = 20, 24, 5
	m := Map{Output: "C", Batch: 2, Rows: rows, Cols: cols, heats: make([]heat, 2*rows*cols)}
	for i := range m.heats {
		if i%cols%8 == lane {
			m.heats[i] = 2.5
		}
	}
	m.heats[0], m.heats[1] = 1.5, 0.5
	img := decoded(t, m.PNG)
	scale := img.Bounds().Dx() / cols
	at := func(b, row, col int) color.RGBA {
		return color.RGBAModel.Convert(img.At(col*scale+scale/2, (b*(rows+1)+row)*scale+scale/2)).(color.RGBA)
	}
	if scale < 1 || img.Bounds().Dy() != (2*rows+1)*scale || at(0, 0, 0) != heatColour(1.5) || at(0, 0, 1) != heatColour(0.5) ||
		at(1, 7, 13) != heatColour(2.5) || at(0, 3, 2) != wellLow || at(0, rows, 3) != gapColour {
		t.Errorf("whole: %v of scale %d", img.Bounds(), scale)
	}
	folded := decoded(t, func() ([]byte, error) { return m.Folded(4, 8) })
	scale = folded.Bounds().Dx() / 8
	for row := range 4 {
		for col := range 8 {
			got := color.RGBAModel.Convert(folded.At(col*scale, row*scale)).(color.RGBA)
			want := shareColour(0)
			switch {
			case col == lane:
				want = shareColour(1)
			case row == 0 && col == 0:
				want = shareColour(1.0 / 30)
			}
			if got != want {
				t.Errorf("folded %d, %d: %v, want %v", row, col, got, want)
			}
		}
	}
	// A tile larger than the output has places that nothing falls on; a large
	// output shares pixels, and none of its errors is lost.
	if img := decoded(t, func() ([]byte, error) { return m.Folded(32, 32) }); color.RGBAModel.Convert(img.At(img.Bounds().Dx()-1, 0)) != gapColour {
		t.Error("a place that no element has is coloured")
	}
	large := Map{Output: "C", Batch: 1, Rows: 1, Cols: 5000, heats: make([]heat, 5000)}
	large.heats[4321] = 3
	img = decoded(t, large.PNG)
	if img.Bounds().Dx() > mostPixels || color.RGBAModel.Convert(img.At(4321/3, 0)) != heatColour(3) {
		t.Errorf("large: %v", img.Bounds())
	}
}

func decoded(t *testing.T, draw func() ([]byte, error)) image.Image {
	t.Helper()
	b, err := draw()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestHeatOrdersErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	last := heat(-1)
	for i, h := range []heat{heatOf(opinion{}, false, false), heatOf(opinion{ratio: 0.5}, false, false), heatOf(opinion{}, false, true), heatOf(opinion{ratio: 0.5}, false, true),
		heatOf(opinion{ratio: 2}, true, true), heatOf(opinion{ratio: 1e5}, true, true), heatOf(opinion{ratio: inf}, true, true)} {
		if !(h > last) {
			t.Errorf("%d: %v after %v", i, h, last)
		}
		last = h
	}
	if h := heatOf(opinion{ratio: nan}, true, false); h != 3 {
		t.Errorf("an error that is no number: %v", h)
	}
	for _, h := range []heat{0, 0.5, 0.999, 1, 1.5, 2, 2.5, 3} {
		if c := heatColour(h); c.A != 0xff {
			t.Errorf("%v: %v", h, c)
		}
	}
}
