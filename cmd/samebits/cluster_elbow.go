package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"samebits/algos/cluster"
	"samebits/backend"
)

// kRange is the value of --k: K, or FROM..TO.
type kRange struct{ from, to *int }

func (r *kRange) Type() string { return "K" }

func (r *kRange) String() string {
	switch {
	case r.from == nil || *r.from == 0:
		return ""
	case *r.to == 0:
		return strconv.Itoa(*r.from)
	}
	return fmt.Sprintf("%d..%d", *r.from, *r.to)
}

func (r *kRange) Set(s string) error {
	first, last, isRange := strings.Cut(s, "..")
	from, err := strconv.Atoi(first)
	to := 0
	if err == nil && isRange {
		to, err = strconv.Atoi(last)
	}
	switch {
	case err != nil:
		return errors.New("want a number of clusters, or a range such as 2..12")
	case isRange && from < 1:
		return errors.New("a range starts at 1 or more")
	case isRange && to < from:
		return fmt.Errorf("the range ends at %d, before it starts", to)
	}
	*r.from, *r.to = from, to
	return nil
}

// elbowRow is one k in the JSON object.
type elbowRow struct {
	K          int     `json:"k"`
	Objective  string  `json:"objective"`
	Value      number  `json:"value"`
	WCSS       number  `json:"wcss"`
	SED        number  `json:"sed"`
	Silhouette number  `json:"silhouette"`
	ARI        number  `json:"ari"`
	NMI        number  `json:"nmi"`
	Sizes      []int64 `json:"sizes"`
	Iterations int     `json:"iterations"`
	Converged  bool    `json:"converged"`
}

// elbow clusters for each k of the range and scores them all; it returns the
// clustering with the largest silhouette.
func (s *scoring) elbow(ctx context.Context, a *app, dev *backend.Device, cfg cluster.Config) (*cluster.Result, error) {
	from, to := s.k, s.flags.to
	bar := a.newBar((to-from+1)*clusterSteps, fmt.Sprintf("clustering, k = %d to %d", from, to))
	defer bar.close()
	cfg.Progress = func(p cluster.Progress) { bar.set((s.k-from)*clusterSteps + stepsDone(p)) }
	cfg.Population = s.candidates
	type found struct {
		trail      course
		silhouette *cluster.SilhouetteResult
	}
	of := map[int]found{}
	var labelScores [][2]number
	points, best, err := cluster.Elbow(ctx, dev, s.data.Matrix, cfg, cluster.ElbowConfig{
		From: from, To: to, Silhouette: s.silhouetteConfig(a.seed, cfg.Metric),
		Found: func(r *cluster.Result, sil *cluster.SilhouetteResult) error {
			ari, nmi, err := s.agreement(r.Labels)
			labelScores = append(labelScores, [2]number{ari, nmi})
			of[r.K] = found{s.trail.of(r.Best), sil}
			s.trail.forget(r.Best)
			s.k = r.K + 1
			bar.set((s.k - from) * clusterSteps)
			return err
		}})
	if err != nil {
		return nil, err
	}
	for i, p := range points {
		s.report.Elbow = append(s.report.Elbow, elbowRow{K: p.K, Objective: p.Objective, Value: number(p.Value), WCSS: number(p.WCSS), SED: number(p.SED),
			Silhouette: number(p.Silhouette), ARI: labelScores[i][0], NMI: labelScores[i][1], Sizes: p.Sizes, Iterations: p.Iterations, Converged: p.Converged})
	}
	i := best.K - from
	s.kept = of[best.K].trail
	s.report.ARI, s.report.NMI = labelScores[i][0], labelScores[i][1]
	s.setSilhouette(of[best.K].silhouette)
	return best, nil
}

// printElbow prints the table by k; k is the one that was kept.
func (a *app) printElbow(r scoreReport, k int) {
	w := a.stdout
	f := func(v number) string { return reportNumber(float64(v), 'f', 4) }
	fmt.Fprintln(w)
	minimised, other := r.Elbow[0].Objective, "sed"
	if minimised == other {
		other = "wcss"
	}
	header := []string{">k", ">" + minimised, ">" + other, ">silhouette"}
	if r.Classes != nil {
		header = append(header, ">ari", ">nmi")
	}
	var rows [][]string
	for _, e := range r.Elbow {
		beside := e.SED
		if other == "wcss" {
			beside = e.WCSS
		}
		row := []string{strconv.Itoa(e.K), reportNumber(float64(e.Value), 'g', 10), reportNumber(float64(beside), 'g', 10), f(e.Silhouette)}
		if r.Classes != nil {
			row = append(row, f(e.ARI), f(e.NMI))
		}
		if e.K == k {
			row = append(row, "kept")
		}
		rows = append(rows, row)
	}
	table(w, append(header, ""), padded(rows, len(header)+1))
}

// padded makes every row as long as the header.
func padded(rows [][]string, width int) [][]string {
	for i := range rows {
		for len(rows[i]) < width {
			rows[i] = append(rows[i], "")
		}
	}
	return rows
}
