package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// scoreFlags are the flags of samebits cluster that say what is scored and drawn.
type scoreFlags struct {
	to         int // the largest k of a range, 0 for one k
	silhouette int
	plot       string
	course     string
	elbow      string
	html       string
}

// scoreOutputs are the flags that name files.
func scoreOutputs() []string { return []string{"plot", "plot-convergence", "plot-elbow", "html"} }

// register adds the flags to cmd; k receives the number of clusters, the least
// of a range.
func (s *scoreFlags) register(cmd *cobra.Command, k *int) {
	f := cmd.Flags()
	f.Var(&kRange{k, &s.to}, "k", "number of clusters, or a range such as 2..12: the one with the largest silhouette is kept")
	f.IntVar(&s.silhouette, "silhouette-rows", cluster.DefaultSilhouetteRows, "measure silhouettes on at most this many rows, drawn at random; 0 measures none")
	f.StringVar(&s.plot, "plot", "", "draw rows and centres along the first two principal components (.png or .svg)")
	f.StringVar(&s.course, "plot-convergence", "", "draw the objective by iteration (.png or .svg)")
	f.StringVar(&s.elbow, "plot-elbow", "", "draw objective and silhouette by k (.png or .svg)")
	f.StringVar(&s.html, "html", "", "write a report as one HTML file that needs nothing else")
}

// largest is the largest k asked for.
func (s scoreFlags) largest(k int) int { return max(k, s.to) }

// namedFile is a file that a flag names.
type namedFile struct{ flag, path string }

// outputs are the files asked for.
func (s scoreFlags) outputs() []namedFile {
	return []namedFile{{"--plot", s.plot}, {"--plot-convergence", s.course}, {"--plot-elbow", s.elbow}, {"--html", s.html}}
}

// paths are the files asked for, without their flags.
func (s scoreFlags) paths() []string {
	var all []string
	for _, o := range s.outputs() {
		all = append(all, o.path)
	}
	return all
}

// check refuses what needs no file to be refused.
func (s scoreFlags) check(givenCenters bool) error {
	for _, o := range s.outputs() {
		switch {
		case o.path == "-":
			return usagef("%s takes a file, not standard output", o.flag)
		case o.path != "" && o.flag != "--html" && pictureFormat(o.path) == "":
			return usagef("%s %s: want a .png or .svg file", o.flag, o.path)
		}
	}
	switch {
	case s.silhouette < 0:
		return usagef("--silhouette-rows %d: want 0 or more", s.silhouette)
	case s.elbow != "" && s.to == 0:
		return usagef("--plot-elbow needs a range of k, such as --k 2..12")
	case s.to > 0 && givenCenters:
		return usagef("--init: a file of centres fixes k, a range was asked for")
	case s.to > 0 && s.silhouette == 0:
		return usagef("--silhouette-rows 0: a range of k is judged by silhouettes")
	}
	return nil
}

// checkLabels refuses a label column that nothing can be scored against.
func checkLabels(data *dataset.Table) error {
	for _, l := range data.Label {
		if l != data.Label[0] {
			return nil
		}
	}
	if len(data.Label) < 2 {
		return nil
	}
	return usagef("%s: label column %s holds %q in every row: want at least two classes", data.Path, data.LabelName, data.Label[0])
}

// scoreReport is the part of the JSON object that scores a clustering.
type scoreReport struct {
	Classes          *int          `json:"classes"` // different labels; null without --label, as ari and nmi
	ARI              number        `json:"ari"`
	NMI              number        `json:"nmi"`
	Silhouette       number        `json:"silhouette"`
	SilhouetteSample int           `json:"silhouette_sample"` // rows it was measured on
	Silhouettes      []number      `json:"silhouettes"`       // of each cluster
	Elbow            []elbowRow    `json:"elbow"`             // empty for one k
	Pictures         []pictureFile `json:"pictures,omitempty"`
}

// noScores is the report of a clustering that nothing was measured of.
func noScores() scoreReport {
	return scoreReport{ARI: number(math.NaN()), NMI: number(math.NaN()), Silhouette: number(math.NaN()), Silhouettes: []number{}, Elbow: []elbowRow{}}
}

// pictureFile is a file that was written.
type pictureFile struct {
	Flag   string `json:"flag"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// scoring scores clusterings of one data set and remembers what pictures need.
type scoring struct {
	flags      scoreFlags
	data       *dataset.Table
	k          int // being clustered
	candidates int // of a metaheuristic, as asked for: its default depends on k
	trail      trail
	kept       course // of the start that was kept
	report     scoreReport
}

func (a *app) newScoring(data *dataset.Table, fl clusterFlags) *scoring {
	s := &scoring{flags: fl.scores, data: data, k: fl.k, candidates: fl.population, report: noScores()}
	s.trail.wanted = !a.replaying && (fl.scores.course != "" || fl.scores.html != "")
	return s
}

// observe returns what a fit is to be observed with: it keeps what a picture
// needs and records what a manifest wants, a range's k in the names of its steps.
func (s *scoring) observe(a *app) func(cluster.Step) error {
	if a.rec == nil && !s.trail.wanted {
		return nil
	}
	return func(step cluster.Step) error {
		s.trail.add(step)
		if a.rec == nil {
			return nil
		}
		name := fmt.Sprintf("start %d, iteration %d: centres", step.Start, step.Iteration)
		if s.flags.to > 0 {
			name = fmt.Sprintf("k = %d, %s", s.k, name)
		}
		return a.rec.Step(name, dataset.SHA256Float32(step.Centers))
	}
}

// silhouetteConfig is how the silhouettes of a clustering are measured.
func (s *scoring) silhouetteConfig(seed uint64, metric cluster.Metric) cluster.SilhouetteConfig {
	return cluster.SilhouetteConfig{Rows: s.flags.silhouette, Seed: seed, Metric: metric}
}

// agreement compares labels with the label column; NaN without one.
func (s *scoring) agreement(labels []int32) (ari, nmi number, err error) {
	if s.data.Label == nil {
		return number(math.NaN()), number(math.NaN()), nil
	}
	c, err := cluster.CompareLabels(s.data.Label, labels)
	s.report.Classes = &c.Classes
	return number(c.ARI), number(c.NMI), err
}

// fit clusters for the k asked for, or for each of a range, and scores what it
// found; it returns the clustering that is kept.
func (s *scoring) fit(ctx context.Context, a *app, dev *backend.Device, cfg cluster.Config) (*cluster.Result, error) {
	if s.flags.to > 0 {
		return s.elbow(ctx, a, dev, cfg)
	}
	bar := a.newBar(clusterSteps, "clustering")
	cfg.Progress = func(p cluster.Progress) { bar.set(stepsDone(p)) }
	res, err := cluster.Fit(ctx, dev, s.data.Matrix, cfg)
	bar.close()
	if err != nil {
		return nil, err
	}
	return res, s.score(ctx, a, dev, cfg, res)
}

// clusterSteps is what the clustering for one k counts on a progress bar.
const clusterSteps = 1000

// stepsDone is the part of clusterSteps that is done: a start that converged
// counts as if it had gone to its last iteration.
func stepsDone(p cluster.Progress) int {
	done := 1.0
	if !p.Converged && p.MaxIter > 0 {
		done = min(1, float64(p.Iteration)/float64(p.MaxIter))
	}
	return int(clusterSteps * (float64(p.Start-1) + done) / float64(max(1, p.Starts)))
}

// score scores the clustering of a single k.
func (s *scoring) score(ctx context.Context, a *app, dev *backend.Device, cfg cluster.Config, res *cluster.Result) (err error) {
	s.kept = s.trail.of(res.Best)
	r := &s.report
	if r.ARI, r.NMI, err = s.agreement(res.Labels); err != nil {
		return err
	}
	if s.flags.silhouette == 0 {
		return nil
	}
	how := s.silhouetteConfig(a.seed, cfg.Metric)
	bar := a.newBar(min(res.N, how.Rows), "silhouettes")
	how.Progress = func(done, _ int) { bar.set(done) }
	sil, err := cluster.Silhouette(ctx, dev, s.data.Matrix, res.Labels, res.K, how)
	bar.close()
	if err != nil {
		return err
	}
	s.setSilhouette(sil)
	return nil
}

func (s *scoring) setSilhouette(sil *cluster.SilhouetteResult) {
	s.report.Silhouette, s.report.Silhouettes, s.report.SilhouetteSample = number(sil.Mean), numbers(sil.Clusters), sil.Rows
}

// record records what the device computed of the scores.
func (s *scoring) record(a *app) error {
	if a.rec == nil || s.flags.silhouette == 0 {
		return nil
	}
	text := fmt.Sprintf("%x %x", float64(s.report.Silhouette), s.report.Silhouettes)
	for _, e := range s.report.Elbow {
		text += fmt.Sprintf(" %x %x", float64(e.Value), float64(e.Silhouette))
	}
	return a.rec.Output("silhouettes", fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
}

// trail keeps the centres of each iteration of each start, up to a limit.
type trail struct {
	wanted  bool
	starts  []course
	numbers int
}

// course is what is kept of one start: its centres from one iteration on.
type course struct {
	first int // 0, or 1 where a method shows no first centres
	sets  [][]float32
}

// trailNumbers bounds a trail's memory: 256 MiB.
const trailNumbers = 64 << 20

func (t *trail) add(s cluster.Step) {
	if !t.wanted || t.numbers+len(s.Centers) > trailNumbers {
		return
	}
	for len(t.starts) < s.Start {
		t.starts = append(t.starts, course{})
	}
	c := &t.starts[s.Start-1]
	switch {
	case len(c.sets) == 0:
		c.first = s.Iteration
	case c.first+len(c.sets) != s.Iteration: // what lay between passed the limit
		return
	}
	c.sets = append(c.sets, slices.Clone(s.Centers))
	t.numbers += len(s.Centers)
}

// of returns the course of a start, from 0.
func (t *trail) of(start int) course {
	if start >= len(t.starts) {
		return course{}
	}
	return t.starts[start]
}

// forget begins anew; the course of a start, which of returned, still counts.
func (t *trail) forget(but int) {
	for i, c := range t.starts {
		if i == but {
			continue
		}
		for _, set := range c.sets {
			t.numbers -= len(set)
		}
	}
	t.starts = nil
}

// printScores prints scores, elbow table and files for people.
func (a *app) printScores(r scoreReport, n, k int) {
	w := a.stdout
	f := func(v number) string { return strconv.FormatFloat(float64(v), 'f', 4, 64) }
	if r.SilhouetteSample > 0 && r.Silhouette == r.Silhouette {
		on := ""
		if r.SilhouetteSample < n {
			on = fmt.Sprintf(" (on %d rows)", r.SilhouetteSample)
		}
		fmt.Fprintf(w, "silhouette %s%s\n", f(r.Silhouette), on)
	}
	if r.Classes != nil {
		fmt.Fprintf(w, "against the %s: adjusted Rand index %s, normalised mutual information %s\n", classes(*r.Classes), f(r.ARI), f(r.NMI))
	}
	if len(r.Elbow) > 0 {
		a.printElbow(r, k)
	}
	for _, p := range r.Pictures {
		fmt.Fprintf(w, "wrote %s\n", filepath.Clean(p.Path))
	}
}

func classes(n int) string {
	if n == 1 {
		return "1 class"
	}
	return fmt.Sprintf("%d classes", n)
}
