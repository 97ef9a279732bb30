package cpu

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"samebits/backend"
)

func TestCapped(t *testing.T) {
	all := features{avx2: true, avx512: true, avxVNNI: true, avx512VNNI: true}
	for _, c := range []struct {
		limit string
		want  features
	}{{"", all}, {"avx512", all}, {"avx2", features{avx2: true}}, {"plain", features{}}} {
		if got, err := capped(all, c.limit); got != c.want || err != nil {
			t.Errorf("%q: %+v, %v", c.limit, got, err)
		}
		if got, err := capped(features{}, c.limit); got != (features{}) || err != nil {
			t.Errorf("%q on a processor that has none: %+v, %v", c.limit, got, err)
		}
	}
	for _, limit := range []string{"AVX2", "sse", " "} {
		if _, err := capped(all, limit); !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), "want avx512, avx2 or plain") {
			t.Errorf("%q: %v", limit, err)
		}
	}
}

// The cap is read once, so each value has a process of its own.
func TestCapOfAProcess(t *testing.T) {
	for _, limit := range []string{"plain", "avx2", "avx512", "sse"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestUnderACap$", "-test.v")
		cmd.Env = append(os.Environ(), Cap+"="+limit, "SAMEBITS_CAPPED_TEST=1")
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("this test runs under an emulator, which the system does not know")
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestUnderACap") {
			t.Errorf("%s: %v\n%s", limit, err, out)
		}
	}
}

// TestUnderACap is what a process with a cap does: no kernel of an operation
// passes it, the bits are those of the plain statements.
func TestUnderACap(t *testing.T) {
	if os.Getenv("SAMEBITS_CAPPED_TEST") == "" {
		t.Skip("runs in the processes of TestCapOfAProcess")
	}
	limit := os.Getenv(Cap)
	in0 := family{}.Devices(t.Context(), backend.Config{})[0]
	if limit == "sse" {
		dev, err := backend.Open(t.Context(), "cpu", backend.Config{})
		if dev != nil || !errors.Is(err, backend.ErrArgument) || in0.Usable || !strings.Contains(in0.Reason, Cap) {
			t.Errorf("opened %v, %v; listed %+v", dev, err, in0)
		}
		return
	}
	order := []string{"plain", "avx2", "avx512"}
	level := slices.Index(order, Instructions())
	if level > slices.Index(order, limit) || !in0.Usable || !strings.HasSuffix(in0.Renderer, " ("+Instructions()+")") {
		t.Errorf("%s kernels under %s=%s; listed %+v", Instructions(), Cap, limit, in0)
	}
	used := []string{best32.name, qChosen.name, order[len(vectorSets())], multiplyAddKernels()[max(0, level-1)].name}
	want := [][]string{{"portable", "plain", "plain", "fma scalar"}, {"avx2", "avx2", "avx2", "fma avx2"}, {"avx512", "avx512vnni", "avx512", "fma avx512"}}[level]
	if level == 2 && !has.avx512VNNI {
		want[1] = qKernels()[0].name
	}
	if !slices.Equal(used, want) {
		t.Errorf("%s=%s: kernels %q, want %q", Cap, limit, used, want)
	}
	if lanes := []laneKernels{plainLanes, lanes256, lanes512}[level]; distanceKernels != lanes {
		t.Errorf("%s=%s: distances in %v lanes", Cap, limit, distanceKernels.lanes())
	}
	a, b, c := shape{1, 29, 37, 0}, shape{1, 37, 70, 1}, shape{1, 29, 70, 1}
	for _, profile := range profiles {
		same(t, profile, "product", func(r *rig) backend.Op {
			return &backend.MatMul{A: in(r, a, numbers(1, a.len(), 2)), B: in(r, b, numbers(2, b.len(), 2)), C: out(r, c, make([]float32, c.len()))}
		})
		same(t, profile, "softmax", func(r *rig) backend.Op {
			return &backend.Softmax{X: in(r, b, numbers(2, b.len(), 2)), Y: out(r, b, make([]float32, b.len()))}
		})
		same(t, profile, "nearest", func(r *rig) backend.Op {
			shift, y := shape{1, 1, b.cols, 0}, shape{1, c.rows, 1, 0}
			return &backend.Nearest{X: in(r, c, numbers(1, c.len(), 2)), C: in(r, b, numbers(2, b.len(), 2)), Shift: in(r, shift, numbers(3, b.cols, 2)),
				Index: out(r, y, make([]int32, y.rows)), Distance: out(r, y, make([]float32, y.rows))}
		})
	}
}
