package main

import (
	"math"
	"strings"
	"testing"

	"samebits/algos/cluster"
)

// weighedGroups is a file of three groups with a column of weights and one of names.
const weighedGroups = "x,w,y,class\n0,1,0,a\n0,1,1,a\n1,1,0,a\n10,1,10,b\n10,1,11,b\n11,1,10,b\n30,2,0,c\n30,2,1,c\n33,0,0,c\n"

// TestClusterMethods runs every method by its name and checks what it reports.
func TestClusterMethods(t *testing.T) {
	path := write(t, "groups.csv", weighedGroups)
	for _, m := range cluster.Methods() {
		args := []string{"cluster", path, "--label", "class", "--weight", "w", "--k", "3", "--backend", "cpu", "--method", string(m)}
		switch m {
		case cluster.Weiszfeld:
			args = append(args, "--objective", "sed")
		case cluster.Transfer:
			args = append(args, "--objective", "sed-means")
		case cluster.PSO, cluster.DE, cluster.GA, cluster.SA, cluster.BlackHole:
			args = append(args, "--max-iter", "30", "--n-init", "2")
		}
		r := runJSON(t, args...)
		if r["method"] != string(m) || r["d"] != 2.0 || r["n"] != 9.0 || !(r["evaluations"].(float64) > 0) || len(r["explain"].([]any)) != 0 {
			t.Errorf("%s: %v", m, r)
		}
		if v := r["value"].(float64); !(v > 0 && v < 20) {
			t.Errorf("%s: value %v", m, v)
		}
	}
	r := runJSON(t, "cluster", path, "--label", "class", "--weight", "w", "--k", "3", "--backend", "cpu", "--metric", "manhattan")
	if r["metric"] != "manhattan" || r["objective"] != "manhattan" || r["value"] != 6.0 {
		t.Errorf("manhattan: %v %v %v", r["metric"], r["objective"], r["value"])
	}
}

// TestClusterManifestSaysWhatTheMethodDid replays a run whose defaults are the
// method's own.
func TestClusterManifestSaysWhatTheMethodDid(t *testing.T) {
	path, record := write(t, "groups.csv", weighedGroups), write(t, "run.json", "")
	args := []string{"cluster", path, "--label", "class", "--weight", "w", "--k", "3", "--backend", "cpu", "--objective", "sed"}
	for _, more := range [][]string{{}, {"--method", "pso", "--max-iter", "20"}, {"--tol", "0", "--method", "weiszfeld", "--max-iter", "50"}, {"--explain"}} {
		runJSON(t, append(append(args, "--manifest", record), more...)...)
		if r := runJSON(t, "replay", record, "--backend", "cpu"); r["same"] != true {
			t.Errorf("%v: %v", more, r)
		}
	}
}

func TestClusterExplain(t *testing.T) {
	path := write(t, "groups.csv", weighedGroups)
	r := runJSON(t, "cluster", path, "--label", "class", "--k", "2", "--backend", "cpu", "--explain")
	all := r["explain"].([]any)
	if len(all) != 3 {
		t.Fatalf("explain %v", all)
	}
	score := map[string]string{"wcss": "wcss", "sed": "sed", "sed-means": "sed_to_means"}
	for _, e := range all {
		e := e.(map[string]any)
		field := score[e["objective"].(string)]
		for _, other := range all {
			if o := other.(map[string]any); o[field].(float64) < e[field].(float64)*(1-1e-6) {
				t.Errorf("%v is smaller for %v than where it is minimised", field, o["objective"])
			}
		}
	}
	for _, p := range r["pairwise_identity"].([]any) {
		p := p.(map[string]any)
		if a, b := p["identity"].(float64), p["pairs"].(float64); math.Abs(a-b) > 1e-5*a {
			t.Errorf("pairs add up to %v, the identity gives %v", b, a)
		}
	}
	code, out, errOut := sh("cluster", path, "--label", "class", "--k", "2", "--backend", "cpu", "--explain")
	if code != exitDone || !strings.Contains(out, "minimised") || !strings.Contains(out, "pair by pair") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestClusterTable(t *testing.T) {
	r := runJSON(t, "cluster", "--table", sharedData(t, "iris_uci.csv"), "--backend", "cpu")
	methods := map[string]bool{}
	for _, row := range r["rows"].([]any) {
		row := row.(map[string]any)
		methods[row["method"].(string)] = true
		if row["set"] != "iris (UCI)" || row["published"] == nil != (row["objective"] != "sed") {
			t.Errorf("row %v", row)
		}
		if m := row["method"]; m == "weiszfeld" || m == "de" || m == "ga" || m == "hybrid" {
			if above := row["above"].(float64); !(math.Abs(above) < 5e-5) {
				t.Errorf("%v: above the published value by %v", m, above)
			}
		}
	}
	for _, m := range append(cluster.Metaheuristics(), cluster.Lloyd, cluster.Weiszfeld, cluster.Transfer, cluster.Hybrid) {
		if !methods[string(m)] {
			t.Errorf("no row for %s", m)
		}
	}
	code, out, errOut := sh("cluster", "--table", sharedData(t, "iris_fisher.csv"), "--backend", "cpu")
	if code != exitDone || !strings.Contains(out, "iris (Fisher)") || !strings.Contains(out, "blackhole") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

// TestClusterMethodMistakes holds mistakes to one clear line and exit code 2.
func TestClusterMethodMistakes(t *testing.T) {
	path := write(t, "groups.csv", weighedGroups)
	base := []string{"cluster", path, "--label", "class", "--k", "3", "--backend", "cpu"}
	cases := []struct {
		args []string
		want string
	}{
		{append(base, "--objective", "mse"), "mse"},
		{append(base, "--metric", "hamming"), "hamming"},
		{append(base, "--method", "ants"), "ants"},
		{append(base, "--objective", "wcss", "--metric", "cosine"), "sums the metric"},
		{append(base, "--weight", "v"), "--weight v"},
		{append(base, "--weight", "class"), "also --label"},
		{append(base, "--metric", "manhattan", "--explain"), "one objective"},
		{append(base, "--population", "-1"), "--population"},
		{[]string{"cluster", write(t, "z.csv", "x,w\n1,0\n2,0\n"), "--weight", "w", "--k", "1", "--backend", "cpu"}, "all weights are zero"},
		{[]string{"cluster", write(t, "n.csv", "x,w\n1,1\n2,-1\n"), "--weight", "w", "--k", "1", "--backend", "cpu"}, "row 2 is negative"},
		{[]string{"cluster", write(t, "o.csv", "w\n1\n2\n"), "--weight", "w", "--k", "1", "--backend", "cpu"}, "no other column"},
		{[]string{"cluster", "--table", path, "--backend", "cpu"}, "none of the published sets"},
		{[]string{"cluster", "--table", t.TempDir(), "--backend", "cpu"}, "no published set"},
		{[]string{"cluster", "--table", "nowhere", "--backend", "cpu"}, "nowhere"},
	}
	for _, c := range cases {
		code, out, errOut := sh(append(c.args, "--json")...)
		if code != exitUsage || out != "" || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: exit %d, %q, %q", c.args, code, out, errOut)
		}
	}
}
