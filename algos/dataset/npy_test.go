package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// npyFile is an .npy file of version major.0 with the given header text and values.
func npyFile(major byte, header string, values ...any) string {
	var b bytes.Buffer
	b.WriteString(npyMagic)
	b.Write([]byte{major, 0})
	if major == 1 {
		binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	} else {
		binary.Write(&b, binary.LittleEndian, uint32(len(header)))
	}
	b.WriteString(header)
	for _, v := range values {
		var order binary.ByteOrder = binary.LittleEndian
		if strings.Contains(header, "'>") {
			order = binary.BigEndian
		}
		if err := binary.Write(&b, order, v); err != nil {
			panic(err)
		}
	}
	return b.String()
}

func npyDict(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
}

func TestNpyElements(t *testing.T) {
	cases := []struct {
		code   string
		values any
		want   []float32
	}{
		{"f2", []uint16{0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x3555}, []float32{1, -2, 0x1p-24, -1023 * 0x1p-24, 65504, 0.333251953125}},
		{"f4", []float32{1.5, -0x1p-149, math.MaxFloat32}, []float32{1.5, -0x1p-149, math.MaxFloat32}},
		{"f8", []float64{1.5, 1 + 0x1p-24, 1 + 0x1.8p-24, -1e-60}, []float32{1.5, 1, 1 + 0x1p-23, float32(math.Copysign(0, -1))}},
		{"i1", []int8{1, -128}, []float32{1, -128}},
		{"u1", []uint8{1, 255}, []float32{1, 255}},
		{"b1", []uint8{0, 1}, []float32{0, 1}},
		{"i2", []int16{1, -32768}, []float32{1, -32768}},
		{"u2", []uint16{1, 65535}, []float32{1, 65535}},
		{"i4", []int32{1, math.MinInt32, 16777217}, []float32{1, -0x1p31, 16777216}},
		{"u4", []uint32{1, math.MaxUint32}, []float32{1, 0x1p32}},
		// 2⁵³+2²⁹+1 is above the midpoint of two floats, and a float64 on the way would round it down to the midpoint.
		{"i8", []int64{1, math.MinInt64, 1<<53 + 1<<29 + 1}, []float32{1, -0x1p63, 0x1p53 + 0x1p30}},
		{"u8", []uint64{1, math.MaxUint64, 1<<63 + 1<<39 + 1}, []float32{1, 0x1p64, 0x1p63 + 0x1p40}},
	}
	for _, c := range cases {
		for _, order := range []string{"<", ">", "|"} {
			if order == "|" && c.code[1] != '1' {
				continue
			}
			n := len(c.want)
			for major := byte(1); major <= 3; major++ {
				file := npyFile(major, npyDict(order+c.code, "False", fmt.Sprintf("(%d,)", n)), c.values)
				got, err := readText("t.npy", file, Options{})
				if err != nil {
					t.Errorf("%s%s: %v", order, c.code, err)
					continue
				}
				m := got.Matrix
				if m.Rows != n || m.Cols != 1 || m.Stride != 1 || !sameBits(m.Data, c.want) || got.Format != "npy" || got.Columns != nil {
					t.Errorf("%s%s version %d: %+v, want %v", order, c.code, major, got, c.want)
				}
			}
		}
	}
}

// Every float16 widens to the value of its fields.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, e, f := 1-2*float64(h>>15), h>>10&31, float64(h&0x3ff)
		want := sign * math.Ldexp(1+f/1024, e-15)
		switch {
		case e == 0:
			want = sign * math.Ldexp(f, -24)
		case e == 31 && f == 0:
			want = math.Inf(int(sign))
		case e == 31:
			want = math.NaN()
		}
		if got := halfToFloat32(uint16(h)); !sameBits([]float32{got}, []float32{float32(want)}) {
			t.Fatalf("%#04x: %v, want %v", h, got, want)
		}
	}
}

func TestNpyShapes(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	cases := []struct {
		name, header string
		opts         Options
		rows, cols   int
		data         []float32
		label        []string
	}{
		{name: "rows", header: npyDict("<f4", "False", "(2, 3)"), rows: 2, cols: 3, data: values},
		{name: "columns", header: npyDict("<f4", "True", "(2, 3)"), rows: 2, cols: 3, data: []float32{1, 3, 5, 2, 4, 6}},
		{name: "vector", header: npyDict("<f4", "True", "(6,)"), rows: 6, cols: 1, data: values},
		{name: "label in rows", header: npyDict("<f4", "False", "(2, 3)"), opts: Options{Label: "2"}, rows: 2, cols: 2,
			data: []float32{1, 3, 4, 6}, label: []string{"2", "5"}},
		{name: "label in columns", header: npyDict("<f4", "True", "(2, 3)"), opts: Options{Label: "1"}, rows: 2, cols: 2,
			data: []float32{3, 5, 4, 6}, label: []string{"1", "2"}},
		{name: "another style", header: "{\"shape\":(2L,3L,),'fortran_order':False,\t'descr':\"<f4\"}", rows: 2, cols: 3, data: values},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := readText("t.npy", npyFile(1, c.header, values), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			m := got.Matrix
			if m.Rows != c.rows || m.Cols != c.cols || m.Stride != c.cols || !slices.Equal(m.Data, c.data) || !slices.Equal(got.Label, c.label) {
				t.Errorf("%+v %q", m, got.Label)
			}
		})
	}
}

// A label column's text is the stored value, also where float32 could not hold it.
func TestNpyLabelText(t *testing.T) {
	file := npyFile(1, npyDict("<i8", "False", "(2, 2)"), []int64{1, 1<<60 + 1, 2, -7})
	got, err := readText("t.npy", file, Options{Label: "2"})
	if err != nil || !slices.Equal(got.Label, []string{"1152921504606846977", "-7"}) || got.LabelName != "2" {
		t.Errorf("%+v %v", got, err)
	}
	file = npyFile(1, npyDict("|b1", "False", "(1, 3)"), []byte{1, 0, 1})
	got, err = readText("t.npy", file, Options{Label: "2"})
	if err != nil || !slices.Equal(got.Label, []string{"False"}) || !slices.Equal(got.Matrix.Data, []float32{1, 1}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestNpyLongerThanTheBuffer(t *testing.T) {
	const rows, cols = 3000, 17
	data := make([]float32, rows*cols)
	turned := make([]float32, rows*cols)
	for i := range data {
		data[i] = float32(i)
		turned[i%cols*rows+i/cols] = float32(i)
	}
	for order, values := range map[string][]float32{"False": data, "True": turned} {
		got, err := readText("t.npy", npyFile(2, npyDict("<f4", order, "(3000, 17)"), values), Options{})
		if err != nil || !slices.Equal(got.Matrix.Data, data) {
			t.Errorf("fortran_order %s: %v", order, err)
		}
	}
}

func TestNpyAllowNaN(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	got, err := readText("t.npy", npyFile(1, npyDict("<f8", "False", "(3,)"), []float64{nan, inf, -inf}), Options{AllowNaN: true})
	if err != nil || !sameBits(got.Matrix.Data, []float32{nan32, inf32, -inf32}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestNpyRefuses(t *testing.T) {
	nan := float32(math.NaN())
	f4 := func(shape string, n int) string {
		return npyFile(1, npyDict("<f4", "False", shape), make([]float32, n))
	}
	descr := func(code string) string { return npyFile(1, npyDict(code, "False", "(1,)"), make([]byte, 8)) }
	header := func(text string) string { return npyFile(1, text, make([]byte, 8)) }
	const types = "; floats (f2 f4 f8), integers (i1 to u8) and bool (b1) can"
	cases := []struct {
		name, file string
		opts       Options
		want       string
	}{
		{"2⁶⁰ rows", f4("(1152921504606846976, 4)", 2), Options{}, "the header promises shape (1152921504606846976, 4) of float32, more than 2⁶³ bytes, and 8 follow"},
		{"2⁶⁰ rows of bytes", npyFile(1, npyDict("|u1", "False", "(1152921504606846976,)"), []byte{1}), Options{},
			"the header promises shape (1152921504606846976,) of uint8, 1152921504606846976 bytes, and 1 follow"},
		{"a product that wraps to 8", f4("(4611686018427387905, 4)", 2), Options{}, "the header promises shape (4611686018427387905, 4) of float32, more than 2⁶³ bytes, and 8 follow"},
		{"2⁶⁴", f4("(18446744073709551616,)", 2), Options{}, "the header promises a size of 18446744073709551616, which no file can hold"},
		{"too short", f4("(3,)", 2), Options{}, "the header promises shape (3,) of float32, 12 bytes, and 8 follow"},
		{"too long", f4("(2,)", 2) + "xyz", Options{}, "3 extra bytes after the array of shape (2,) of float32"},
		{"no rows", f4("(0, 4)", 0), Options{}, "the array is empty, shape (0, 4)"},
		{"no columns", f4("(4, 0)", 0), Options{}, "the array is empty, shape (4, 0)"},
		{"no axes", f4("()", 1), Options{}, "the array is a single value; one or two axes are needed"},
		{"three axes", f4("(2, 3, 4)", 24), Options{}, "the array has 3 axes, shape (2, 3, 4); one or two are needed"},
		{"too many axes", f4("("+strings.Repeat("1,", 65)+")", 1), Options{}, "the header has more than 64 sizes"},
		{"NaN", npyFile(1, npyDict("<f4", "False", "(2, 2)"), []float32{1, 2, 3, nan}), Options{}, "row 2, column 2: the value is NaN"},
		{"Inf in columns", npyFile(1, npyDict(">f8", "True", "(2, 2)"), []float64{1, 2, math.Inf(-1), 4}), Options{}, "row 1, column 2: the value is -Inf"},
		{"overflow", npyFile(1, npyDict("<f8", "False", "(1, 2)"), []float64{1, 1e300}), Options{AllowNaN: true}, "row 1, column 2: 1e+300 overflows float32"},
		{"column after the label", npyFile(1, npyDict("<f4", "False", "(1, 2)"), []float32{1, nan}), Options{Label: "1"}, "row 1, column 2: the value is NaN"},
		{"complex", descr("<c8"), Options{}, `element type "<c8" cannot be read` + types},
		{"byte order missing", descr("f4"), Options{}, `element type "f4" cannot be read` + types},
		{"native byte order", descr("=f4"), Options{}, `element type "=f4" cannot be read` + types},
		{"no byte order for 4 bytes", descr("|f4"), Options{}, `element type "|f4" cannot be read` + types},
		{"long double", descr("<f16"), Options{}, `element type "<f16" cannot be read` + types},
		{"objects", descr("|O"), Options{}, `element type "|O" is not a number`},
		{"strings", descr("<U12"), Options{}, `element type "<U12" is not a number`},
		{"dates", descr("<M8[ns]"), Options{}, `element type "<M8[ns]" is not a number`},
		{"fields", header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}"), Options{}, "the elements are records with fields; one plain number type is needed"},
		{"key missing", header("{'descr': '<f4', 'shape': (2,)}"), Options{}, `the header lacks "fortran_order"`},
		{"key twice", header("{'descr': '<f4', 'descr': '<f4'}"), Options{}, `the header has "descr" twice`},
		{"key unknown", header("{'x': 1}"), Options{}, `the header has an unknown key "x"`},
		{"no dictionary", header("(1,)"), Options{}, `header byte 1: '{' should stand at "(1,)"`},
		{"cut off", header("{'descr': '<f4', "), Options{}, "the header ends where a quoted string should stand"},
		{"no colon", header("{'descr' '<f4'}"), Options{}, `header byte 10: ':' should stand at "'<f4'}"`},
		{"no comma", header("{'descr': '<f4' 'shape': (2,)}"), Options{}, `header byte 17: ',' or '}' should stand at "'shape': (2,)}"`},
		{"no bool", header("{'fortran_order': 0}"), Options{}, `header byte 19: True or False should stand at "0}"`},
		{"negative", header("{'shape': (-1,)}"), Options{}, `header byte 12: a size should stand at "-1,)}"`},
		{"a call", header("{'shape': __import__('os')}"), Options{}, `header byte 11: '(' should stand at "__import__('os')}"`},
		{"sizes without a comma", header("{'shape': (1 2)}"), Options{}, `header byte 14: ',' or ')' should stand at "2)}"`},
		{"open string", header("{'descr"), Options{}, `header byte 2: a closed string should stand at "'descr"`},
		{"escape", header(`{'de\x73cr': 1}`), Options{}, `header byte 2: a string without escapes should stand at "'de\\x73cr': 1}"`},
		{"text after", header("{} x"), Options{}, `header byte 4: the end of the header should stand at "x"`},
		{"zero byte after", header("{}\x00"), Options{}, `header byte 3: the end of the header should stand at "\x00"`},
		{"zero byte for a brace", header("\x00"), Options{}, `header byte 1: '{' should stand at "\x00"`},
		{"version", npyMagic + "\x04\x00\x00\x00\x00\x00", Options{}, ".npy version 4.0 is unknown; 1.0, 2.0 and 3.0 can be read"},
		{"no version", npyMagic, Options{}, "the file ends inside the .npy header"},
		{"no length", npyMagic + "\x02\x00\x00", Options{}, "the file ends inside the .npy header"},
		{"a header longer than the file", npyMagic + "\x02\x00\xff\xff\xff\xff{", Options{}, "the .npy header says that it is 4294967295 bytes long, and 1 follow"},
		{"a long header", npyFile(2, strings.Repeat(" ", maxNpyHeader+1)), Options{}, "the .npy header is 1048577 bytes long, and at most 1048576 are read"},
		{"label is no index", f4("(1, 2)", 2), Options{Label: "x"}, `label "x": the columns have no names, so a label is an index from 1 to 2`},
		{"only the label", f4("(2,)", 2), Options{Label: "1"}, `no numeric column: the only column is the label "1"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, err := readText("t.npy", c.file, c.opts)
			if err == nil || table != nil || err.Error() != "t.npy: "+c.want {
				t.Errorf("got  %v\nwant t.npy: %s", err, c.want)
			}
		})
	}
}

// A file that is cut off after its size was taken is an error, not zeros.
func TestNpyShrinks(t *testing.T) {
	file := npyFile(1, npyDict("<f4", "False", "(4,)"), make([]float32, 4))
	for cutoff, want := range map[int]string{3: "the file shrank while it was read", -3: "the file grew while it was read"} {
		text := file
		if cutoff > 0 {
			text = file[:len(file)-cutoff]
		} else {
			text += "xyz"
		}
		_, err := parse(t.Context(), "", strings.NewReader(text), int64(len(file)), Options{})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A header that promises more than any machine has costs no memory, also when the file exists on disk.
func TestNpyLieOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.npy")
	if err := os.WriteFile(path, []byte(npyFile(1, npyDict("<f4", "False", "(1152921504606846976, 1)"))), 0o644); err != nil {
		t.Fatal(err)
	}
	allocated := allocatedBy(func() {
		_, err := Read(t.Context(), path, Options{})
		want := path + ": the header promises shape (1152921504606846976, 1) of float32, 4611686018427387904 bytes, and 0 follow"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	if allocated > 1<<20 {
		t.Errorf("%d bytes were asked for", allocated)
	}
}
