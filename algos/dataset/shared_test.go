package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedData is the folder of the data sets that lie beside the module.
func sharedData(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("SAMEBITS_SHARED")
	if shared == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if parent := filepath.Dir(dir); parent == dir {
				t.Skip("SKIPPED: no go.mod above this package, so no shared folder beside it")
			} else {
				dir = parent
			}
		}
		shared = filepath.Join(filepath.Dir(dir), "shared")
	}
	data := filepath.Join(shared, "data")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("SKIPPED: no real data sets: %s is missing; name the folder that holds data/ in SAMEBITS_SHARED", data)
	}
	return data
}

func TestSharedData(t *testing.T) {
	dir := sharedData(t)
	cases := []struct {
		file, label string
		n, d        int
		first, last float32 // of the matrix
		firstLabel  string
		classes     int
	}{
		{"iris_fisher.csv", "class", 150, 4, 5.1, 1.8, "Iris-setosa", 3},
		{"iris_uci.csv", "class", 150, 4, 5.1, 1.8, "Iris-setosa", 3},
		{"wine.csv", "class", 178, 13, 14.23, 560, "1", 3},
		{"cmc.csv", "class", 1473, 9, 24, 0, "1", 3},
		{"digits_8x8.csv", "class", 1797, 64, 0, 0, "0", 10},
		{"cancer_wisconsin_683.csv", "class", 683, 9, 5, 1, "2", 2},
		{"cmu_house_landmarks.csv", "", -1, 4, 1, -1, "", 0},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			got, err := Read(t.Context(), filepath.Join(dir, c.file), Options{Label: c.label})
			if err != nil {
				t.Fatal(err)
			}
			m := got.Matrix
			if c.n >= 0 && m.Rows != c.n || m.Cols != c.d || len(m.Data) != m.Rows*m.Cols || len(got.Columns) != c.d {
				t.Errorf("%d×%d, %d names; want %d×%d", m.Rows, m.Cols, len(got.Columns), c.n, c.d)
			}
			if m.Data[0] != c.first || c.last >= 0 && m.Data[len(m.Data)-1] != c.last {
				t.Errorf("first value %v, last %v", m.Data[0], m.Data[len(m.Data)-1])
			}
			classes := map[string]bool{}
			for _, label := range got.Label {
				classes[label] = true
			}
			if c.classes > 0 && (len(got.Label) != c.n || got.Label[0] != c.firstLabel) || len(classes) != c.classes {
				t.Errorf("%d labels in %d classes", len(got.Label), len(classes))
			}
		})
	}
}

func TestSharedMissingValue(t *testing.T) {
	path := filepath.Join(sharedData(t), "cancer_wisconsin_699_missing.csv")
	_, err := Read(t.Context(), path, Options{Label: "class"})
	if err == nil || !strings.HasPrefix(err.Error(), path+":") || !strings.HasSuffix(err.Error(), `: column 6 (bare_nuclei): "?" is not a number`) {
		t.Error(err)
	}
	got, err := Read(t.Context(), path, Options{Label: "class", AllowNaN: true})
	if err != nil || got.Matrix.Rows != 699 || got.Matrix.Cols != 9 {
		t.Fatalf("%v", err)
	}
	missing := 0
	for i, v := range got.Matrix.Data {
		if v != v {
			missing++
			if i%9 != 5 {
				t.Errorf("value %d is missing", i)
			}
		}
	}
	if missing != 16 {
		t.Errorf("%d values are missing, want 16", missing)
	}
}

// The same on a few lines that need no file.
func TestMissingValueInLine(t *testing.T) {
	const text = "clump_thickness,bare_nuclei,class\n5,1,2\n8,?,4\n"
	_, err := readText("cancer.csv", text, Options{Label: "class"})
	if err == nil || err.Error() != `cancer.csv:3: column 2 (bare_nuclei): "?" is not a number` {
		t.Error(err)
	}
	got, err := readText("cancer.csv", text, Options{Label: "class", AllowNaN: true})
	if err != nil || !sameBits(got.Matrix.Data, []float32{5, 1, 8, nan32}) {
		t.Errorf("%+v %v", got, err)
	}
}
