package cluster

import (
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// bounds tells which rows may change their label, so that only those are
// compared with the centres again. Labels are Lloyd's to the bit: the bounds
// are of the distances between the shifted float32 vectors that enter a score,
// widened by the most that the score's own roundings can amount to, so that a
// row is passed only where every other centre's score is larger for certain.
//
// A score is h − p with h = ½·(chain of c·c) and p = (chain of x·c). A chain of
// d macs over K-cuts errs by at most γ·Σ|x_j·c_j| ≤ γ·|x|·|c|, so that
//
//	|score − (½|x−c|² − ½|x|²)| ≤ e = γ·(½|c|² + |x|·|c|) + tiny
//
// with γ below. Hence u ≥ |x−c_a| and l ≤ |x−c_b| with ½(l²−u²) > 2e say that a's
// score is the smaller. Movements of centres are added to u and taken off l
// (Elkan 2003; Hamerly 2010). The device computes the rows that are left, bits
// and all, in one gathered batch. What a bound loses to float64 is covered by
// grow and shrink.
type bounds struct {
	f       *fit
	method  Method
	xs      []float64 // |x − shift| of each row
	centers []float64 // centres − shift, of the last assignment
	labels  []int32
	upper   []float64 // n
	lower   []float64 // n: to any centre but the row's
	each    []float64 // n·k: to each centre, for Elkan
	gamma   float64   // relative error of a chain and what follows it
	tiny    float64   // absolute, from subnormal products

	passed, compared int64 // rows, over all assignments
}

// unit is half the distance of float32 numbers around 1.
const unit = 0x1p-24

// widestBound is the most columns whose float64 sums grow and shrink cover; rows
// wider than that are all compared.
const widestBound = 1 << 12

func grow(x float64) float64   { return x * (1 + 0x1p-40) }
func shrink(x float64) float64 { return x * (1 - 0x1p-40) }

func (f *fit) newBounds(m Method) *bounds {
	// A mac rounds twice at most, a cut adds once, and eight more cover the
	// halving, the subtraction and the shift's own roundings.
	steps := float64(2*f.d + f.d/exact.Cut + 8)
	b := &bounds{f: f, method: m, gamma: 1.01 * steps * unit, tiny: steps * 0x1p-148}
	b.xs = make([]float64, f.n)
	for i := range b.xs {
		sum := 0.0
		for j, v := range f.data.Data[i*f.data.Stride : i*f.data.Stride+f.d] {
			t := float64(v - f.shiftHost[j])
			sum += float64(t * t)
		}
		b.xs[i] = grow(sqrt(sum))
	}
	b.labels, b.upper = make([]int32, f.n), make([]float64, f.n)
	b.lower = make([]float64, f.n)
	if m == Elkan {
		b.each = make([]float64, f.n*f.k)
	}
	b.forget()
	return b
}

// forget makes the next assignment compare every row.
func (b *bounds) forget() {
	for i := range b.upper {
		b.upper[i] = math.Inf(1)
	}
	clear(b.lower)
	clear(b.each)
}

// assign labels every row with its nearest centre, as fit.assign does.
func (b *bounds) assign(centers []float32) {
	f := b.f
	if f.Err() != nil {
		return
	}
	largest := b.move(centers)
	apart := b.apart()
	var open []int32
	for i := range b.upper {
		if !b.settled(i, largest, apart) {
			open = append(open, int32(i))
		}
	}
	b.passed += int64(f.n - len(open))
	b.compared += int64(len(open))
	if len(open) == 0 {
		return
	}
	// Gathering nearly all rows would cost more than it saves.
	if len(open) > f.n/2 {
		open = nil
	}
	if b.method == Elkan {
		b.compareAll(open, largest)
	} else {
		b.compareTwo(open, largest)
	}
	backend.Set(f.Scope, f.labels, b.labels)
}

// move takes the centres' movements into the bounds and returns the largest
// norm of a centre.
func (b *bounds) move(centers []float32) (largest float64) {
	f := b.f
	next := make([]float64, len(centers))
	moved := make([]float64, f.k)
	first, second, fastest := 0.0, 0.0, 0
	for c := range f.k {
		norm, sum := 0.0, 0.0
		for j := range f.d {
			p := c*f.d + j
			next[p] = float64(centers[p] - f.shiftHost[j])
			norm += float64(next[p] * next[p])
			if b.centers != nil {
				t := next[p] - b.centers[p]
				sum += float64(t * t)
			}
		}
		largest = max(largest, grow(sqrt(norm)))
		moved[c] = grow(sqrt(sum))
		if moved[c] > first {
			first, second, fastest = moved[c], first, c
		} else {
			second = max(second, moved[c])
		}
	}
	b.centers = next
	for i, a := range b.labels {
		b.upper[i] = grow(b.upper[i] + moved[a])
		if b.method == Hamerly {
			most := first
			if int(a) == fastest {
				most = second
			}
			b.lower[i] = shrink(b.lower[i] - most)
			continue
		}
		row, least := b.each[i*f.k:(i+1)*f.k], math.Inf(1)
		for c, v := range row {
			v = shrink(v - moved[c])
			row[c] = v
			if v < least && c != int(a) {
				least = v
			}
		}
		b.lower[i] = least
	}
	return largest
}

// apart returns each centre's distance to the nearest other one.
func (b *bounds) apart() []float64 {
	k, d := b.f.k, b.f.d
	least := make([]float64, k)
	for c := range least {
		least[c] = math.Inf(1)
	}
	for a := range k {
		for c := range a {
			sum := 0.0
			for j := range d {
				t := b.centers[a*d+j] - b.centers[c*d+j]
				sum += float64(t * t)
			}
			r := shrink(sqrt(sum))
			least[a], least[c] = min(least[a], r), min(least[c], r)
		}
	}
	return least
}

// settled says whether row i certainly keeps its label.
func (b *bounds) settled(i int, largest float64, apart []float64) bool {
	u, a := b.upper[i], b.labels[i]
	if math.IsInf(u, 1) || b.f.d > widestBound {
		return false
	}
	l := b.lower[i]
	l = max(l, shrink(apart[a]-u))
	return l > u && shrink((l-u)*(l+u)/2) > 2*b.scoreError(i, largest)
}

// scoreError bounds the error of any score of row i.
func (b *bounds) scoreError(i int, largest float64) float64 {
	return grow(b.gamma*(largest*largest/2+b.xs[i]*largest)) + b.tiny
}

// interval bounds |xs−cs| by the squared distance that the device computed from
// the unshifted values.
func (b *bounds) interval(i int, squared float32, largest float64) (low, high float64) {
	s := float64(squared)
	slack := 2 * unit * (b.xs[i] + largest) // the shift's roundings
	high = grow(sqrt(grow(s*(1+2*b.gamma))+b.tiny) + slack)
	low = shrink(sqrt(max(0, shrink(s*(1-2*b.gamma))-b.tiny)) - slack)
	return max(0, low), high
}

// gathered returns the open rows, or all for nil.
func (b *bounds) gathered(s *backend.Scope, open []int32) (x *backend.Tensor, n int) {
	if open == nil {
		return b.f.x, b.f.n
	}
	return b.f.rowsOf(s, open), len(open)
}

func rowAt(open []int32, p int) int {
	if open == nil {
		return p
	}
	return int(open[p])
}
