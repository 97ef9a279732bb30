//go:build gl && cgo

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestGLScoresAndPictures: silhouettes, whole and of a sample, the table by k
// and the pictures are the same on both backends.
func TestGLScoresAndPictures(t *testing.T) {
	needGL(t)
	data := blobFile(t, 300, 5)
	for _, metric := range []string{"sqeuclidean", "manhattan", "cosine"} {
		for _, rows := range []string{"10000", "100"} {
			var scores []string
			var files [][]byte
			for _, backend := range []string{"cpu", "gl"} {
				dir := t.TempDir()
				plot, course := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.svg")
				r := runJSON(t, "cluster", data, "--label", "corner", "--k", "2..4", "--n-init", "2", "--max-iter", "4", "--metric", metric,
					"--silhouette-rows", rows, "--backend", backend, "--plot", plot, "--plot-convergence", course)
				scores = append(scores, fmt.Sprint(r["silhouette"], r["silhouettes"], r["silhouette_sample"], r["ari"], r["elbow"]))
				for _, name := range []string{plot, course} {
					content, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					files = append(files, content)
				}
			}
			if scores[0] != scores[1] {
				t.Errorf("%s, %s rows: cpu %s\ngl %s", metric, rows, scores[0], scores[1])
			}
			if !bytes.Equal(files[0], files[2]) || !bytes.Equal(files[1], files[3]) {
				t.Errorf("%s, %s rows: the pictures differ", metric, rows)
			}
		}
	}
}
