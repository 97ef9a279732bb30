package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// assignReport is the JSON object of cluster --assign.
type assignReport struct {
	envelope
	N            int     `json:"n"` // rows labelled
	D            int     `json:"d"`
	K            int     `json:"k"`
	First        int     `json:"first"` // number of the first in the file, from 0
	Shard        int     `json:"shard"`
	Shards       int     `json:"shards"`
	Sizes        []int64 `json:"sizes"`
	LabelsSHA256 string  `json:"labels_sha256"`
	LabelsOut    string  `json:"labels_out,omitempty"`
}

// assign labels the rows of a shard with given centres; the labels go to their
// file as they come.
func (a *app) assign(cmd *cobra.Command, path string, src dataset.Source, dev *backend.Device, centers blas32.General, shard, shards int,
	opts cluster.PassOptions, fl *clusterFlags, start time.Time) error {
	if shards > src.Rows() {
		return usagef("--shard %s: %s has %d rows", fl.streams.shard, path, src.Rows())
	}
	from, to := cluster.ShardRows(src.Rows(), shard, shards)
	digest := sha256.New()
	var sizes []int64
	label := func(w io.Writer) (err error) {
		opts.Labels = func(_ int, labels []int32) error { return writeLabels(w, digest, labels) }
		sizes, err = cluster.Assign(cmd.Context(), dev, src, centers, shard, shards, opts)
		return err
	}
	write := func() error { return dataset.WriteNpyInt32Stream(fl.labelsOut, to-from, label) }
	if fl.labelsOut == "" {
		write = func() error { return label(io.Discard) }
	}
	if err := write(); err != nil {
		return err
	}
	rep := assignReport{envelope: a.envelope("cluster", dev, start), N: to - from, D: src.Cols(), K: centers.Rows, First: from,
		Shard: shard + 1, Shards: shards, Sizes: sizes, LabelsSHA256: fmt.Sprintf("%x", digest.Sum(nil)), LabelsOut: fl.labelsOut}
	if a.rec != nil {
		if err := a.rec.Output("labels", rep.LabelsSHA256); err != nil {
			return err
		}
	}
	if err := a.finishManifest(cmd, []string{path}, dev); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(rep)
	}
	fmt.Fprintf(a.stdout, "%s: %s labelled by %s, sizes %v\nlabels sha256 %s\n", path, count(rep.N, "row"), count(rep.K, "centre"), sizes, rep.LabelsSHA256)
	return nil
}

// writeLabels writes labels as .npy holds them, and hashes them.
func writeLabels(w io.Writer, digest hash.Hash, labels []int32) error {
	b := make([]byte, 0, 4*len(labels))
	for _, l := range labels {
		b = binary.LittleEndian.AppendUint32(b, uint32(l))
	}
	digest.Write(b)
	_, err := w.Write(b)
	return err
}

// outputs are the files that the flags name.
func (s streamFlags) outputs() []namedFile {
	return []namedFile{{"--checkpoint", s.checkpoint}, {"--part", s.part}}
}

// passBar shows how far each pass has come.
type passBar struct {
	a    *app
	what string
	bar  *bar
}

func (p *passBar) set(g cluster.PassProgress) {
	what := string(g.Stage)
	if g.Iteration > 0 {
		what = fmt.Sprintf("%s, start %d/%d, iteration %d/%d", what, g.Start, g.Starts, g.Iteration, g.MaxIter)
	}
	if g.Shards > 1 {
		what = fmt.Sprintf("shard %d/%d, %s", g.Shard, g.Shards, what)
	}
	if p.bar == nil || what != p.what {
		p.close()
		p.bar, p.what = p.a.newBar(g.Rows, what), what
	}
	p.bar.set(g.Row)
}

func (p *passBar) close() {
	if p.bar != nil {
		p.bar.close()
		p.bar = nil
	}
}
