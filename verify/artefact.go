package verify

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"samebits/backend"
)

// Artefact is all that an engineer needs of one failed case: its data, what
// both sides made of them, what the oracle says, and where the errors are.
type Artefact struct {
	Failure     Failure
	Environment Environment
	// TestedName and AgainstName name the two sides.
	TestedName, AgainstName string
	// ShaderHash is backend.Device.ShaderHash of the device under test.
	ShaderHash string
	Inputs     []Data
	Tested     []Data // outputs; empty where a side gave none
	Against    []Data
	Expected   []Expected
	Maps       []Map // of the outputs that can be judged
	// Shrunk is the smallest case that fails, nil where none was sought.
	Shrunk *Shrunk

	elements int // of the outputs
}

// newArtefact collects the data of a failed case.
func newArtefact(o Options, c Case, x *examination) *Artefact {
	a := &Artefact{Failure: *x.failure, Environment: o.Environment(), TestedName: x.tested.name, AgainstName: x.against.name,
		ShaderHash: o.Tested.ShaderHash(c.Op), elements: x.elements}
	s := (&shrinker{best: c, found: x}).result()
	a.Inputs, a.Tested, a.Against, a.Expected = s.Inputs, s.Tested, s.Against, s.Expected
	for _, out := range x.trial.written() {
		if m, ok := mapOf(out, x.trial, x.tested, x.against); ok {
			a.Maps = append(a.Maps, m)
		}
	}
	return a
}

// ShrinkArtefacts makes the kept failures small; see [Shrink]. One that does not
// fail again, as a race may, keeps its data as they are. o is what the run had;
// where it compared with a record, the other side is now its Referee. Errors
// are those after which no device can go on.
func (r *Report) ShrinkArtefacts(ctx context.Context, o Options) error {
	if o.Against == nil {
		o.Against = o.Referee
	}
	if o.Against == nil {
		return nil
	}
	for _, a := range r.Artefacts {
		s, err := Shrink(ctx, o, a.Failure.Case, a.Failure.Seed)
		if ctx.Err() != nil || lost(err) {
			return err
		}
		if err != nil {
			continue
		}
		a.Shrunk = s
		a.Failure.Shrunk = s.Case
		if o.Repeat != nil {
			a.Failure.ShrunkRepeat = o.Repeat(s.Case, s.Seed)
		}
		r.update(a.Failure)
	}
	return nil
}

// update replaces the failure of a case.
func (r *Report) update(f Failure) {
	for i := range r.Failures {
		if r.Failures[i].Case == f.Case {
			r.Failures[i] = f
		}
	}
}

// Size of the tile by which heat maps are folded where nothing is said: it
// divides the kernels' tiles, and is a work group's side and the lanes of a
// vector of 512 bits.
const (
	FoldRows = 16
	FoldCols = 16
)

// WriteArtefacts writes a folder for every kept failure into dir, which it
// makes where it is missing, and names it in the failure. foldRows and foldCols
// are the tile of the folded heat maps, from 1. A folder is there whole or not
// at all; those before an error stay. Errors wrap backend.ErrArgument for a
// dir that holds anything, or cannot be made, and for a tile of nothing.
func (r *Report) WriteArtefacts(dir string, foldRows, foldCols int) (err error) {
	if foldRows < 1 || foldCols < 1 {
		return fmt.Errorf("a tile of %d×%d: %w", foldRows, foldCols, backend.ErrArgument)
	}
	if len(r.Artefacts) == 0 {
		return nil
	}
	if err := CheckFolder(dir); err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				os.Remove(dir) // it stays where it holds anything
			}
		}()
	}
	for i, a := range r.Artefacts {
		name := fmt.Sprintf("%02d-%s", i+1, fileName(a.Failure.Case))
		folder, part := filepath.Join(dir, name), filepath.Join(dir, "."+name+".part")
		err := a.write(part, foldRows, foldCols)
		if err == nil {
			err = os.Rename(part, folder)
		}
		if err != nil {
			os.RemoveAll(part)
			return fmt.Errorf("artefacts of %s: %w", a.Failure.Case, err)
		}
		a.Failure.Artefacts = folder
		r.update(a.Failure)
	}
	return nil
}

// fileName makes a case's name fit for a folder.
func fileName(name string) string {
	s := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-=", r) {
			return r
		}
		return '_'
	}, name)
	return s[:min(len(s), 100)]
}

// write writes the folder of one failure.
func (a *Artefact) write(folder string, foldRows, foldCols int) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for _, m := range a.Maps {
		whole, err := m.PNG()
		if err != nil {
			return err
		}
		folded, err := m.Folded(foldRows, foldCols)
		if err != nil {
			return err
		}
		if err := writeBytes(filepath.Join(folder, "heatmap_"+fileName(m.Output)+".png"), whole); err != nil {
			return err
		}
		if err := writeBytes(filepath.Join(folder, "folded_"+fileName(m.Output)+".png"), folded); err != nil {
			return err
		}
	}
	if err := writeData(folder, a.Inputs, a.Tested, a.Against, a.Expected); err != nil {
		return err
	}
	if s := a.Shrunk; s != nil {
		small := filepath.Join(folder, "shrunk")
		if err := os.MkdirAll(small, 0o777); err != nil {
			return err
		}
		if err := writeData(small, s.Inputs, s.Tested, s.Against, s.Expected); err != nil {
			return err
		}
	}
	return writeBytes(filepath.Join(folder, "README.txt"), []byte(a.readme(foldRows, foldCols)))
}

// writeData writes the tensors of a case.
func writeData(folder string, inputs, tested, against []Data, expected []Expected) error {
	shapes := map[string]Data{}
	for _, group := range []struct {
		prefix string
		data   []Data
	}{{"input_", inputs}, {"tested_", tested}, {"against_", against}} {
		for _, d := range group.data {
			if group.prefix != "input_" {
				shapes[d.Name] = d
			}
			err := createFile(filepath.Join(folder, group.prefix+fileName(d.Name)+".npy"), func(w io.Writer) error { return writeNpy(w, d) })
			if err != nil {
				return err
			}
		}
	}
	for _, e := range expected {
		for prefix, x := range map[string][]float64{"oracle_": e.Value, "bound_": e.Bounds} {
			err := createFile(filepath.Join(folder, prefix+fileName(e.Name)+".npy"), func(w io.Writer) error {
				return writeNpyFloats(w, shapes[e.Name], x)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func writeBytes(path string, b []byte) error {
	return createFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// readme says what the folder holds.
func (a *Artefact) readme(foldRows, foldCols int) string {
	var b strings.Builder
	f, e := a.Failure, a.Environment
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", what, value)
		}
	}
	line("case", f.Case)
	line("seed", fmt.Sprint(f.Seed))
	line("kind", f.Kind)
	line("wrong", f.Side)
	line("message", f.Message)
	line("repeat", f.Repeat)
	if s := a.Shrunk; s != nil {
		b.WriteString("\n")
		line("shrunk to", s.Case)
		line("seed", fmt.Sprint(s.Seed))
		line("found in", fmt.Sprintf("%d runs, %d steps", s.Runs, s.Steps))
		line("message", s.Failure.Message)
		line("repeat", f.ShrunkRepeat)
	}
	b.WriteString("\n")
	line("device", fmt.Sprintf("%s (%s)", e.Tested.Name, e.Tested.Renderer))
	line("driver", e.Tested.Driver)
	line("shaders", a.ShaderHash)
	line("profile", e.Tested.Profile.String())
	line("against", a.AgainstName)
	line("contract", fmt.Sprint(e.Contract))
	line("program", strings.TrimSpace(e.Program+" "+e.Revision))
	line("built with", e.Go+" "+e.Platform)
	line("processor", e.Processor)
	line("date", e.Date)
	fmt.Fprintf(&b, `
input_*.npy    what the operation was given, shape (batch, rows, columns)
tested_*.npy   what %s made of it
against_*.npy  what the other side made of it, where it has outputs
oracle_*.npy   the right values in float64; those of complex numbers along a fourth axis
bound_*.npy    how far from them a right result may lie
heatmap_*.png  errors, matrices of a batch below one another: blue inside the bound, the darker the nearer to it;
               amber where the sides differ within it; red outside it, the darker the worse
folded_*.png   the same folded by a tile of %d×%d elements: the share of differing or wrong elements at each place
shrunk/        the same files of the smallest case that fails, where one was found
`, a.TestedName, foldRows, foldCols)
	return b.String()
}
