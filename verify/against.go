package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"samebits/backend"
	"samebits/backend/exact"
)

// Source says which record a run was compared with.
type Source struct {
	Device  Machine `json:"device"` // that computed what it holds
	Program string  `json:"program"`
	Date    string  `json:"date"`
	Cases   int     `json:"cases"`
}

// Against computes the cases of a record on Options.Tested and compares their
// digests, as [Run] does with another device. Each result is judged by the
// oracle as well, and where digests differ Options.Referee says which machine
// is wrong. Suite and Seed are the record's; Options.Only and Options.Op leave
// some of its cases; relations and samplers are not part of it. What its machine
// skipped is skipped. Errors wrap
// backend.ErrArgument where the two cannot be compared bit by bit: another
// contract or mac, a device on either side that promises no bits, cases that
// this program lacks, makes otherwise, or misses in the record.
func Against(ctx context.Context, o Options, rec *Record) (*Report, error) {
	if o.Tested == nil || rec == nil {
		return nil, fmt.Errorf("verify: a device and a record are needed: %w", backend.ErrArgument)
	}
	o.Against, o.Suite, o.Seed = nil, rec.Suite, rec.Seed
	if err := rec.comparable(o.Tested); err != nil {
		return nil, fmt.Errorf("%w: %w", err, backend.ErrArgument)
	}
	cases, err := rec.cases(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, backend.ErrArgument)
	}
	from := rec.Environment
	r := newReport(o, o.Tested.Info().Name, recordName(rec), len(cases))
	r.Record = &Source{Device: from.Tested, Program: from.Program, Date: from.Date, Cases: len(rec.Cases)}
	want := map[string]Recorded{}
	for _, c := range rec.Cases {
		want[c.Case] = c
	}
	err = r.eachCase(ctx, o, cases, func(c Case) (*examination, error) {
		recorded, ok := want[c.Name]
		if !ok {
			return &examination{skipped: "the record's machine skipped it"}, nil
		}
		return o.examineRecorded(ctx, c, recorded, r.Against)
	})
	if errors.Is(err, errOtherData) {
		err = o.otherData(ctx, cases, want)
	}
	if err != nil {
		return nil, err
	}
	r.finish(o)
	return r, nil
}

func recordName(rec *Record) string {
	return fmt.Sprintf("record of %s (%s)", rec.Environment.Tested.Name, rec.Environment.Tested.Renderer)
}

// comparable says why no result of the device can have the record's bits.
func (rec *Record) comparable(tested *backend.Device) error {
	in, p := tested.Info(), tested.Profile()
	switch {
	case rec.Contract != exact.ContractVersion:
		return fmt.Errorf("the record follows contract %d, this program %d", rec.Contract, exact.ContractVersion)
	case rec.Profile.Mode != backend.ExactMode:
		return fmt.Errorf("the record is of %s, which promises bounds and no bits: nothing can be compared with it bit by bit", rec.Environment.Tested.Name)
	case p.Mode != backend.ExactMode:
		return fmt.Errorf("%s promises bounds and no bits, so a record proves nothing about it", in.Name)
	case rec.Profile.Mac != p.Mac:
		return fmt.Errorf("the record follows %v and %s %v: give --profile %v", rec.Profile.Mac, in.Name, p.Mac, rec.Profile.Mac)
	}
	return nil
}

// Holds says whether a case is in the record.
func (rec *Record) Holds(name string) bool {
	return slices.ContainsFunc(rec.Cases, func(c Recorded) bool { return c.Case == name })
}

// cases returns those of the record's cases, skipped ones among them, that the
// options choose. It refuses a record whose cases are not all those that its
// suite, operation and case select here.
func (rec *Record) cases(o Options) ([]Case, error) {
	list, err := Options{Suite: rec.Suite, Op: rec.Op, Only: rec.Only}.cases()
	if err != nil {
		return nil, fmt.Errorf("the record: %w", err)
	}
	held := make(map[string]bool, len(rec.Cases))
	for _, c := range rec.Cases {
		held[c.Case] = true
	}
	for _, name := range rec.Skipped {
		held[name] = true
	}
	var missing []string
	var chosen []Case
	for _, c := range list {
		if !held[c.Name] {
			missing = append(missing, c.Name)
			continue
		}
		delete(held, c.Name)
		switch {
		case o.Op != "" && c.Op != o.Op:
		case o.Only != "" && c.Name != o.Only && !strings.HasPrefix(c.Name, strings.TrimSuffix(o.Only, "/")+"/"):
		default:
			chosen = append(chosen, c)
		}
	}
	var wrong []string
	if unknown := slices.Sorted(maps.Keys(held)); len(unknown) > 0 {
		wrong = append(wrong, fmt.Sprintf("the record has %s unknown to this program's %s: %s", plural(len(unknown), "case"), rec.selection(), firstOf(unknown)))
	}
	if len(missing) > 0 {
		wrong = append(wrong, fmt.Sprintf("the record lacks %d of the %s of this program's %s: %s", len(missing), plural(len(list), "case"), rec.selection(), firstOf(missing)))
	}
	if len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "; "))
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("the record has no such case: %s%s", o.Op, o.Only)
	}
	return chosen, nil
}

// selection says what chose the record's cases.
func (rec *Record) selection() string {
	switch {
	case rec.Only != "":
		return "cases " + rec.Only
	case rec.Op != "":
		return fmt.Sprintf("suite %s of %s", rec.Suite, rec.Op)
	}
	return "suite " + string(rec.Suite)
}

// errOtherData says that the data of a case are not those of the record.
var errOtherData = errors.New("other data than in the record")

// otherData names the cases whose data are not those of the record.
func (o Options) otherData(ctx context.Context, cases []Case, want map[string]Recorded) error {
	var other []string
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		if recorded, ok := want[c.Name]; ok && c.trial(o.Seed).inputDigest() != recorded.Inputs {
			other = append(other, c.Name)
		}
	}
	return fmt.Errorf("the data of %d of %s are not those of the record, which is damaged or of another version of the cases: %s: %w",
		len(other), plural(len(cases), "case"), firstOf(other), backend.ErrArgument)
}

// examineRecorded runs a case on the device under test and judges it by the
// oracle and by its recorded digest.
func (o Options) examineRecorded(ctx context.Context, c Case, want Recorded, recorded string) (*examination, error) {
	x := &examination{trial: c.trial(o.Seed)}
	if x.trial.inputDigest() != want.Inputs {
		return nil, errOtherData
	}
	on := func(dev *backend.Device, name string) side {
		s := side{name: name}
		s.out, s.spoiled, s.err = x.trial.run(ctx, dev)
		return s
	}
	start := time.Now()
	x.tested = on(o.Tested, o.Tested.Info().Name)
	x.seconds = time.Since(start).Seconds()
	switch err := x.tested.err; {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case lost(err):
		return nil, err
	case errors.Is(err, backend.ErrNotSupported) && !errors.Is(err, backend.ErrInternal):
		x.skipped = err.Error()
		return x, nil
	}
	x.bitIdentical, x.withinBound = true, true
	fail := func(f Failure) {
		if x.failure == nil {
			f.Case, f.Op, f.Seed = c.Name, c.Op, o.Seed
			if o.Repeat != nil {
				f.Repeat = o.Repeat(c.Name, o.Seed)
			}
			x.failure = &f
		}
	}
	if err := x.tested.err; err != nil {
		x.bitIdentical, x.withinBound = false, false
		fail(Failure{Kind: "error", Side: x.tested.name, Message: err.Error()})
		return x, nil
	}
	// The first output outside its bound, if any.
	var wrong *array
	var at int
	for _, a := range x.trial.written() {
		oracle := x.trial.oracle[a.name]
		if oracle == nil {
			x.withinBound = false
			fail(Failure{Kind: "error", Side: "verifier", Message: "output " + a.name + " has no oracle"})
			continue
		}
		j := judge(a, oracle, x.tested.out, x.trial.verbatim)
		x.elements += len(x.tested.out[a.name])
		x.boundary += j.boundary
		x.alarms += j.alarms
		x.worst = worse(x.worst, j.worst)
		x.errors.merge(j.errors)
		if j.wrong >= 0 && wrong == nil {
			wrong, at = a, j.wrong
		}
	}
	x.withinBound = x.withinBound && wrong == nil
	x.bitIdentical = x.elements == want.Elements && x.trial.outputDigest(x.tested.out) == want.Outputs
	if wrong != nil || !x.bitIdentical {
		if o.Referee != nil {
			x.against = on(o.Referee, plainStatements)
		}
		fail(x.against.explain(x, want, recorded, wrong, at))
	}
	if x.tested.spoiled != "" {
		fail(Failure{Kind: "memory", Side: x.tested.name, Message: x.tested.spoiled})
	}
	return x, ctx.Err()
}

// explain says whether this machine or the record is wrong. referee holds what
// the plain statements give here, or nothing.
func (referee side) explain(x *examination, want Recorded, recorded string, wrong *array, at int) Failure {
	f := Failure{Kind: "bits", FirstDifference: -1, Side: x.tested.name}
	known := referee.err == nil && referee.out != nil
	show := wrong
	if known {
		// The first element that the plain statements give otherwise.
		for _, a := range x.trial.written() {
			if i := firstDifference(x.tested.out[a.name], referee.out[a.name]); i >= 0 && (wrong == nil || a == wrong) {
				show, at, f.FirstDifference = a, i, i
				break
			}
		}
	}
	refereeDigest := ""
	if known {
		refereeDigest = x.trial.outputDigest(referee.out)
	}
	verdict := ""
	switch same := known && show == nil; {
	case wrong != nil:
		f.Kind = "bound"
		verdict = "this machine is outside the oracle's bound"
		if x.bitIdentical {
			verdict += ", with the record's bits"
			f.Side += " and " + recorded
		}
	case same:
		f.Side = recorded
		verdict = "this machine has the bits of the plain statements here: the record differs"
	case !known:
		f.Side = "one of the two (this machine is within the oracle's bound)"
		verdict = "this machine is within the oracle's bound, and nothing says which of the two is right"
	case refereeDigest == want.Outputs:
		verdict = "the plain statements give the record's bits on this machine too: the device is wrong"
	default:
		f.Side += " and " + recorded
		verdict = "the plain statements give a third result on this machine"
	}
	if show != nil {
		out := x.tested.out[show.name]
		f.Output = show.name
		f.Element = at / width(show.dtype)
		if n := show.rows * show.cols; n > 0 {
			f.Batch, f.Row, f.Column = f.Element/n, f.Element/show.cols%show.rows, f.Element%show.cols
		}
		if at < len(out) {
			f.Tested = valueOf(show.dtype, out[at])
			op := x.trial.oracle[show.name](x.tested.out, at)
			f.Oracle = Oracle{Value: Number(op.want), Bound: Number(op.bound)}
		}
		if known && at < len(referee.out[show.name]) {
			f.Against = valueOf(show.dtype, referee.out[show.name][at])
		}
		verdict = fmt.Sprintf("%s[%d,%d,%d]: %s has %v, the oracle %v ± %.3g: %s", show.name, f.Batch, f.Row, f.Column,
			x.tested.name, f.Tested, float64(f.Oracle.Value), float64(f.Oracle.Bound), verdict)
	}
	f.Message = verdict
	if !x.bitIdentical {
		f.Message += fmt.Sprintf("; outputs %s here, %s recorded", shortDigest(x.trial.outputDigest(x.tested.out)), shortDigest(want.Outputs))
	}
	return f
}

func shortDigest(s string) string { return s[:min(16, len(s))] }
