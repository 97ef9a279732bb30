package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// maxSteps is how many steps a manifest names one by one; those after it share
// one digest each maxSteps.
const maxSteps = 1 << 16

// Difference is the first thing in which a run differs from its manifest.
type Difference struct {
	// Kind is contract, profile, parameter, input, step or output.
	Kind string `json:"kind"`
	// Name is which one.
	Name     string `json:"name"`
	Recorded string `json:"recorded"`
	Now      string `json:"now"`
}

func (d *Difference) Error() string {
	return fmt.Sprintf("%s %s differs: recorded %s, now %s", d.Kind, d.Name, d.Recorded, d.Now)
}

// Recorder collects the digests of a run or, made by Against, compares them
// with those of an older one. It serves one goroutine. A nil Recorder takes
// everything and does nothing.
type Recorder struct {
	now Manifest
	old *Manifest

	folded hash.Hash // of the steps that share a digest
	inFold int
	folds  int
}

// NewRecorder returns a recorder for a new manifest.
func NewRecorder() *Recorder { return &Recorder{} }

// Against returns a recorder that compares with old.
func Against(old *Manifest) *Recorder { return &Recorder{old: old} }

// Recording reports whether digests are wanted, so that a run can spare itself
// the work.
func (r *Recorder) Recording() bool { return r != nil }

// Input adds a file that the run reads. In a comparison files are told apart by
// their order; a *Difference names one that has changed.
func (r *Recorder) Input(path string) error {
	if r == nil {
		return nil
	}
	in, err := HashFile(path)
	if err != nil {
		return err
	}
	at := len(r.now.Inputs)
	r.now.Inputs = append(r.now.Inputs, in)
	if r.old == nil {
		return nil
	}
	if at >= len(r.old.Inputs) {
		return &Difference{Kind: "input", Name: path, Recorded: "no such input", Now: in.SHA256}
	}
	if was := r.old.Inputs[at]; was.SHA256 != in.SHA256 || was.Bytes != in.Bytes {
		return &Difference{Kind: "input", Name: path, Recorded: fmt.Sprintf("%s of %d bytes", was.SHA256, was.Bytes),
			Now: fmt.Sprintf("%s of %d bytes", in.SHA256, in.Bytes)}
	}
	return nil
}

// Step adds the digest of an intermediate result. In a comparison it returns a
// *Difference at the first step that is not the recorded one; the run should
// then end.
func (r *Recorder) Step(name, sha256 string) error {
	if r == nil {
		return nil
	}
	if len(r.now.Steps) < maxSteps {
		return r.add("step", &r.now.Steps, r.oldSteps(), Digest{name, sha256})
	}
	return r.fold(name, sha256)
}

// fold mixes a step into a digest that maxSteps of them share.
func (r *Recorder) fold(name, digest string) error {
	if r.folded == nil {
		r.folded = sha256.New()
	}
	fmt.Fprintf(r.folded, "%s\x00%s\n", name, digest)
	if r.inFold++; r.inFold < maxSteps {
		return nil
	}
	return r.endFold()
}

func (r *Recorder) endFold() error {
	if r.inFold == 0 {
		return nil
	}
	r.folds++
	d := Digest{fmt.Sprintf("steps %d to %d", r.folds*maxSteps+1, r.folds*maxSteps+r.inFold), hex.EncodeToString(r.folded.Sum(nil))}
	r.folded, r.inFold = nil, 0
	return r.add("step", &r.now.Steps, r.oldSteps(), d)
}

func (r *Recorder) oldSteps() []Digest {
	if r.old == nil {
		return nil
	}
	return r.old.Steps
}

// Output adds the digest of a result.
func (r *Recorder) Output(name, sha256 string) error {
	if r == nil {
		return nil
	}
	if err := r.endFold(); err != nil {
		return err
	}
	var old []Digest
	if r.old != nil {
		old = r.old.Outputs
		if n := len(r.now.Steps); n < len(r.old.Steps) { // before the outputs that follow from it
			return &Difference{Kind: "step", Name: r.old.Steps[n].Name, Recorded: "there", Now: "missing"}
		}
	}
	return r.add("output", &r.now.Outputs, old, Digest{name, sha256})
}

func (r *Recorder) add(kind string, to *[]Digest, old []Digest, d Digest) error {
	at := len(*to)
	*to = append(*to, d)
	switch {
	case r.old == nil:
		return nil
	case at >= len(old):
		return &Difference{Kind: kind, Name: d.Name, Recorded: "no such " + kind, Now: d.SHA256}
	case old[at].Name != d.Name:
		return &Difference{Kind: kind, Name: old[at].Name, Recorded: old[at].SHA256, Now: "another " + kind + ", " + d.Name}
	case old[at].SHA256 != d.SHA256:
		return &Difference{Kind: kind, Name: d.Name, Recorded: old[at].SHA256, Now: d.SHA256}
	}
	return nil
}

// Counts returns how many steps and outputs have been taken.
func (r *Recorder) Counts() (steps, outputs int) { return len(r.now.Steps), len(r.now.Outputs) }

// Finish ends the run. A new manifest is m with what was recorded. In a
// comparison it returns a *Difference where the old run had an input, a step or
// an output that this one lacks.
func (r *Recorder) Finish(m Manifest) (*Manifest, error) {
	if err := r.endFold(); err != nil {
		return nil, err
	}
	if r.old != nil {
		for _, l := range []struct {
			kind     string
			now, old int
			name     func(i int) string
		}{
			{"input", len(r.now.Inputs), len(r.old.Inputs), func(i int) string { return r.old.Inputs[i].Path }},
			{"step", len(r.now.Steps), len(r.old.Steps), func(i int) string { return r.old.Steps[i].Name }},
			{"output", len(r.now.Outputs), len(r.old.Outputs), func(i int) string { return r.old.Outputs[i].Name }},
		} {
			if l.now < l.old {
				return nil, &Difference{Kind: l.kind, Name: l.name(l.now), Recorded: "there", Now: "missing"}
			}
		}
	}
	m.Format = Format
	m.Inputs, m.Steps, m.Outputs = r.now.Inputs, r.now.Steps, r.now.Outputs
	for _, empty := range []*[]Digest{&m.Steps, &m.Outputs} {
		if *empty == nil {
			*empty = []Digest{}
		}
	}
	if m.Inputs == nil {
		m.Inputs = []Input{}
	}
	if r.old == nil {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	return &m, nil
}
