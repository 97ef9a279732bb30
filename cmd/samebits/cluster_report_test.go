package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"samebits/algos/cluster"
)

// blobFile writes a file of n rows around k corners, with their names in the
// last column.
func blobFile(t *testing.T, n, k int) string {
	var b strings.Builder
	b.WriteString("x,y,z,corner\n")
	for i := range n {
		c := i % k
		fmt.Fprintf(&b, "%d.%02d,%d.%02d,1.%d,c%d\n", 10*(c%3), i*7%50, 10*(c/3), i*13%50, i%9, c)
	}
	return write(t, "blobs.csv", b.String())
}

func TestClusterScores(t *testing.T) {
	two := write(t, "two.csv", twoGroups)
	r := runJSON(t, "cluster", two, "--label", "class", "--k", "2", "--backend", "cpu")
	// By hand: a = 1 for every row; b = (√200 + √221)/2 for the outer two, and
	// (√181 + √200)/2 for the inner ones.
	outer, inner := (math.Sqrt(200)+math.Sqrt(221))/2, (math.Sqrt(181)+math.Sqrt(200))/2
	if s, want := r["silhouette"].(float64), 1-(1/outer+1/inner)/2; math.Abs(s-want) > 1e-6 {
		t.Errorf("silhouette %v, want %v", s, want)
	}
	if r["ari"] != 1.0 || r["nmi"] != 1.0 || r["classes"] != 2.0 || r["silhouette_sample"] != 4.0 || len(r["elbow"].([]any)) != 0 || len(r["silhouettes"].([]any)) != 2 {
		t.Errorf("scores %v", r)
	}
	r = runJSON(t, "cluster", write(t, "plain.csv", "x,y\n0,0\n0,1\n10,10\n10,11\n"), "--k", "1", "--backend", "cpu")
	for _, field := range []string{"ari", "nmi", "classes", "silhouette"} {
		if v, ok := r[field]; !ok || v != nil {
			t.Errorf("%s is %v for one cluster without labels, want null", field, v)
		}
	}
	many := blobFile(t, 300, 5)
	r = runJSON(t, "cluster", many, "--label", "corner", "--k", "5", "--backend", "cpu", "--silhouette-rows", "100")
	if r["silhouette_sample"] != 100.0 || r["silhouette"].(float64) < 0.9 {
		t.Errorf("of 100 rows: %v", r)
	}
	if code, out, _ := sh("cluster", many, "--label", "corner", "--k", "5", "--backend", "cpu", "--silhouette-rows", "100"); code != exitDone || !strings.Contains(out, "(on 100 rows)") {
		t.Errorf("the sample is not stated: %s", out)
	}
	if r = runJSON(t, "cluster", many, "--label", "corner", "--k", "5", "--backend", "cpu", "--silhouette-rows", "0"); r["silhouette"] != nil || r["silhouette_sample"] != 0.0 || r["ari"] != 1.0 {
		t.Errorf("without silhouettes: %v", r)
	}
}

func TestClusterElbow(t *testing.T) {
	data := blobFile(t, 300, 5)
	args := []string{"cluster", data, "--label", "corner", "--k", "2..8", "--n-init", "20", "--backend", "cpu"}
	r := runJSON(t, args...)
	if r["k"] != 5.0 || r["ari"] != 1.0 || len(r["sizes"].([]any)) != 5 {
		t.Errorf("kept %v", r)
	}
	rows := r["elbow"].([]any)
	if len(rows) != 7 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		row := row.(map[string]any)
		if row["k"] != float64(i+2) || row["objective"] != "wcss" || row["value"] != row["wcss"] || row["sed"] == nil || row["silhouette"] == nil || row["ari"] == nil || row["nmi"] == nil {
			t.Errorf("row %v", row)
		}
		if i == 3 && (row["silhouette"] != r["silhouette"] || row["wcss"] != r["wcss"] || row["ari"] != 1.0) {
			t.Errorf("the row that was kept is %v, the report %v", row, r)
		}
	}
	// The kept clustering is the one of its k alone.
	alone := runJSON(t, "cluster", data, "--label", "corner", "--k", "5", "--n-init", "20", "--backend", "cpu")
	if alone["labels_sha256"] != r["labels_sha256"] || alone["centroids_sha256"] != r["centroids_sha256"] {
		t.Error("k = 5 of a range differs from k = 5")
	}
	code, out, _ := sh(args...)
	if code != exitDone || strings.Count(out, "kept") != 1 || !strings.Contains(out, "silhouette") {
		t.Errorf("exit %d: %s", code, out)
	}
	m := recorded(t, args...)
	if code, v := replayJSON(t, m, "--threads", "1"); code != exitDone || v["same"] != true || v["outputs"] != 4.0 {
		t.Errorf("replay: exit %d: %v", code, v)
	}
}

// TestClusterPictures: the files are what the report says, whole pictures, and
// the same bytes in another run with another number of threads.
func TestClusterPictures(t *testing.T) {
	data := blobFile(t, 300, 5)
	var runs []map[string][]byte
	for _, threads := range []string{"1", "2"} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		r := runJSON(t, "cluster", data, "--label", "corner", "--k", "3..6", "--threads", threads, "--backend", "cpu",
			"--plot", at("rows.png"), "--plot-convergence", at("course.svg"), "--plot-elbow", at("elbow.SVG"), "--html", at("report.html"))
		files := map[string][]byte{}
		for _, p := range r["pictures"].([]any) {
			p := p.(map[string]any)
			content, err := os.ReadFile(p["path"].(string))
			if err != nil || fmt.Sprintf("%x", sha256.Sum256(content)) != p["sha256"] {
				t.Errorf("%v: %v", p, err)
			}
			files[filepath.Base(p["path"].(string))] = content
		}
		if names, _ := os.ReadDir(dir); len(files) != 4 || len(names) != 4 {
			t.Errorf("%d files reported, %v in the folder", len(files), names)
		}
		runs = append(runs, files)
	}
	for name, content := range runs[0] {
		other := runs[1][name]
		if name == "report.html" { // names the command line, which differs
			content, other = bytes.ReplaceAll(content, []byte("--threads=1"), nil), bytes.ReplaceAll(other, []byte("--threads=2"), nil)
		}
		if !bytes.Equal(content, other) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	img, err := png.Decode(bytes.NewReader(runs[0]["rows.png"]))
	if err != nil || img.Bounds().Dx() != 1008 || img.Bounds().Dy() != 720 {
		t.Fatalf("rows.png: %v", err)
	}
	seen := map[[3]uint32]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
		}
	}
	for c, want := range okabeIto[:5] {
		if !seen[[3]uint32{uint32(want.R), uint32(want.G), uint32(want.B)}] {
			t.Errorf("cluster %d's colour is not in the picture", c)
		}
	}
	for _, name := range []string{"course.svg", "elbow.SVG"} {
		if err := wellFormed(runs[0][name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := string(runs[0]["course.svg"]); !strings.Contains(s, ">iteration</text>") || !strings.Contains(s, ">wcss</text>") {
		t.Error("course.svg names no axes")
	}
}

func wellFormed(content []byte) error {
	d := xml.NewDecoder(bytes.NewReader(content))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestClusterPageIsSelfContained: nothing comes from elsewhere, and what the
// user named cannot become markup.
func TestClusterPageIsSelfContained(t *testing.T) {
	evil := `<script>alert("1")</script>`
	path := write(t, "it's <b>data.csv", "x,<i>y</i>,kind\n0,0,"+`"<script>alert(""1"")</script>"`+"\n0,1,a&b\n10,10,a&b\n10,11,c\n")
	page := filepath.Join(t.TempDir(), "page.html")
	runJSON(t, "cluster", path, "--label", "kind", "--k", "2..3", "--backend", "cpu", "--html", page, "--seed", "7", "--explain")
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	s := string(content)
	for _, bad := range []string{evil, "<b>data", "<i>y", "a&b<", "<?xml", "src=", "href=", "@import", "url("} {
		if strings.Contains(s, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, url := range regexp.MustCompile(`https?://[^"\s<]+`).FindAllString(s, -1) {
		if !strings.HasPrefix(url, "http://www.w3.org/") { // names of SVG's vocabularies
			t.Errorf("the page names %s", url)
		}
	}
	for _, want := range []string{"&lt;script&gt;", "Objectives side by side", "pairwise mean", "adjusted Rand index", "By number of clusters", "Classes and clusters",
		"sha256", "--seed=7", "--k=2..3", "fused, keep"} {
		if !strings.Contains(s, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	if !strings.Contains(s, "default-src 'none'") || strings.Count(s, "<svg") != 3 || strings.Count(s, "</svg>") != 3 {
		t.Errorf("%d pictures, or no content policy", strings.Count(s, "<svg"))
	}
	// The command line is one that a shell takes: the name is quoted.
	if !strings.Contains(s, `it&#39;\&#39;&#39;s`) {
		t.Error("the command line does not quote the file's name")
	}
}

// TestClusterPicturesOfOddData draws what has no spread, one column, one
// cluster, more clusters than colours, and every metric.
func TestClusterPicturesOfOddData(t *testing.T) {
	var many strings.Builder
	for i := range 120 {
		fmt.Fprintf(&many, "%d,%d\n", i*i%97+1, i+1)
	}
	for name, c := range map[string]struct {
		data string
		args []string
	}{
		"equal rows":    {"1,1\n1,1\n1,1\n", []string{"--k", "1"}},
		"one column":    {"1\n2\n30\n31\n", []string{"--k", "2"}},
		"one row":       {"5,6\n", []string{"--k", "1"}},
		"many clusters": {many.String(), []string{"--k", "45"}},
		"k of a range":  {"1\n2\n30\n31\n", []string{"--k", "1..4"}},
		"manhattan":     {many.String(), []string{"--k", "4", "--metric", "manhattan"}},
		"cosine":        {many.String(), []string{"--k", "4", "--metric", "cosine"}},
		"sed":           {many.String(), []string{"--k", "4", "--objective", "sed"}},
		"pso":           {many.String(), []string{"--k", "3", "--method", "pso", "--max-iter", "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"cluster", write(t, "odd.csv", c.data), "--backend", "cpu", "--plot", filepath.Join(dir, "a.svg"),
				"--plot-convergence", filepath.Join(dir, "b.svg"), "--html", filepath.Join(dir, "c.html")}, c.args...)
			if code, _, errOut := sh(args...); code != exitDone {
				t.Fatalf("exit %d: %s", code, errOut)
			}
			for _, f := range []string{"a.svg", "b.svg"} {
				content, err := os.ReadFile(filepath.Join(dir, f))
				if err != nil {
					t.Fatal(err)
				}
				if err := wellFormed(content); err != nil || bytes.Contains(content, []byte("NaN")) {
					t.Errorf("%s: %v, or NaN in it", f, err)
				}
			}
		})
	}
}

func TestClusterScoresBadInput(t *testing.T) {
	two := write(t, "two.csv", twoGroups)
	here := filepath.Dir(two)
	labelled := []string{"--label", "class"}
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"open range", `"2.."`, []string{"--k", "2.."}},
		{"no start", `"..5"`, []string{"--k", "..5"}},
		{"backwards", "ends at 2", []string{"--k", "5..2"}},
		{"from zero", "1 or more", []string{"--k", "0..2"}},
		{"no numbers", `"a..b"`, []string{"--k", "a..b"}},
		{"three dots", `"2...4"`, []string{"--k", "2...4"}},
		{"past rows", "k = 9 clusters of 4 rows", []string{"--k", "2..9"}},
		{"centres and range", "--init", []string{"--k", "1..2", "--init", two}},
		{"elbow of one k", "--plot-elbow needs a range", []string{"--k", "2", "--plot-elbow", "e.png"}},
		{"range without silhouettes", "--silhouette-rows 0", []string{"--k", "1..2", "--silhouette-rows", "0"}},
		{"negative sample", "--silhouette-rows -1", []string{"--k", "2", "--silhouette-rows", "-1"}},
		{"picture of another kind", "want a .png or .svg file", []string{"--k", "2", "--plot", filepath.Join(here, "a.jpg")}},
		{"no extension", "want a .png or .svg file", []string{"--k", "2", "--plot-convergence", filepath.Join(here, "a")}},
		{"standard output", "--html takes a file", []string{"--k", "2", "--html", "-"}},
		{"the data", "the file is also the data", []string{"--k", "2", "--html", two}},
		{"twice", "the file is also --plot", []string{"--k", "2", "--plot", filepath.Join(here, "a.png"), "--plot-convergence", filepath.Join(here, "a.png")}},
		{"no folder", "no such folder", []string{"--k", "2", "--plot", filepath.Join(here, "none", "a.png")}},
		{"the manifest", "--manifest", []string{"--k", "2", "--html", filepath.Join(here, "m"), "--manifest", filepath.Join(here, "m")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := sh(append(append([]string{"cluster", two, "--backend", "cpu"}, labelled...), c.args...)...)
			if code != exitUsage || out != "" || !strings.Contains(errOut, c.want) || strings.Count(errOut, "\n") != 1 {
				t.Errorf("exit %d, %q, %q; want exit 2 and one line with %q", code, out, errOut, c.want)
			}
		})
	}
	one := write(t, "one.csv", "x,class\n1,a\n2,a\n3,a\n")
	if code, _, errOut := sh("cluster", one, "--label", "class", "--k", "2", "--backend", "cpu"); code != exitUsage || !strings.Contains(errOut, `label column class holds "a" in every row`) {
		t.Errorf("one class: exit %d, %q", code, errOut)
	}
	if names, _ := os.ReadDir(here); len(names) != 1 {
		t.Errorf("refused runs left %v", names)
	}
}

// TestTrailKeepsToItsLimit: past the limit a course ends, and goes on no more.
func TestTrailKeepsToItsLimit(t *testing.T) {
	tr := trail{wanted: true, numbers: trailNumbers - 5}
	for _, s := range []cluster.Step{
		{Start: 1, Iteration: 0, Centers: []float32{1, 2}},
		{Start: 1, Iteration: 1, Centers: []float32{3, 4}},
		{Start: 1, Iteration: 2, Centers: []float32{5, 6}}, // does not fit
		{Start: 1, Iteration: 3, Centers: []float32{7}},    // would, but for the gap
		{Start: 2, Iteration: 1, Centers: []float32{8}},    // a method without first centres
	} {
		tr.add(s)
	}
	if c := tr.of(0); c.first != 0 || len(c.sets) != 2 || c.sets[1][0] != 3 {
		t.Errorf("start 1 kept %+v", c)
	}
	if c := tr.of(1); c.first != 1 || len(c.sets) != 1 {
		t.Errorf("start 2 kept %+v", c)
	}
	if tr.forget(0); tr.numbers != trailNumbers-1 || len(tr.of(0).sets) != 0 {
		t.Errorf("%d numbers after forgetting all but one start, %+v", tr.numbers, tr.starts)
	}
}
