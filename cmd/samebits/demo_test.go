package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/backend/exact"
)

// TestSceneIsTheSameEverywhere holds the drawn picture to its digest.
func TestSceneIsTheSameEverywhere(t *testing.T) {
	img := drawScene()
	if n := pixels(img); n < 900_000 || n > 1_100_000 {
		t.Errorf("%d pixels, want about 1,000,000", n)
	}
	const want = "85cfd135053a60b1985623e23baa25b090569280ce6b56f003e8cbe58c84189c"
	if got := fmt.Sprintf("%x", sha256.Sum256(img.Pix)); got != want {
		t.Errorf("the drawn picture has digest %s, want %s", got, want)
	}
}

// flag is a picture of three stripes: half of it red, a third green, the rest blue.
func flag() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for y := range 40 {
		for x := range 60 {
			c := color.RGBA{0, 0, 250, 255}
			if x < 30 {
				c = color.RGBA{200, 10, 20, 255}
			} else if x < 50 {
				c = color.RGBA{10, 180, 30, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func pngFile(t *testing.T, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return write(t, "picture.png", b.String())
}

func TestDemoFindsTheColorsOfAFlag(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	r := runJSON(t, "demo", "--image", pngFile(t, flag()), "--k", "3", "--out", dir, "--backend", "cpu")
	for _, field := range []string{"command", "backend", "device", "profile", "contract", "seed", "seconds", "image", "width", "height",
		"k", "palette", "shares", "wcss", "mse", "sed", "sed_to_means", "pairwise_mean", "checked_on", "checked_rows", "same_bits", "files"} {
		if _, ok := r[field]; !ok {
			t.Errorf("no field %q", field)
		}
	}
	if got := fmt.Sprint(r["palette"], r["width"], r["height"], r["wcss"], r["same_bits"], r["checked_rows"]); got != "[#c80a14 #0ab41e #0000fa] 60 40 0 true 2400" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%.4f", r["shares"]); got != "[0.5000 0.3333 0.1667]" {
		t.Error("shares", got)
	}
	if r["checked_on"] == r["device"] {
		t.Errorf("checked on the device itself, %v", r["device"])
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 3 {
		t.Errorf("%s holds %v", dir, names)
	}
	for _, f := range r["files"].([]any) {
		f := f.(map[string]any)
		data, err := os.ReadFile(f["path"].(string))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != f["sha256"] {
			t.Errorf("%v: %v", f, err)
		}
	}
	after, err := readImage(filepath.Join(dir, "after.png"))
	if err != nil || !bytes.Equal(after.Pix, flag().Pix) {
		t.Errorf("after.png is not the flag: %v", err)
	}
}

func TestDemoForPeople(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, flag(), nil); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := sh("demo", "--image", write(t, "flag.jpg", b.String()), "--k", "2", "--out", t.TempDir(), "--backend", "cpu")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	for _, want := range []string{"60 × 40 pixels, 2 colours", "#", "wcss", "pairwise mean", "after.png", "every pixel", "same bits: labels    sha256 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if strings.ContainsRune(out+errOut, '\x1b') || strings.Contains(errOut, "%") {
		t.Errorf("colours or a progress bar in a pipe: %q %q", out, errOut)
	}
	if !strings.Contains(errOut, "device cpu") {
		t.Errorf("does not say which device it took: %q", errOut)
	}
}

// pngHeader is a PNG that promises a size and ends there.
func pngHeader(width, height uint32) string {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, chunk...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk)))
}

func TestDemoBadInput(t *testing.T) {
	whole, err := os.ReadFile(pngFile(t, flag()))
	if err != nil {
		t.Fatal(err)
	}
	notDir := write(t, "file", "x")
	good := pngFile(t, flag())
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"k zero", "--k 0: want 1 to 256", []string{"--k", "0"}},
		{"k large", "--k 257: want 1 to 256", []string{"--k", "257"}},
		{"k no number", "--k", []string{"--k", "many"}},
		{"no out", "--out is empty", []string{"--out", ""}},
		{"argument", `demo takes no argument "x.png"`, []string{"x.png"}},
		{"unknown flag", "unknown flag: --colours", []string{"--colours", "3"}},
		{"missing file", "nowhere.png: no such file", []string{"--image", "nowhere.png"}},
		{"a directory", "not a regular file", []string{"--image", t.TempDir()}},
		{"no picture", "neither a PNG nor a JPEG", []string{"--image", write(t, "a.png", "hello")}},
		{"empty file", "neither a PNG nor a JPEG", []string{"--image", write(t, "a.png", "")}},
		{"cut off", "damaged png", []string{"--image", write(t, "a.png", string(whole[:len(whole)/2]))}},
		{"too large", "want at most 67108864", []string{"--image", write(t, "a.png", pngHeader(1<<20, 1<<20))}},
		{"promises too much", "the header promises 8000 × 8000 pixels, the file has 33 bytes", []string{"--image", write(t, "a.png", pngHeader(8000, 8000))}},
		{"k past pixels", "k = 200 colours of 4 pixels", []string{"--k", "200", "--image", pngFile(t, image.NewGray(image.Rect(0, 0, 2, 2)))}},
		{"out is a file", "--out: ", []string{"--image", good, "--out", notDir}},
		{"out under a file", "--out: ", []string{"--image", good, "--out", filepath.Join(notDir, "d")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			args := append([]string{"demo", "--backend", "cpu", "--quiet", "--out", out}, c.args...)
			code, stdout, stderr := sh(args...)
			if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit 2 and one line with %q", code, stdout, stderr, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Errorf("left %s behind", out)
			}
		})
	}
}

// TestDemoInterrupted cancels as soon as the directory is there, which is
// before the clustering of the drawn picture starts.
func TestDemoInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(dir); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"demo", "--backend", "cpu", "--quiet", "--out", dir}, &out, &errOut)
	if code != exitInterrupted || out.Len() > 0 || errOut.String() != "samebits: interrupted\n" {
		t.Errorf("exit %d, %q, %q", code, out.String(), errOut.String())
	}
	if names, err := os.ReadDir(dir); err == nil {
		t.Errorf("left %s behind with %v", dir, names)
	}
}

// TestCrossCheckFindsAPlantedError proves that the demo's check can fail.
func TestCrossCheckFindsAPlantedError(t *testing.T) {
	const n = 300
	data := blas32.General{Rows: n, Cols: 3, Stride: 3, Data: make([]float32, 3*n)}
	for i := range data.Data {
		data.Data[i] = exact.Uniform(exact.Word(1, exact.UseTest, 0, 0, 0, uint64(i)))
	}
	a := &app{backend: "cpu", profile: "fused", quiet: true}
	for fault, same := range map[string]bool{"": true, "scatter-low-part-dropped": false} {
		dev, err := backend.Open(t.Context(), "cpu", backend.Config{Fault: fault})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		found, err := findColors(t.Context(), dev, data, 5, 1, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.crossCheck(t.Context(), dev, data, found)
		if err != nil || c.same != same || c.rows != n {
			t.Errorf("planted error %q: %+v, %v", fault, c, err)
		}
		if c.labels != dataset.SHA256Int32(found.Labels) {
			t.Error("the digest is not that of the labels found")
		}
	}
}

func TestPalettePaintsOnTerminalsAlone(t *testing.T) {
	p := palette{colors: color.Palette{color.RGBA{255, 0, 16, 255}, color.RGBA{0, 0, 0, 255}}, shares: []float64{0.75, 0.25}}
	var plain, painted bytes.Buffer
	p.print(&plain, false)
	p.print(&painted, true)
	if got := strings.Fields(plain.String()); !slices.Equal(got[:3], []string{"#ff0010", "75.00", "%"}) {
		t.Errorf("%q", plain.String())
	}
	if !strings.Contains(painted.String(), "\x1b[48;2;255;0;16m") || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("%q, %q", plain.String(), painted.String())
	}
	img := p.draw()
	if i := img.ColorIndexAt(0, 190); i != 0 || img.ColorIndexAt(1279, 190) != 1 || img.ColorIndexAt(700, 190) != 0 || img.ColorIndexAt(700, 10) != 1 {
		t.Error("the band does not show the shares")
	}
}

func TestDemoShowsBothDigestsOfADifference(t *testing.T) {
	var out bytes.Buffer
	a, device := &app{stdout: &out}, "gl:0"
	a.printDemo(demoReport{envelope: envelope{Device: &device}},
		demoCheck{on: "cpu", renderer: "a processor", what: "all", labels: "aa", centroids: "bb", otherLabels: "cc", otherCentroids: "dd"}, palette{})
	want := "" +
		"OTHER BITS: labels    sha256 aa\n" +
		"            centroids sha256 bb\n" +
		"       cpu: labels    sha256 cc\n" +
		"            centroids sha256 dd\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("got %s\nwant %s", out.String(), want)
	}
}
