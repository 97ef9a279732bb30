package gradcheck

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// shared reads a file of the shared golden values, under SAMEBITS_SHARED or
// beside the module's root.
func shared(t *testing.T, name string, v any) {
	t.Helper()
	dir := os.Getenv("SAMEBITS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "golden", name))
	if os.IsNotExist(err) {
		t.Skipf("MISSING golden/%s: set SAMEBITS_SHARED to the folder that holds it", name)
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSharedComplexGradients checks values that TensorFlow and PyTorch return,
// and refuses JAX's wherever they differ.
func TestSharedComplexGradients(t *testing.T) {
	var golden struct {
		Scalar []struct {
			Op       string
			Z, Value [2]float64
			TF       [2]float64 `json:"tf_grad"`
			JAX      [2]float64 `json:"jax_grad"`
		}
		Product struct {
			A, B, T [][][2]float64
			Loss    float64
			GA      [][][2]float64 `json:"grad_A"`
			GB      [][][2]float64 `json:"grad_B"`
		} `json:"matmul_mse"`
	}
	shared(t, "complex_grad.json", &golden)
	number := func(v [2]float64) complex128 { return complex(v[0], v[1]) }
	compared := 0
	for _, c := range golden.Scalar {
		s, ok := scalars[c.Op]
		if !ok {
			continue
		}
		z := number(c.Z)
		if v := s.f(z); cmplx.Abs(v-number(c.Value)) > 1e-12 {
			t.Errorf("%s(%v) = %v, want %v", c.Op, z, v, c.Value)
		}
		check := func(g complex128) error {
			return Complex{F: func(z []complex128) complex128 { return s.f(z[0]) },
				Gradient: func([]complex128) []complex128 { return []complex128{g} }}.Check([]complex128{z}, Options{}).Err()
		}
		if err := check(number(c.TF)); err != nil {
			t.Errorf("%s at %v: %v", c.Op, z, err)
		}
		if cmplx.Abs(number(c.TF)-number(c.JAX)) > 1e-3 && check(number(c.JAX)) == nil {
			t.Errorf("%s at %v: JAX's conjugate passes", c.Op, z)
		}
		compared++
	}
	if compared < 40 {
		t.Errorf("only %d values were compared", compared)
	}
	flat := func(ms ...[][][2]float64) (z []complex128) {
		for _, m := range ms {
			for _, row := range m {
				for _, v := range row {
					z = append(z, number(v))
				}
			}
		}
		return z
	}
	p := golden.Product
	m, k, n := len(p.A), len(p.B), len(p.B[0])
	target := flat(p.T)
	f := func(z []complex128) complex128 {
		var loss float64
		for i := range m {
			for j := range n {
				r := -target[i*n+j]
				for l := range k {
					r += z[i*k+l] * z[m*k+l*n+j]
				}
				loss += real(r)*real(r) + imag(r)*imag(r)
			}
		}
		return complex(loss, 0)
	}
	z := flat(p.A, p.B)
	if v := real(f(z)); math.Abs(v-p.Loss) > 1e-9 {
		t.Errorf("loss %v, want %v", v, p.Loss)
	}
	if err := (Complex{F: f, Gradient: func([]complex128) []complex128 { return flat(p.GA, p.GB) }}).Check(z, Options{}).Err(); err != nil {
		t.Errorf("matrix product: %v", err)
	}
}

// TestSharedToyEstimators holds the toy's estimators against means and
// variances that were found by quadrature.
func TestSharedToyEstimators(t *testing.T) {
	var golden struct {
		Cases []struct {
			Theta, T   float64
			Exact      float64 `json:"exact_grad_logit"`
			Estimators map[string]struct{ Mean, Var float64 }
		}
	}
	shared(t, "bernoulli_toy.json", &golden)
	tested := 0
	for i, c := range golden.Cases {
		y := bernoulli{c.Theta, c.T}
		if g := y.gradient()[0]; math.Abs(g-c.Exact) > 1e-12 {
			t.Errorf("θ %v, t %v: gradient %v, want %v", c.Theta, c.T, g, c.Exact)
		}
		for name, draw := range map[string]func(*rand.Rand) float64{"reinforce": y.score, "rloo_k2": y.leaveOneOut, "straight_through": y.straightThrough} {
			want := c.Estimators[name]
			e := y.estimator(draw, uint64(i))
			e.Exact, e.Variance = []float64{want.Mean}, []float64{want.Var}
			if err := e.Check(60_000).Err(); err != nil {
				t.Errorf("θ %v, t %v, %s: %v", c.Theta, c.T, name, err)
			}
			tested++
		}
	}
	if tested < 45 {
		t.Errorf("only %d estimators were tested", tested)
	}
}
