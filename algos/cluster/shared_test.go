package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"samebits/algos/dataset"
	"samebits/backend"
)

// sharedFile returns a file of the data sets that lie beside the project, and
// skips the test where they are absent. TestFitReachesTheBestPartition and
// TestFitFindsBlobs are the companions that need none.
func sharedFile(t *testing.T, parts ...string) string {
	t.Helper()
	dir := os.Getenv("SAMEBITS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{dir}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: %s is not here (%v); set SAMEBITS_SHARED to the folder that holds data/", filepath.Join(parts...), err)
	}
	return path
}

// TestKnownBestValues reaches the best known within-cluster sums of squares
// of real data sets.
func TestKnownBestValues(t *testing.T) {
	cases := []struct {
		file string
		k    int
		wcss float64
		sed  float64
	}{
		{"iris_uci.csv", 3, 78.940841, 97.325924},
		{"iris_fisher.csv", 3, 78.851441, 97.204574},
		{"wine.csv", 3, 2370689.6868, 16555.6794},
		{"cmc.csv", 3, 23690.2378, 5545.0497},
		{"cancer_wisconsin_683.csv", 2, 19323.1738, 2988.4278},
	}
	for _, c := range cases {
		data, err := dataset.Read(ctx, sharedFile(t, "data", c.file), dataset.Options{Label: "class"})
		if err != nil {
			t.Fatal(err)
		}
		for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
			r, err := Fit(ctx, open(t, "cpu", backend.Config{Profile: profile}), data.Matrix, Config{K: c.k, NInit: 50, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.file+" wcss", r.WCSS, c.wcss, 1e-6)
			near(t, c.file+" sed", r.SED, c.sed, 1e-6)
			checkScores(t, data.Matrix, r)
		}
	}
}
