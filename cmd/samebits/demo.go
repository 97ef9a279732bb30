package main

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// demoFlags are the flags of samebits demo.
type demoFlags struct {
	k     int
	image string
	out   string
}

// What the demo's clustering costs: two starts of at most 15 iterations, and
// one more iteration that the cross-check repeats.
const (
	demoStarts  = 2
	demoMaxIter = 15
	demoTol     = 1e-4
)

// maxColors is what a palette of bytes can number.
const maxColors = 256

func (a *app) demoCommand() *cobra.Command {
	var fl demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A one-minute tour: the main colours of a picture, found, shown and cross-checked",
		Long: "demo draws a picture of a million pixels (or takes yours), finds its k main colours by\n" +
			"clustering the pixels on the device, writes the picture before and after and the palette,\n" +
			"and repeats the last iteration on another path to see that it gives the same bits.",
		Example: "  samebits demo\n  samebits demo --image photo.jpg --k 16 --out colours",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd, fl) },
	}
	f := cmd.Flags()
	f.IntVar(&fl.k, "k", 8, "number of colours, 1 to 256")
	f.StringVar(&fl.image, "image", "", "a .png or .jpg file in place of the picture that the program draws")
	f.StringVar(&fl.out, "out", "demo-out", "directory for before.png, after.png and palette.png")
	return a.recordable(cmd, "out")
}

// demoReport is the JSON object of samebits demo.
type demoReport struct {
	envelope
	Image           string      `json:"image"` // the file, or "drawn"
	Width           int         `json:"width"`
	Height          int         `json:"height"`
	K               int         `json:"k"`
	Palette         []string    `json:"palette"` // #rrggbb, the most frequent first
	Shares          []float64   `json:"shares"`  // of the pixels
	WCSS            number      `json:"wcss"`
	MSE             number      `json:"mse"`
	SED             number      `json:"sed"`
	SEDToMeans      number      `json:"sed_to_means"`
	PairwiseMean    number      `json:"pairwise_mean"`
	Iterations      int         `json:"iterations"`
	Converged       bool        `json:"converged"`
	NInit           int         `json:"n_init"`
	LabelsSHA256    string      `json:"labels_sha256"`
	CentroidsSHA256 string      `json:"centroids_sha256"`
	CheckedOn       string      `json:"checked_on"`
	Checked         string      `json:"checked"` // what the other path repeated
	CheckedRows     int         `json:"checked_rows"`
	SameBits        bool        `json:"same_bits"`
	Files           []demoImage `json:"files"`
}

func (a *app) demo(cmd *cobra.Command, fl demoFlags) (failed error) {
	start, ctx := time.Now(), cmd.Context()
	if fl.k < 1 || fl.k > maxColors {
		return usagef("--k %d: want 1 to %d colours", fl.k, maxColors)
	}
	if fl.out == "" {
		return usagef("--out is empty: want a directory")
	}
	if err := a.notTheManifest(fl.image); err != nil {
		return err
	}
	if fl.image != "" {
		if err := a.rec.Input(fl.image); err != nil {
			return err
		}
	}
	img, err := fl.picture()
	if err != nil {
		return err
	}
	if n := pixels(img); fl.k > n {
		return usagef("%s: k = %d colours of %d pixels: want k ≤ pixels", fl.image, fl.k, n)
	}
	if !a.replaying {
		undo, err := makeDir(fl.out)
		if err != nil {
			return err
		}
		defer func() {
			if failed != nil {
				undo()
			}
		}()
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()

	data := pixelRows(img)
	progress := a.newBar(demoStarts*demoMaxIter, fmt.Sprintf("clustering %d pixels", data.Rows))
	found, err := findColors(ctx, dev, data, fl.k, a.seed, func(p cluster.Progress) {
		progress.set((p.Start-1)*demoMaxIter + p.Iteration)
		if p.Converged {
			progress.set(p.Start * demoMaxIter)
		}
	}, a.observeCenters())
	progress.close()
	if err != nil {
		return err
	}
	check, err := a.crossCheck(ctx, dev, data, found)
	if err != nil {
		return err
	}

	pal := newPalette(found)
	var files []demoImage
	if !a.replaying {
		files, err = writeImages(ctx, fl.out, []namedImage{
			{"before.png", img}, {"after.png", pal.repaint(img.Rect, found.Labels)}, {"palette.png", pal.draw()},
		})
		if err != nil {
			return err
		}
	}
	if err := a.recordClusters(found.Result); err != nil {
		return err
	}
	if err := a.finishManifest(cmd, nil, dev); err != nil {
		return err
	}
	name := fl.image
	if name == "" {
		name = "drawn"
	}
	rep := demoReport{
		envelope: a.envelope("demo", dev, start),
		Image:    name, Width: img.Rect.Dx(), Height: img.Rect.Dy(), K: fl.k,
		Palette: pal.hex(), Shares: pal.shares,
		WCSS: number(found.WCSS), MSE: number(found.MSE), SED: number(found.SED), SEDToMeans: number(found.SEDToMeans),
		PairwiseMean: number(found.PairwiseMean), Iterations: found.Iterations, Converged: found.Converged, NInit: demoStarts,
		LabelsSHA256: dataset.SHA256Int32(found.Labels), CentroidsSHA256: dataset.SHA256Float32(found.Centers.Data),
		CheckedOn: check.on, Checked: check.what, CheckedRows: check.rows, SameBits: check.same, Files: files,
	}
	if a.json {
		err = a.printJSON(rep)
	} else {
		a.printDemo(rep, check, pal)
	}
	if err == nil && !check.same && dev.Profile().Mode == backend.ExactMode {
		return fmt.Errorf("%s and %s give other bits: %w", dev.Info().Name, check.on, errDifference)
	}
	return err
}

// picture reads the user's picture or draws one.
func (fl demoFlags) picture() (*image.RGBA, error) {
	if fl.image == "" {
		return drawScene(), nil
	}
	return readImage(fl.image)
}

// makeDir makes dir and returns how to take that back where it made it.
func makeDir(dir string) (undo func(), err error) {
	undo = func() {}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		undo = func() { os.Remove(dir) } // fails, rightly, once it holds a file
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".samebits-*")
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return undo, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (a *app) printDemo(r demoReport, c demoCheck, pal palette) {
	w := a.stdout
	fmt.Fprintf(w, "%d × %d pixels, %d colours, best of %d starts, %d iterations on %s\n\n",
		r.Width, r.Height, r.K, r.NInit, r.Iterations, *r.Device)
	pal.print(w, isTerminal(w))
	fmt.Fprintln(w)
	f := func(v number) string { return strconv.FormatFloat(float64(v), 'g', 10, 64) }
	table(w, []string{"wcss", "mse", "sed", "sed to means", "pairwise mean"},
		[][]string{{f(r.WCSS), f(r.MSE), f(r.SED), f(r.SEDToMeans), f(r.PairwiseMean)}})
	fmt.Fprintln(w)
	for _, f := range r.Files {
		fmt.Fprintf(w, "wrote %s\n", filepath.Clean(f.Path))
	}
	fmt.Fprintf(w, "\nchecked on %s (%s): %s\n", c.on, c.renderer, c.what)
	verdict := "same bits"
	if !c.same {
		verdict = "OTHER BITS"
	}
	fmt.Fprintf(w, "%s: labels    sha256 %s\n", verdict, c.labels)
	fmt.Fprintf(w, "%*s  centroids sha256 %s\n", len(verdict), "", c.centroids)
	if !c.same {
		fmt.Fprintf(w, "%*s: labels    sha256 %s\n", len(verdict), c.on, c.otherLabels)
		fmt.Fprintf(w, "%*s  centroids sha256 %s\n", len(verdict), "", c.otherCentroids)
	}
	fmt.Fprintf(w, "%.3g s in all\n", r.Seconds)
}
