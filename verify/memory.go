package verify

import (
	"context"
	"fmt"
	"math/bits"

	"samebits/backend"
	"samebits/verify/internal/broken"
)

// placement says where the tensors of a case lie in their buffers.
type placement uint8

const (
	dense   placement = iota // at the start of a buffer, without gaps
	offset                   // without gaps, after guard words that spoil any alignment
	gapped                   // rows and matrices apart, guard words all around
	mixed                    // one of the above by turns
	strided                  // rows far apart, one of the below by turns, so that no two strides are alike
	twice                    // rows more than two rows apart
	power                    // rows a power of two apart
	thrice                   // rows more than three rows apart
)

func (p placement) String() string {
	return [...]string{"dense", "offset", "gapped", "mixed", "strided", "twice", "power", "thrice"}[p]
}

// of returns the placement of the i-th tensor of a case.
func (p placement) of(i int) placement {
	switch p {
	case mixed:
		return [...]placement{offset, dense, gapped}[i%3]
	case strided:
		return [...]placement{twice, power, thrice}[i%3]
	}
	return p
}

// stride returns the elements from one row of cols to the next in a placement
// with gaps, 0 in one without.
func (p placement) stride(cols int) int {
	least := gapLeft + cols + gapRight
	switch p {
	case gapped:
		return least
	case twice:
		return 2*cols + least
	case power:
		return 1 << bits.Len(uint(least-1))
	case thrice:
		return 3*cols + least + 1
	}
	return 0
}

// Guard words before and after a tensor and in the gaps between its rows.
const (
	guardFront = 5
	guardBack  = 19
	gapLeft    = 3
	gapRight   = 2
)

// poisonWord is what most outputs hold before a run: as float32 a NaN, not the
// canonical one, so that a kernel that reads it or leaves it shows.
const poisonWord = 0x7fca5a5a

// poison is what an output holds before a run, by turns over shapes the NaN or
// one of the largest numbers: a kernel that goes on from what it finds there
// (the larger of the two, the sum) gets past a NaN.
func (a *array) poison() uint32 {
	switch (len(a.name) + a.batch + 3*a.rows + 5*a.cols) % 4 {
	case 2:
		return 0x7f7fffff
	case 3:
		return 0xff7fffff
	}
	return poisonWord
}

// guardAt is guard word i of a tensor's buffer: a NaN that no other place has,
// so that a kernel that copies one gap onto another shows.
func guardAt(name string, i int) uint32 {
	h := uint32(len(name)+1) * 0x9e3779b1
	for _, c := range []byte(name) {
		h = (h ^ uint32(c)) * 0x01000193
	}
	h = (h ^ uint32(i)) * 0x85ebca6b
	return 0x7fc00001 | (h^h>>15)&0x003ffffe
}

// role says what an operation does with a tensor.
type role uint8

const (
	input  role = iota
	output      // written, never read: poisoned before the run
	inout       // holds data and is written
)

// array is a tensor of a case on the host.
type array struct {
	name              string
	dtype             backend.DType
	batch, rows, cols int
	place             placement
	role              role
	words             []uint32 // row-major; nil for an output
}

// elements returns the number of elements.
func (a *array) elements() int { return a.batch * a.rows * a.cols }

// placed is an array on a device, inside a guarded buffer.
type placed struct {
	*array
	buffer, view *backend.Tensor
	before       []uint32 // the whole buffer's words before the run
	at           []int    // where in the buffer each element stands
}

// onDevice allocates a, with guards, and uploads it.
func (a *array) onDevice(ctx context.Context, dev *backend.Device) (p *placed, err error) {
	p = &placed{array: a, at: make([]int, 0, a.elements())}
	defer func() {
		if err != nil {
			p.buffer.Close()
			err = fmt.Errorf("%s: %w", a.name, err)
		}
	}()
	if stride := a.place.stride(a.cols); stride > 0 {
		rows := a.rows + 2
		if p.buffer, err = dev.NewBatch(a.dtype, a.batch, rows, stride); err != nil {
			return nil, err
		}
		if p.view, err = p.buffer.Slice(1, 1+a.rows, gapLeft, gapLeft+a.cols); err != nil {
			return nil, err
		}
		for b := range a.batch {
			for i := range a.rows {
				for j := range a.cols {
					p.at = append(p.at, (b*rows+1+i)*stride+gapLeft+j)
				}
			}
		}
	} else {
		n, front := a.elements(), 0
		if a.place == offset {
			front = guardFront
		}
		if p.buffer, err = dev.NewTensor(a.dtype, 1, front+n+guardBack); err != nil {
			return nil, err
		}
		if p.view, err = p.buffer.Slice(0, 1, front, front+n); err != nil {
			return nil, err
		}
		if p.view, err = p.view.Reshape(a.batch, a.rows, a.cols); err != nil {
			return nil, err
		}
		for i := range n {
			p.at = append(p.at, front+i)
		}
	}
	p.guard(p.buffer.Len())
	return p, upload(ctx, p.buffer, p.before)
}

// guard fills before, the words of a buffer of n elements.
func (p *placed) guard(n int) {
	w := width(p.dtype)
	p.before = make([]uint32, n*w)
	for i := range p.before {
		p.before[i] = narrowed(p.dtype, guardAt(p.name, i))
	}
	for e, at := range p.at {
		for l := range w {
			if p.role != output {
				p.before[at*w+l] = p.words[e*w+l]
			} else if !broken.Is(broken.PoisonForgotten) {
				p.before[at*w+l] = narrowed(p.dtype, p.poison())
			}
		}
	}
}

// narrowed returns word as an element of t holds it.
func narrowed(t backend.DType, word uint32) uint32 {
	if t == backend.Int8 {
		return uint32(int8(word))
	}
	return word
}

// after downloads the buffer and returns the array's words, and what the run
// did to memory that it must not write.
func (p *placed) after(ctx context.Context) (words []uint32, spoiled string, err error) {
	got, err := download(ctx, p.buffer)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", p.name, err)
	}
	words, spoiled = p.examine(got)
	return words, spoiled, nil
}

// examine is after for the buffer's words after the run.
func (p *placed) examine(got []uint32) (words []uint32, spoiled string) {
	w := width(p.dtype)
	words = make([]uint32, len(p.at)*w)
	inside := make([]bool, len(got))
	for e, at := range p.at {
		for l := range w {
			words[e*w+l] = got[at*w+l]
			inside[at*w+l] = true
		}
	}
	for i, g := range got {
		if g == p.before[i] || (inside[i] && p.role != input) {
			continue
		}
		what := "guard word"
		if inside[i] {
			what = "input"
			if broken.Is(broken.InputsUnchecked) {
				continue
			}
		} else if broken.Is(broken.GuardsUnchecked) {
			continue
		}
		return words, fmt.Sprintf("%s %d of %s was overwritten: %08x became %08x", what, i, p.name, p.before[i], g)
	}
	return words, ""
}
