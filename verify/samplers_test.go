package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
	"samebits/verify/internal/broken"
)

// sampler is a driver that runs the drawing operations on plain tensors, row by
// row, and gets them wrong in one way.
type sampler struct {
	copier
	// word, uniform and class, if not nil, replace the generator, the uniform
	// of a word, and categorical draws.
	word    func(at exact.Position, element int) uint32
	uniform func(word uint32) float32
	class   func(at exact.Position, x []float32, temp float32) int32
	scale   func(temp float32) float32
	normal  func(z float32) float32
}

func (d *sampler) w(at exact.Position, j int) uint32 {
	if d.word != nil {
		return d.word(at, j)
	}
	return at.Word(uint64(j))
}

func (d *sampler) u(at exact.Position, j int) float32 {
	if d.uniform != nil {
		return d.uniform(d.w(at, j))
	}
	return exact.Uniform(d.w(at, j))
}

func (d *sampler) gumbel(at exact.Position, j int) float32 {
	return float32(-math.Log(-math.Log1p(-float64(d.u(at, j)))))
}

// rank returns the indices of the perturbed logits, largest first.
func (d *sampler) rank(at exact.Position, x []float32, temp float32) []int32 {
	if d.scale != nil {
		temp = d.scale(temp)
	}
	score := make([]float32, len(x))
	for j := range x {
		score[j] = d.gumbel(at, j) + x[j]/temp
	}
	order := make([]int32, len(x))
	exact.TopK(order, score)
	return order
}

func (d *sampler) Run(_ context.Context, op backend.Op) error {
	row := func(t *backend.Tensor, i int) []byte {
		l := t.Layout()
		return t.Buffer().([]byte)[(l.Offset+i*l.Stride)*4 : (l.Offset+i*l.Stride+l.Cols)*4]
	}
	get := func(t *backend.Tensor, i int) []float32 {
		b := row(t, i)
		x := make([]float32, len(b)/4)
		for j := range x {
			x[j] = math.Float32frombits(uint32(b[4*j]) | uint32(b[4*j+1])<<8 | uint32(b[4*j+2])<<16 | uint32(b[4*j+3])<<24)
		}
		return x
	}
	put := func(t *backend.Tensor, i, j int, v uint32) {
		copy(row(t, i)[4*j:], []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)})
	}
	at := func(dr backend.Draws, i, step int) exact.Position {
		return exact.Position{Seed: dr.Seed, Use: dr.Use, Sub: dr.Sub, Step: dr.Step + uint32(step), Row: dr.Row + uint32(i)}
	}
	switch o := op.(type) {
	case *backend.Fill:
		for i := range o.Y.Layout().Rows {
			p := at(o.Draws, i, 0)
			for j := range o.Y.Layout().Cols {
				switch o.Distribution {
				case backend.Bits:
					put(o.Y, i, j, d.w(p, j))
					continue
				case backend.Normal:
					x, y := exact.Fused.NormalPair(d.w(p, j&^1), d.w(p, j|1))
					z := []float32{x, y}[j&1]
					if d.normal != nil {
						z = d.normal(z)
					}
					put(o.Y, i, j, math.Float32bits(z))
					continue
				}
				v := map[backend.Distribution]float32{backend.Uniform: d.u(p, j), backend.Exponential: float32(-math.Log1p(-float64(d.u(p, j)))),
					backend.Gumbel: d.gumbel(p, j)}[o.Distribution]
				put(o.Y, i, j, math.Float32bits(v))
			}
		}
	case *backend.Categorical:
		for i := range o.X.Layout().Rows {
			x := get(o.X, i)
			for n := range o.Index.Layout().Cols {
				p := at(o.Draws, i, n)
				if d.class != nil {
					put(o.Index, i, n, uint32(d.class(p, x, o.Temperature.Real(1))))
					continue
				}
				put(o.Index, i, n, uint32(d.rank(p, x, o.Temperature.Real(1))[0]))
			}
		}
	case *backend.WithoutReplacement:
		for i := range o.X.Layout().Rows {
			order := d.rank(at(o.Draws, i, 0), get(o.X, i), o.Temperature.Real(1))
			for j := range o.Index.Layout().Cols {
				put(o.Index, i, j, uint32(order[j]))
			}
		}
	case *backend.GumbelSoftmax:
		for i := range o.X.Layout().Rows {
			x, p := get(o.X, i), at(o.Draws, i, 0)
			for j := range x {
				x[j] += d.gumbel(p, j)
			}
			y := make([]float32, len(x))
			exact.Fused.SoftmaxRow(y, x, o.Tau.Real(1))
			best := slices.Index(x, slices.Max(x))
			for j := range x {
				put(o.Y, i, j, math.Float32bits(y[j]))
				put(o.OneHot, i, j, 0)
			}
			put(o.OneHot, i, best, math.Float32bits(1))
		}
	default:
		return backend.ErrNotSupported
	}
	return nil
}

// check runs the checks of samplers on a device that follows d, against
// another that does.
func (d *sampler) check(t *testing.T, op string, seed uint64) []Check {
	t.Helper()
	open := func() *backend.Device {
		dev := backend.NewDevice(d, backend.Config{})
		t.Cleanup(func() { dev.Close() })
		return dev
	}
	var checks []Check
	if err := samplers(context.Background(), Options{Tested: open(), Against: open(), Op: op, Seed: seed}, func(c Check) { checks = append(checks, c) }); err != nil {
		t.Fatal(err)
	}
	return checks
}

func failedNames(checks []Check) []string {
	var names []string
	for _, c := range checks {
		if !c.Passed && c.Skipped == "" {
			names = append(names, c.Name)
		}
	}
	return names
}

// TestRightSamplersPass over several seeds, with what each check would find.
func TestRightSamplersPass(t *testing.T) {
	ctx := context.Background()
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		open := func(name string) *backend.Device {
			dev, err := backend.Open(ctx, name, backend.Config{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dev.Close() })
			return dev
		}
		cpu, reference := open("cpu"), open("reference")
		seeds := uint64(4)
		if profile == backend.ProfileSplit {
			seeds = 1
		}
		for seed := range seeds {
			o := Options{Tested: cpu, Against: reference, Seed: seed}
			if seed == 3 {
				o.Tested, o.Against, o.Seed = reference, cpu, 1<<53-1
			}
			n := 0
			err := samplers(ctx, o, func(c Check) {
				n++
				if !c.Passed || c.Message == "" || c.Op == "" || !strings.HasPrefix(c.Name, c.Op+"/") {
					t.Errorf("seed %d: %+v", o.Seed, c)
				}
				if testing.Verbose() && seed == 0 {
					t.Logf("%s: %s", c.Name, c.Message)
				}
			})
			if err != nil || n < 60 {
				t.Errorf("seed %d: %d checks, %v", o.Seed, n, err)
			}
		}
	}
}

// TestBiasedSamplersAreFound: each way to be wrong fails the check that is made
// for it, while the device agrees with another one that is wrong in the same
// way.
func TestBiasedSamplersAreFound(t *testing.T) {
	inverse := func(at exact.Position, x []float32, temp float32, edge float64) int32 {
		p := probabilities(x, float64(temp))
		u := float64(exact.Uniform(at.Word(0)))
		for j, v := range p {
			if u -= v; u < edge {
				return int32(j)
			}
		}
		return int32(len(p) - 1)
	}
	for _, c := range []struct {
		name, op, want string
		d              sampler
	}{
		{"uniform may be 0", "fill", "fill/extreme words", sampler{uniform: func(w uint32) float32 { return float32(w) * 0x1p-32 }}},
		{"uniform may be 1", "fill", "fill/extreme words", sampler{uniform: func(w uint32) float32 {
			return float32(float64(w>>16)*0x1p-16 + float64(2*(w&0xffff)+1)*0x1p-33)
		}}},
		{"uniform may be 0 in a draw", "categorical", "categorical/extreme words", sampler{uniform: func(w uint32) float32 {
			return float32(w) * 0x1p-32
		}}},
		{"11 bits of a word", "fill", "fill/uniform: tails", sampler{uniform: func(w uint32) float32 { return float32(w>>21)*0x1p-11 + 0x1p-12 }}},
		{"a lane twice", "fill", "fill/independence of lanes 0-1, high bits", sampler{word: func(at exact.Position, j int) uint32 {
			return at.Word(uint64(j) &^ 1)
		}}},
		{"streams overlap", "fill", "fill/no words twice", sampler{word: func(at exact.Position, j int) uint32 {
			at.Sub, j = 0, j+52*int(at.Sub)
			return at.Word(uint64(j))
		}}},
		{"sub-stream ignored", "fill", "fill/independence of sub-streams, high bits", sampler{word: func(at exact.Position, j int) uint32 {
			at.Sub = 0
			return at.Word(uint64(j))
		}}},
		{"high key word ignored", "fill", "fill/independence of high seeds, low bits", sampler{word: func(at exact.Position, j int) uint32 {
			at.Seed &= math.MaxUint32
			return at.Word(uint64(j))
		}}},
		{"row in 6 bits", "fill", "fill/independence of distant rows of a fill, low bits", sampler{word: func(at exact.Position, j int) uint32 {
			at.Row %= 64
			return at.Word(uint64(j))
		}}},
		{"row in 16 bits", "fill", "fill/independence of distant rows, high bits", sampler{word: func(at exact.Position, j int) uint32 {
			at.Row &= 0xffff
			return at.Word(uint64(j))
		}}},
		{"steps of interleaved streams", "fill", "fill/independence of interleaved steps and sub-streams", sampler{word: func(at exact.Position, j int) uint32 {
			w := at.Word(uint64(j))
			if at.Step&1 == 1 && at.Sub&1 == 0 { // the fourth of four is the sum of the others
				a, b, c := at, at, at
				a.Step, a.Sub = at.Step-1, at.Sub-1
				b.Sub, c.Step = at.Sub-1, at.Step-1
				w = a.Word(uint64(j)) + b.Word(uint64(j)) + c.Word(uint64(j))
			}
			return w
		}}},
		{"normal too narrow", "fill", "fill/normal: distribution function", sampler{normal: func(z float32) float32 { return 0.93 * z }}},
		{"normal cut at 3", "fill", "fill/normal: tails", sampler{normal: func(z float32) float32 { return min(max(z, -3), 3) }}},
		{"normal NaN", "fill", "fill/normal: tails", sampler{normal: func(z float32) float32 {
			if z > 4 {
				return float32(math.NaN())
			}
			return z
		}}},
		{"temperature ignored", "categorical", "categorical/classes at temperature 3", sampler{scale: func(float32) float32 { return 1 }}},
		{"temperature ignored without replacement", "withoutreplacement", "withoutreplacement/orders at temperature 2", sampler{scale: func(float32) float32 { return 1 }}},
		{"CDF edge", "categorical", "categorical/classes at temperature 3", sampler{class: func(at exact.Position, x []float32, temp float32) int32 {
			return inverse(at, x, temp, 0.02)
		}}},
		{"CDF edge of a masked class", "categorical", "categorical/classes at temperature 0.25", sampler{class: func(at exact.Position, x []float32, temp float32) int32 {
			j := inverse(at, x, temp, 0)
			if at.Word(1) < 1<<18 { // in one draw of 16384
				j = 4
			}
			return j
		}}},
		{"the same draw again", "categorical", "categorical/independence of draws at temperature 1", sampler{word: func(at exact.Position, j int) uint32 {
			at.Step = 0
			return at.Word(uint64(j))
		}}},
		{"the same rows", "gumbelsoftmax", "gumbelsoftmax/independence of rows at tau 2", sampler{word: func(at exact.Position, j int) uint32 {
			at.Row &^= 1
			return at.Word(uint64(j))
		}}},
		{"relaxed noise too small", "gumbelsoftmax", "gumbelsoftmax/binary Concrete law at tau 2", sampler{uniform: func(w uint32) float32 {
			return 0.25 + exact.Uniform(w)/2
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failed := failedNames(c.d.check(t, c.op, 1))
			if !slices.Contains(failed, c.want) {
				t.Errorf("%q passes; failed: %q", c.want, failed)
			}
		})
	}
	if failed := failedNames((&sampler{}).check(t, "fill", 1)); len(failed) > 0 {
		t.Errorf("the driver without an error fails %q", failed)
	}
}

// TestDevicesThatDiffer: one bit apart is found in the exact mode, and no
// reason to fail in the bounded one; integers must agree in both.
func TestDevicesThatDiffer(t *testing.T) {
	for _, mode := range []backend.Mode{backend.ExactMode, backend.BoundedMode} {
		open := func(d *sampler) *backend.Device {
			d.copier = copier{name: "sampler", mode: mode}
			dev := backend.NewDevice(d, backend.Config{})
			t.Cleanup(func() { dev.Close() })
			return dev
		}
		off := &sampler{normal: func(z float32) float32 { return math.Nextafter32(z, 9) }}
		var got []Check
		if err := samplers(context.Background(), Options{Tested: open(&sampler{}), Against: open(off), Op: "fill"}, func(c Check) { got = append(got, c) }); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(got, func(c Check) bool { return c.Name == "fill/identical draws" })
		failed := failedNames(got)
		if exactly := mode == backend.ExactMode; (len(failed) > 0) != exactly || (got[at].Skipped == "") != exactly {
			t.Errorf("%s: failed %q, %+v", mode, failed, got[at])
		}
		other := &sampler{word: func(at exact.Position, j int) uint32 { return at.Word(uint64(j)) ^ 1 }}
		got = nil
		if err := samplers(context.Background(), Options{Tested: open(&sampler{}), Against: open(other), Op: "fill"}, func(c Check) { got = append(got, c) }); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(failedNames(got), "fill/identical integers") {
			t.Errorf("%s: integers that differ pass", mode)
		}
	}
}

func TestSamplersWithoutADevice(t *testing.T) {
	null := func(fault string) *backend.Device { return open(t, &copier{name: "null", fault: fault}) }
	for fault, wants := range map[string]string{"unsupported": "skipped", "null": "failed"} {
		passed := map[string]bool{}
		err := samplers(context.Background(), Options{Tested: null(fault), Against: null(fault)}, func(c Check) {
			got := "failed"
			if c.Skipped != "" {
				got = "skipped"
			}
			if got != wants && !(fault == "null" && c.Passed) {
				t.Errorf("%s: %+v", fault, c)
			}
			if c.Passed {
				passed[c.Name] = true
			}
		})
		if err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		for name := range passed { // two buffers that nobody wrote agree; nothing else may pass
			if !strings.Contains(name, "identical draws") {
				t.Errorf("%s: %s passes", fault, name)
			}
		}
	}
	if err := samplers(context.Background(), Options{Tested: null("lost"), Against: null("")}, func(Check) {}); err == nil {
		t.Error("a lost context is no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := samplers(ctx, Options{Tested: null(""), Against: null("")}, func(Check) {}); err == nil {
		t.Error("a cancelled run goes on")
	}
	for _, c := range (&sampler{}).check(t, "matmul", 1) {
		t.Errorf("an operation without draws has the check %s", c.Name)
	}
}

func TestSamplersSelfCheck(t *testing.T) {
	if err := SamplersSelfCheck(); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, m := range broken.Mutants() {
		if m.Where != "samplers" {
			continue
		}
		restore := broken.Set(m.Name)
		err := SamplersSelfCheck()
		restore()
		if err == nil {
			t.Errorf("%s survives", m.Name)
		}
		killed++
	}
	if killed < 3 {
		t.Errorf("only %d mutants", killed)
	}
}

// TestPlantedErrorsOfSamplers: what the drivers can plant into the drawing
// operations is found by the checks of samplers, without the cases.
func TestPlantedErrorsOfSamplers(t *testing.T) {
	ctx := context.Background()
	drawing := []string{"fill", "categorical", "withoutreplacement", "gumbelsoftmax"}
	if len(backend.Faults("cpu")) == 0 {
		t.Skip("NOT RUN: the cpu driver registers no planted errors")
	}
	for _, f := range backend.Faults("cpu") {
		if f.Silent || slices.ContainsFunc(f.Ops, func(op string) bool { return !slices.Contains(drawing, op) }) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var devices [2]*backend.Device
			for i, cfg := range []backend.Config{{Fault: f.Name}, {}} {
				dev, err := backend.Open(ctx, []string{"cpu", "reference"}[i], cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer dev.Close()
				devices[i] = dev
			}
			var failed []string
			for _, op := range f.Ops {
				err := samplers(ctx, Options{Tested: devices[0], Against: devices[1], Op: op, Seed: 1}, func(c Check) {
					if !c.Passed && c.Skipped == "" {
						failed = append(failed, c.Name)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if len(failed) == 0 {
				t.Error("survives")
			}
			t.Log(fmt.Sprint(failed))
		})
	}
}
