package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"samebits/algos/dataset"
)

// blobsNpy writes rows around a few centres to an .npy file.
func blobsNpy(t *testing.T, rows, cols int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 9))
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = float32(r.NormFloat64()) + float32(i/cols%5*6)
	}
	path := filepath.Join(t.TempDir(), "points.npy")
	if err := dataset.WriteNpyFloat32(path, rows, cols, data); err != nil {
		t.Fatal(err)
	}
	return path
}

// sameDigests compares what identifies a clustering.
func sameDigests(t *testing.T, what string, got, want map[string]any) {
	t.Helper()
	for _, f := range []string{"labels_sha256", "centroids_sha256", "wcss", "sed", "sed_to_means", "pairwise_mean", "iterations"} {
		if got[f] != want[f] {
			t.Errorf("%s: %s is %v, want %v", what, f, got[f], want[f])
		}
	}
}

func TestClusterStreamIsCluster(t *testing.T) {
	path := blobsNpy(t, 2000, 6)
	for _, init := range []string{"k-means++", "k-means||", "random"} {
		flags := []string{"cluster", path, "--k", "6", "--n-init", "2", "--init", init, "--quiet"}
		whole := runJSON(t, flags...)
		for _, more := range [][]string{{"--stream"}, {"--chunk-rows", "1000", "--threads", "1"}, {"--chunk-rows", "37"}} {
			sameDigests(t, fmt.Sprint(init, more), runJSON(t, append(flags, more...)...), whole)
		}
	}
	sampled := runJSON(t, "cluster", path, "--k", "20", "--n-init", "1", "--stream", "--seed-rows", "100", "--quiet")
	// Many centres are seeded from a sample, here of all rows.
	sameDigests(t, "default", runJSON(t, "cluster", path, "--k", "20", "--n-init", "1", "--stream", "--quiet"),
		runJSON(t, "cluster", path, "--k", "20", "--n-init", "1", "--seed-rows", "2000", "--quiet"))
	sameDigests(t, "sample", runJSON(t, "cluster", path, "--k", "20", "--n-init", "1", "--seed-rows", "100", "--chunk-rows", "99", "--quiet"), sampled)
}

// What a stream records is replayed to the same digests.
func TestStreamManifest(t *testing.T) {
	path, dir := blobsNpy(t, 300, 3), t.TempDir()
	record := filepath.Join(dir, "run.json")
	centers := filepath.Join(dir, "c.npy")
	for _, flags := range [][]string{{"--k", "4", "--chunk-rows", "70", "--centroids-out", centers}, {"--k", "18", "--seed-rows", "60"},
		{"--k", "4", "--assign", "--init", centers, "--shard", "2/3"}} {
		runJSON(t, append([]string{"cluster", path, "--quiet", "--manifest", record}, flags...)...)
		if code, out, errOut := sh("replay", record, "--quiet"); code != exitDone {
			t.Errorf("%v: exit %d: %s%s", flags, code, out, errOut)
		}
	}
}

func TestAssignLabelsAsClusterDoes(t *testing.T) {
	path, dir := blobsNpy(t, 1001, 4), t.TempDir()
	centers, labels := filepath.Join(dir, "c.npy"), filepath.Join(dir, "l.npy")
	whole := runJSON(t, "cluster", path, "--k", "5", "--centroids-out", centers, "--labels-out", labels, "--quiet")
	all := runJSON(t, "cluster", path, "--k", "5", "--init", centers, "--assign", "--labels-out", filepath.Join(dir, "all.npy"), "--quiet")
	if all["labels_sha256"] != whole["labels_sha256"] {
		t.Errorf("labels %v, want %v", all["labels_sha256"], whole["labels_sha256"])
	}
	var joined []byte
	for i := 1; i <= 7; i++ {
		out := filepath.Join(dir, fmt.Sprint(i, ".npy"))
		runJSON(t, "cluster", path, "--k", "5", "--init", centers, "--assign", "--shard", fmt.Sprint(i, "/7"), "--labels-out", out, "--quiet")
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, b[128:]...)
	}
	if want, err := os.ReadFile(labels); err != nil || !bytes.Equal(joined, want[128:]) {
		t.Error("the shards' labels are not those of the whole", err)
	}
}

func TestStreamFlagErrors(t *testing.T) {
	path := blobsNpy(t, 50, 2)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct{ args, want string }{
		{"--stream --explain", "--explain does not go with"},
		{"--stream --weight 1", "--weight does not go with"},
		{"--stream --k 2..4", "one number of clusters"},
		{"--stream --objective sed", "over a source"},
		{"--resume", "--resume needs --checkpoint"},
		{"--step --shard 1/2", "--step needs"},
		{"--step --shard 0/2 --part " + file("p"), "want i/n"},
		{"--step --shard 3/2 --part " + file("p"), "want i/n"},
		{"--step --shard 1/2x --part " + file("p"), "want i/n"},
		{"--step --shard 1/51 --part " + file("p"), "51 shards of 50 rows"},
		{"--assign", "--assign needs --init"},
		{"--step --shard 1/2 --part " + file("p") + " --manifest " + file("m"), "has no result to record"},
		{"--shard 1/2", "--shard goes with"},
		{"--seed-rows 1", "a sample of 1 rows"},
		{"--stream --chunk-rows -1", "take 0 or a positive number"},
		{"--checkpoint " + filepath.Join(dir, "no", "c"), "no such folder"},
		{"--checkpoint " + path, "the file is also the data"},
		{"--step --part " + file("p") + " --shard 1/2 --labels-out " + file("l"), "--step writes --part alone"},
	} {
		args := append([]string{"cluster", path, "--k", "3"}, strings.Fields(c.args)...)
		if code, _, errOut := sh(args...); code != exitUsage || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: exit %d: %s", c.args, code, errOut)
		}
	}
}

// step writes the parts of one pass.
func steps(t *testing.T, path, state, dir string, shards int, flags ...string) []string {
	t.Helper()
	parts := make([]string, shards)
	for i := range parts {
		parts[i] = filepath.Join(dir, fmt.Sprint(i+1, ".part"))
		args := append([]string{"cluster", path, "--step", "--state", state, "--shard", fmt.Sprintf("%d/%d", i+1, shards), "--part", parts[i], "--quiet"}, flags...)
		if code, _, errOut := sh(args...); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, errOut)
		}
	}
	return parts
}

func TestMergeRefuses(t *testing.T) {
	path, dir := blobsNpy(t, 300, 3), t.TempDir()
	state := filepath.Join(dir, "state")
	merge := func(parts ...string) (int, string) {
		code, _, errOut := sh(append([]string{"merge", "--state", state, "--quiet"}, parts...)...)
		return code, errOut
	}
	refused := func(want string, parts ...string) {
		t.Helper()
		if code, errOut := merge(parts...); code != exitUsage || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("exit %d: %q, want %q", code, errOut, want)
		}
	}
	first := steps(t, path, state, dir, 3, "--k", "4", "--init", "random", "--n-init", "1")
	refused("shard 2 of 3 is missing", first[0], first[2])
	refused("shard 1 is there twice", first[0], first[1], first[0])
	refused("does not begin with", path)
	other := steps(t, path, state, t.TempDir(), 3, "--k", "5", "--init", "random", "--n-init", "1")
	refused("another run", first[0], first[1], other[2])
	damaged, err := os.ReadFile(first[1])
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)/2] ^= 1
	bad := filepath.Join(dir, "bad.part")
	if err := os.WriteFile(bad, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	refused("damaged", first[0], bad, first[2])
	if err := os.WriteFile(bad, damaged[:len(damaged)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	refused("cut short", first[0], bad, first[2])
	if code, errOut := merge(first...); code != exitDone {
		t.Fatal(errOut)
	}
	refused("another pass than the next", first...)
	if code, _, errOut := sh("cluster", path, "--k", "4", "--init", "random", "--n-init", "1", "--seed", "2", "--step", "--shard", "1/3", "--state", state, "--part", bad); code != exitUsage || !strings.Contains(errOut, "seed is 1 there and 2 here") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, errOut := sh("cluster", path, "--k", "4", "--init", "random", "--n-init", "1", "--profile", "split", "--step", "--shard", "1/3", "--state", state, "--part", bad); code != exitUsage || !strings.Contains(errOut, "profile") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	// A shard of other data than in the first pass.
	changed := blobsNpy(t, 300, 3)
	b, err := os.ReadFile(changed)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 0x80 // the last value's sign
	if err := os.WriteFile(changed, b, 0o666); err != nil {
		t.Fatal(err)
	}
	refused("shard 3 is of other data", steps(t, changed, state, dir, 3, "--k", "4", "--init", "random", "--n-init", "1")...)
}

// program makes a folder with a command samebits that runs this test binary as
// the program.
func program(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are shell scripts")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here:", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", runAsProgram, self)
	if err := os.WriteFile(filepath.Join(dir, "samebits"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

const exampleShards = 7

// exampleEnv is the environment that an example runs in.
func exampleEnv(bin, path, dir string, more ...string) []string {
	return append(os.Environ(), append([]string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "FILE=" + path, "K=5",
		fmt.Sprint("SHARDS=", exampleShards), "DIR=" + dir, "OPTIONS=--init random --n-init 1 --max-iter 4 --tol 0"}, more...)...)
}

// checkExample compares an example's result with an unsharded run.
func checkExample(t *testing.T, path, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "merge.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for f, v := range got["result"].(map[string]any) {
		got[f] = v
	}
	sameDigests(t, "sharded", got, runJSON(t, "cluster", path, "--k", "5", "--init", "random", "--n-init", "1", "--max-iter", "4", "--tol", "0", "--quiet"))
	labels, err := dataset.Read(t.Context(), filepath.Join(dir, "labels.npy"), dataset.Options{})
	if err != nil || labels.Matrix.Rows != 700 {
		t.Error(labels, err)
	}
}

func TestSlurmExample(t *testing.T) {
	bin, path, dir := program(t), blobsNpy(t, 700, 3), filepath.Join(t.TempDir(), "run")
	// sbatch --wait --array=1-7 SCRIPT, on this machine.
	sbatch := "#!/bin/sh\nset -e\nn=${2#--array=1-}\ni=1\nwhile [ $i -le $n ]; do SLURM_ARRAY_TASK_ID=$i sh \"$3\" >/dev/null; i=$((i+1)); done\n"
	if err := os.WriteFile(filepath.Join(bin, "sbatch"), []byte(sbatch), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", filepath.Join("examples", "slurm.sh"))
	cmd.Env = exampleEnv(bin, path, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkExample(t, path, dir)
}

func TestKubernetesExample(t *testing.T) {
	bin, path, dir := program(t), blobsNpy(t, 700, 3), filepath.Join(t.TempDir(), "run")
	yaml, err := os.ReadFile(filepath.Join("examples", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(yaml), "  shard.sh: |\n")
	text, _, ended := strings.Cut(text, "---\n")
	if !found || !ended || !strings.Contains(string(yaml), fmt.Sprint("completions: ", exampleShards)) {
		t.Fatal("kubernetes.yaml holds no script for 7 pods")
	}
	script := filepath.Join(bin, "shard.sh")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(text, "\n    ", "\n")), 0o755); err != nil {
		t.Fatal(err)
	}
	pods := make([]*exec.Cmd, exampleShards)
	outs := make([]bytes.Buffer, exampleShards)
	start := func(i int) {
		pods[i] = exec.Command("sh", script)
		pods[i].Env = exampleEnv(bin, path, dir, fmt.Sprint("JOB_COMPLETION_INDEX=", i), "POLL=0.05")
		pods[i].Stdout, pods[i].Stderr = &outs[i], &outs[i]
		if err := pods[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pods {
		start(i)
	}
	// A pod that is killed is started again.
	time.Sleep(300 * time.Millisecond)
	pods[3].Process.Kill()
	pods[3].Wait()
	start(3)
	for i, p := range pods {
		if err := p.Wait(); err != nil {
			t.Errorf("pod %d: %v: %s", i, err, outs[i].String())
		}
	}
	checkExample(t, path, dir)
}

// Labelling with given centres takes no option of a fit, and no output of a
// sharded run may replace its state or another output.
func TestAssignAndMergeRefuseWhatWouldBeLost(t *testing.T) {
	data, centres := groups(t, 60), write(t, "c.csv", "0,0,0\n3,4,0\n")
	dir := t.TempDir()
	state := write(t, "state", "a state")
	for _, args := range [][]string{
		{"cluster", data, "--k", "2", "--assign", "--init", centres, "--metric", "cosine"},
		{"cluster", data, "--k", "2", "--assign", "--init", centres, "--method", "pso"},
		{"cluster", data, "--k", "2", "--assign", "--init", centres, "--objective", "sed"},
		{"cluster", data, "--k", "2", "--step", "--shard", "1/2", "--state", state, "--part", state},
		{"merge", filepath.Join(dir, "a.part"), "--state", state, "--labels-out", state},
		{"merge", filepath.Join(dir, "a.part"), "--state", state, "--labels-out", filepath.Join(dir, "x.npy"), "--centroids-out", filepath.Join(dir, "x.npy")},
	} {
		code, _, errOut := sh(args...)
		if code != exitUsage || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: exit %d: %s", args, code, errOut)
		}
	}
	if text, err := os.ReadFile(state); err != nil || string(text) != "a state" {
		t.Errorf("the state is gone: %q, %v", text, err)
	}
}
