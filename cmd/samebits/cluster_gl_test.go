//go:build gl && cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"samebits/algos/dataset"
	"samebits/backend/exact"
)

// needGL skips the test where OpenGL does not work here, or fails it where
// that is required.
func needGL(t *testing.T) {
	t.Helper()
	reason := "no device"
	for _, d := range runJSON(t, "devices")["devices"].([]any) {
		if in := d.(map[string]any); in["kind"] == "gl" {
			if in["usable"] == true {
				return
			}
			reason = fmt.Sprint(in["reason"])
		}
	}
	if os.Getenv("SAMEBITS_REQUIRE_GL") == "1" || os.Getenv("CI") == "true" {
		t.Fatal("OpenGL is required here: ", reason)
	}
	t.Skip("SKIPPED: OpenGL does not work here: ", reason)
}

// TestGLDigestsOnRealData compares the two backends on the real data sets,
// with 1 and 2 threads, under both profiles. A software device emulates the
// fused one in float64, so that one start of few iterations has to do there.
func TestGLDigestsOnRealData(t *testing.T) {
	needGL(t)
	for _, set := range realSets {
		path := sharedData(t, set.file)
		for _, profile := range []string{"fused", "split"} {
			base := []string{path, "--label", "class", "--k", set.k, "--profile", profile, "--n-init", "2"}
			if profile == "fused" {
				base[len(base)-1] = "1"
				base = append(base, "--max-iter", "8")
			}
			gl := digests(t, append(base, "--backend", "gl")...)
			for _, threads := range []string{"1", "2"} {
				if cpu := digests(t, append(base, "--backend", "cpu", "--threads", threads)...); cpu != gl {
					t.Errorf("%s, %s, %s threads: cpu %s, gl %s", set.file, profile, threads, cpu, gl)
				}
			}
		}
	}
}

// TestGLDigests is the companion that needs no data set: points the test
// draws, one start, a given number of iterations.
func TestGLDigests(t *testing.T) {
	needGL(t)
	cases := []struct {
		profile    string
		n, d, k    int
		iterations int
	}{
		{"fused", 700, 5, 6, 4},
		{"split", 200_000, 32, 64, 3},
		{"native", 1000, 3, 4, 3},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), "points.npy")
		if err := dataset.WriteNpyFloat32(path, c.n, c.d, points(c.n, c.d, c.k)); err != nil {
			t.Fatal(err)
		}
		args := []string{path, "--k", fmt.Sprint(c.k), "--n-init", "1", "--max-iter", fmt.Sprint(c.iterations)}
		gl := digests(t, append(args, "--backend", "gl", "--profile", c.profile)...)
		// What is native to the GPU is asked of the CPU by its name.
		profile := c.profile
		if profile == "native" {
			p := runJSON(t, append([]string{"cluster"}, append(args, "--backend", "gl", "--profile", "native")...)...)["profile"]
			profile = p.(map[string]any)["mac"].(string)
		}
		for _, threads := range []string{"1", "2"} {
			cpu := digests(t, append(args, "--backend", "cpu", "--profile", profile, "--threads", threads)...)
			if cpu != gl {
				t.Errorf("%d×%d, k=%d, %s, %s threads: cpu %s, gl %s", c.n, c.d, c.k, c.profile, threads, cpu, gl)
			}
		}
	}
}

// points returns n points in k overlapping groups.
func points(n, d, k int) []float32 {
	data := make([]float32, 0, n*d)
	for i := range n {
		for j := range d {
			z := exact.Uniform(exact.Word(1, exact.UseTest, 0, 0, uint32(i), uint64(j)))
			c := exact.Uniform(exact.Word(1, exact.UseTest, 1, 0, uint32(i%k), uint64(j)))
			data = append(data, 4*c+z)
		}
	}
	return data
}

// TestGLNeverFallsBackSilently asks for a device that is not there.
func TestGLNeverFallsBackSilently(t *testing.T) {
	needGL(t)
	code, out, errOut := sh("cluster", write(t, "two.csv", twoGroups), "--label", "class", "--k", "2", "--backend", "gl:99")
	if code != exitUnavailable || out != "" {
		t.Errorf("exit %d, %q, %q", code, out, errOut)
	}
}
