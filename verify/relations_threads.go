package verify

import (
	"fmt"
	"runtime"
	"strings"

	"samebits/backend"
	"samebits/backend/exact"
)

// threadRows are enough rows to be worth several threads.
const threadRows = 2309

// threadCounts are the numbers of threads that a processor is held to.
var threadCounts = []int{1, 2, 3, 7}

// threads holds a processor against itself with other numbers of threads. It
// lets the Go runtime use as many as it asks for meanwhile, since drivers open
// no more than that.
func (r *relating) threads() error {
	info := r.o.Tested.Info()
	if info.Kind != "cpu" {
		return nil
	}
	if most := threadCounts[len(threadCounts)-1]; runtime.GOMAXPROCS(0) < most {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(most))
	}
	var devices []*backend.Device
	defer func() {
		for _, dev := range devices {
			dev.Close()
		}
	}()
	var reached []string
	for _, n := range threadCounts {
		dev, err := backend.Open(r.ctx, info.Name, backend.Config{Threads: n, Fault: r.o.Fault,
			Profile: backend.ProfileRequest(r.o.Tested.Profile().Mac.String())})
		if err != nil {
			return err
		}
		devices = append(devices, dev)
		if got, ok := dev.Info().Limits["threads"]; ok && got != int64(n) {
			r.found(Check{Name: fmt.Sprintf("threads/%d", n), Skipped: fmt.Sprintf("%s opens %d threads where %d are asked for", info.Name, got, n)})
			continue
		}
		reached = append(reached, fmt.Sprint(n))
	}
	would := strings.Join(reached, ", ") + " threads give the same bits"
	f := newFills(r.o.Seed, "relations/threads")
	for _, s := range append(subjects(f, threadRows), wholes(f)...) {
		if !r.wanted(s.op) {
			continue
		}
		differs, err := r.threadsOf(s, devices)
		if err := r.report(s.op, join(s.name, "threads"), would, differs, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *relating) threadsOf(s *subject, devices []*backend.Device) (string, error) {
	whole, err := r.whole(s)
	for i, dev := range devices {
		if err != nil {
			return "", err
		}
		var got outputs
		if got, err = r.part(dev, s, 0, s.rows, dense); err == nil {
			if d := s.differ(got, whole, func(j int) int { return j }); d != "" {
				return fmt.Sprintf("%d threads: %s", threadCounts[i], d), nil
			}
		}
	}
	return "", err
}

// wholes are subjects for threads alone: large enough that each thread gets a
// part, and of operations whose rows do not stand for themselves. rows is the
// rows of the outputs; what is by row has any number.
func wholes(f *fills) []*subject {
	var all []*subject
	add := func(name string, rows int, outputs []*array, run func(t tensors, _ int) backend.Op, operands ...*array) {
		all = append(all, &subject{op: run(tensors{}, 0).Name(), name: name, rows: rows, fixed: operands, outputs: outputs, run: run})
	}
	full := func(name string, kind fill, rows, cols int) *array {
		return in(name, 1, rows, cols, f.floats(kind, rows*cols))
	}
	result := func(name string, t backend.DType, rows, cols int) []*array {
		return []*array{out(name, t, 1, rows, cols)}
	}

	product := func(t tensors, _ int) backend.Op { return multiply(t) }
	add("wide", 203, result("c", backend.Float32, 203, 517), product, full("a", normal, 203, 129), full("b", normal, 129, 517))
	add("flat", 3, result("c", backend.Float32, 3, 4001), product, full("a", normal, 3, 70), full("b", normal, 70, 4001))
	add("vector", 4001, result("c", backend.Float32, 4001, 1), product, full("a", normal, 4001, 70), full("b", normal, 70, 1))
	for _, red := range []backend.Reduction{backend.Sum, backend.ArgMax, backend.MaxAbsFinite} {
		y := backend.Float32
		if red == backend.ArgMax {
			y = backend.Int32
		}
		for _, shape := range [][2]int{{3001, 67}, {70, 3001}} {
			add(fmt.Sprintf("%v/columns/%s", red, dims(shape[:]...)), 1, result("y", y, 1, shape[1]), func(t tensors, _ int) backend.Op {
				return &backend.Reduce{Y: t["y"], X: t["x"], Reduction: red, Axis: backend.AlongColumn}
			}, full("x", normal, shape[0], shape[1]))
		}
		add(fmt.Sprintf("%v/long", red), 2, result("y", y, 2, 1), func(t tensors, _ int) backend.Op {
			return &backend.Reduce{Y: t["y"], X: t["x"], Reduction: red}
		}, full("x", normal, 2, 90_001))
	}
	const n, d = 20_011, 5
	x := full("x", normal, n, d)
	for _, k := range []int{6, 9000} {
		add(fmt.Sprintf("k=%d", k), k, result("sums", backend.Uint32, k, exact.ScatterWords(d)), func(t tensors, _ int) backend.Op {
			return &backend.ScatterSum{Sums: t["sums"], X: t["x"], Label: t["label"], Exponent: t["exponent"]}
		}, x, intIn("label", n, 1, f.ints(n, 0, int32(k-1))), intIn("exponent", 1, d, f.ints(d, 24, 27)))
	}
	add("shifted", 3001, []*array{out("index", backend.Int32, 1, 3001, 1), out("distance", backend.Float32, 1, 3001, 1)}, func(t tensors, _ int) backend.Op {
		return &backend.Nearest{Index: t["index"], Distance: t["distance"], X: t["x"], C: t["c"], Shift: t["shift"]}
	}, full("x", far, 3001, 33), full("c", far, 40, 33), full("shift", far, 1, 33))
	add("large", 501, result("y", backend.Float32, 501, 403), func(t tensors, _ int) backend.Op {
		return &backend.Transpose{Y: t["y"], X: t["x"]}
	}, full("x", normal, 403, 501))
	add("long", 2, result("y", backend.Float32, 2, 60_001), func(t tensors, _ int) backend.Op {
		return &backend.Softmax{Y: t["y"], X: t["x"]}
	}, full("x", logits, 2, 60_001))
	add("long", 2, result("index", backend.Int32, 2, 3), func(t tensors, _ int) backend.Op {
		return &backend.Categorical{Index: t["index"], X: t["x"], Draws: backend.Draws{Seed: f.seed, Use: exact.UseCategorical}}
	}, full("x", logits, 2, 60_001))
	return all
}
