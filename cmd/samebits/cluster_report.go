package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

//go:embed cluster_report.html.tmpl
var clusterPageText string

var clusterPage = template.Must(template.New("cluster").Funcs(template.FuncMap{
	"number": func(v number) string { return reportNumber(float64(v), 'g', 10) },
	"score":  func(v number) string { return reportNumber(float64(v), 'f', 4) },
}).Parse(clusterPageText))

// reportNumber formats v as strconv does, and an undefined one as a dash.
func reportNumber(v float64, format byte, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strconv.FormatFloat(v, format, digits, 64)
}

// Rows that a report's own scatter shows at most, and the sizes up to which
// it lists centres and the table of classes.
const (
	pageRows     = 5_000
	pageClusters = 64
	pageColumns  = 32
	pageClasses  = 32
)

// draw writes the pictures and the report that were asked for, and completes
// rep by scores and files.
func (s *scoring) draw(ctx context.Context, cmd *cobra.Command, a *app, dev *backend.Device, cfg cluster.Config, res *cluster.Result, rep *clusterReport) error {
	defer func() { rep.scoreReport = s.report }()
	fl := s.flags
	if a.replaying || fl.plot+fl.course+fl.elbow+fl.html == "" {
		return nil
	}
	project := func(rows int) (picture, error) {
		view, err := cluster.Project(ctx, s.seen(cfg.Metric), cluster.ProjectionConfig{Rows: rows, Seed: a.seed})
		if err != nil {
			return nil, err
		}
		return scatterPicture(res, view)
	}
	if fl.plot != "" {
		p, err := project(0)
		if err != nil {
			return err
		}
		if err := s.write("--plot", fl.plot, p); err != nil {
			return err
		}
	}
	var course, elbow picture
	if fl.course != "" || fl.html != "" {
		name, metric := courseOf(res.Objective)
		values, err := cluster.Trace(ctx, dev, s.data.Matrix, cfg.Weights, metric, s.kept.sets, res.K)
		if err != nil {
			return err
		}
		if len(values) > 0 {
			if course, err = coursePicture(name, s.kept.first, values, res.Iterations); err != nil {
				return err
			}
		} else if fl.course != "" {
			return fmt.Errorf("--plot-convergence: the centres of every iteration would take more than %d MiB", trailNumbers>>18)
		}
	}
	if fl.course != "" {
		if err := s.write("--plot-convergence", fl.course, course); err != nil {
			return err
		}
	}
	if len(s.report.Elbow) > 0 && (fl.elbow != "" || fl.html != "") {
		var err error
		if elbow, err = elbowPicture(s.report.Elbow, res.K); err != nil {
			return err
		}
	}
	if fl.elbow != "" {
		if err := s.write("--plot-elbow", fl.elbow, elbow); err != nil {
			return err
		}
	}
	if fl.html == "" {
		return nil
	}
	scatter, err := project(pageRows)
	if err != nil {
		return err
	}
	rep.scoreReport = s.report
	page := clusterPageView{clusterReport: *rep, Path: s.data.Path, Label: s.data.LabelName, Renderer: dev.Info().Renderer, Command: commandLine(cmd, s.data.Path),
		Objectives: objectiveRows(*rep), Clusters: s.clusterRows(res, rep), Columns: s.columns(), Confusion: s.confusion(res)}
	parameterFlags(cmd, func(f *pflag.Flag) {
		if v := f.Value.String(); v != "" && v != "false" { // else it was not asked for
			page.Parameters = append(page.Parameters, [2]string{f.Name, v})
		}
	})
	for _, p := range []struct {
		title string
		p     picture
	}{{"Rows and centres along the first two principal components", scatter}, {"Objective by iteration", course}, {"Objective and silhouette by k", elbow}} {
		if p.p == nil {
			continue
		}
		svg, err := inlineSVG(p.p)
		if err != nil {
			return err
		}
		page.Pictures = append(page.Pictures, pagePicture{p.title, svg})
	}
	return s.writeFile("--html", fl.html, func(w io.Writer) error { return clusterPage.Execute(w, page) })
}

// seen is the data as the metric sees it: rows of length 1 under cosine, among
// which its centres lie.
func (s *scoring) seen(metric cluster.Metric) blas32.General {
	m := s.data.Matrix
	if metric != cluster.Cosine {
		return m
	}
	out := blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: make([]float32, 0, m.Rows*m.Cols)}
	for i := range m.Rows {
		row, square := m.Data[i*m.Stride:i*m.Stride+m.Cols], 0.0
		for _, v := range row {
			square += float64(float64(v) * float64(v))
		}
		scale := 1.0
		if square > 0 {
			scale = 1 / math.Sqrt(square)
		}
		for _, v := range row {
			out.Data = append(out.Data, float32(float64(v)*scale))
		}
	}
	return out
}

// courseOf says what is drawn for an objective: the sum of its distances to the
// nearest centre.
func courseOf(objective string) (name string, metric cluster.Metric) {
	switch cluster.Objective(objective) {
	case cluster.SED, cluster.SEDMeans:
		return "sed", cluster.Euclidean
	case cluster.SumManhattan:
		return objective, cluster.Manhattan
	case cluster.SumCosine:
		return objective, cluster.Cosine
	}
	return objective, cluster.SquaredEuclidean
}

func (s *scoring) write(flag, path string, p picture) error {
	return s.writeFile(flag, path, func(w io.Writer) error { return p.encode(w, pictureFormat(path)) })
}

// writeFile writes a file whole or not at all, and reports its digest.
func (s *scoring) writeFile(flag, path string, encode func(io.Writer) error) error {
	digest := sha256.New()
	err := dataset.WriteFile(path, func(w io.Writer) error { return encode(io.MultiWriter(w, digest)) })
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	s.report.Pictures = append(s.report.Pictures, pictureFile{flag, path, fmt.Sprintf("%x", digest.Sum(nil))})
	return nil
}

// clusterPageView is what the report's template sees.
type clusterPageView struct {
	clusterReport
	Path, Label string
	Renderer    string
	Command     string
	Parameters  [][2]string
	Objectives  []objectiveRow
	Clusters    []clusterRow
	Columns     []string // of the centres; nil where they are too many to list
	Confusion   *confusion
	Pictures    []pagePicture
}

// pagePicture is a picture as SVG. It is safe: this program drew it, and its
// texts hold no words of the user's.
type pagePicture struct {
	Title string
	SVG   template.HTML
}

func inlineSVG(p picture) (template.HTML, error) {
	var b bytes.Buffer
	if err := p.encode(&b, "svg"); err != nil {
		return "", err
	}
	at := bytes.Index(b.Bytes(), []byte("<svg"))
	if at < 0 {
		return "", fmt.Errorf("the picture holds no svg element")
	}
	return template.HTML(b.Bytes()[at:]), nil
}

// objectiveRow is one objective with what it is.
type objectiveRow struct {
	Name      string
	Value     number
	About     string
	Minimised bool
}

func objectiveRows(r clusterReport) []objectiveRow {
	rows := []objectiveRow{
		{Name: "wcss", Value: r.WCSS, About: "within-cluster sum of squares: Σ |x − c|², squared distances of the rows to their centres. What k-means minimises."},
		{Name: "mse", Value: r.MSE, About: "the wcss over the number of rows. The same centres minimise both."},
		{Name: "sed", Value: r.SED, About: "sum of Euclidean distances: Σ |x − c|, not squared. What most tables of metaheuristic clustering hold; its best centres are geometric medians, not means."},
		{Name: "sed-means", Value: r.SEDToMeans, About: "the same to the means of the clusters: what the partition is worth when its centres may only be means."},
		{Name: "pairwise sum", Value: r.PairwiseSum, About: "Σ |x − y|² over all ordered pairs of rows that share a cluster: in each cluster twice its rows times its wcss around the mean."},
		{Name: "pairwise mean", Value: r.PairwiseMean, About: "the pairwise sum over the number of those pairs, a row with itself included. Within one cluster it is twice the cluster's wcss over its rows, so it is neither the wcss nor the mse."},
	}
	listed := false
	for i := range rows {
		rows[i].Minimised = rows[i].Name == r.Objective
		listed = listed || rows[i].Minimised
	}
	if !listed {
		rows = slices.Insert(rows, 0, objectiveRow{Name: r.Objective, Value: r.Value, About: "sum of the metric's distances of the rows to their centres.", Minimised: true})
	}
	return rows
}

// clusterRow is one cluster.
type clusterRow struct {
	Cluster    int
	Size       int64
	Share      string
	Pairwise   number
	Silhouette number
	Center     []string // nil where it is not listed
}

func (s *scoring) clusterRows(res *cluster.Result, rep *clusterReport) []clusterRow {
	rows := make([]clusterRow, res.K)
	for c := range rows {
		rows[c] = clusterRow{Cluster: c, Size: res.Sizes[c], Share: fmt.Sprintf("%.1f %%", 100*float64(res.Sizes[c])/float64(res.N)),
			Pairwise: rep.PairwiseMeans[c], Silhouette: number(math.NaN())}
		if c < len(s.report.Silhouettes) {
			rows[c].Silhouette = s.report.Silhouettes[c]
		}
		if s.listsCentres() {
			for _, v := range res.Centers.Data[c*res.Centers.Stride:][:res.D] {
				rows[c].Center = append(rows[c].Center, strconv.FormatFloat(float64(v), 'g', 6, 32))
			}
		}
	}
	return rows
}

func (s *scoring) listsCentres() bool { return s.data.Matrix.Cols <= pageColumns }

// columns names the columns of the centres.
func (s *scoring) columns() []string {
	if !s.listsCentres() {
		return nil
	}
	if s.data.Columns != nil {
		return s.data.Columns
	}
	names := make([]string, s.data.Matrix.Cols)
	for j := range names {
		names[j] = fmt.Sprintf("column %d", j+1)
	}
	return names
}

// confusion counts the rows of each class in each cluster.
type confusion struct {
	Classes []confusionRow
	K       []int
}

type confusionRow struct {
	Class  string
	Counts []int64
}

// confusion is nil without labels, and where the table would be too large.
func (s *scoring) confusion(res *cluster.Result) *confusion {
	if s.data.Label == nil || res.K > pageClusters {
		return nil
	}
	names := slices.Clone(s.data.Label)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > pageClasses {
		return nil
	}
	c := &confusion{}
	for k := range res.K {
		c.K = append(c.K, k)
	}
	for _, name := range names {
		c.Classes = append(c.Classes, confusionRow{name, make([]int64, res.K)})
	}
	for i, l := range s.data.Label {
		at, _ := slices.BinarySearch(names, l)
		c.Classes[at].Counts[res.Labels[i]]++
	}
	return c
}

// commandLine is what a shell takes to make the same clustering again: every
// flag that was given, but for those that name files to write.
func commandLine(cmd *cobra.Command, path string) string {
	words := []string{"samebits", cmd.Name(), path}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		_, output := f.Annotations[namesOutput]
		if !output && f.Name != "json" && f.Name != "quiet" && f.Name != "manifest" {
			words = append(words, "--"+f.Name+"="+f.Value.String())
		}
	})
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}
