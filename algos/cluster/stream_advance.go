package cluster

import (
	"context"
	"fmt"
	"math"
	"slices"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/backend/exact"
)

// scaleUnknown says that the pass has to find the scale of its sums.
func (st *State) scaleUnknown() bool { return st.Stage == StageSpread || st.Stage == StageCost }

// Advance takes the part of all shards, from Merge, and sets the state to the
// next pass. Seeding uses the device for some rows; every other stage is
// integers on the host. After an error the state is as it was.
func (st *State) Advance(ctx context.Context, dev *backend.Device, all *Part) error {
	if err := st.checkPart(all); err != nil {
		return err
	}
	next := *st
	if st.Stage == StageScan {
		next.Digests = all.digests
	}
	if err := next.advance(ctx, dev, all); err != nil {
		return err
	}
	*st = next
	return nil
}

// checkPart says whether a part holds what the state's pass gives.
func (st *State) checkPart(all *Part) error {
	run, err := st.Digest()
	if err != nil {
		return err
	}
	if all.Shard >= 0 && st.Shards > 1 || all.run != run {
		return fmt.Errorf("the part is of another run or another pass: %w", ErrForeign)
	}
	return all.checkShape()
}

func (st *State) advance(ctx context.Context, dev *backend.Device, all *Part) error {
	switch st.Stage {
	case StageScan:
		return st.scanned(all.Max)
	case StageMeans:
		if slices.Contains(all.Sums[0].NotFinite, true) {
			return fmt.Errorf("the data holds a value that is not finite: %w", ErrInput)
		}
		st.Shift, st.Stage = exact.ColumnMeans(all.Sums[0]), StageSpread
		if !(st.Tol > 0) {
			st.beginStart()
		}
	case StageSpread:
		if sum := st.summed(all); sum != nil {
			st.Spread = sum.Total64(0)
			st.beginStart()
		}
	case StageRows:
		return st.rowsAreDrawn(ctx, dev, all.Picks[0].Values)
	case StageCost:
		if sum := st.summed(all); sum != nil {
			st.costIsKnown(sum.Total64(0))
		}
	case StageOversample:
		st.oversampled(all.Picks[0])
	case StageWeigh:
		return st.weighed(ctx, dev, all.Sums[0].Count)
	case StageDraw:
		st.Trials = nil
		for _, p := range all.Picks {
			st.Trials = append(st.Trials, p.Values...)
		}
		st.Stage = StagePotential
	case StagePotential:
		if st.Exponents == nil {
			st.Exponents = scalesOf(all.Max)
		} else {
			st.trialsAreKnown(all.Max, all.Sums[0])
		}
	case StageStep:
		if slices.Contains(all.Sums[0].Count, 0) {
			st.Pending, st.Stage = newSums(all.Sums[0]), StageFar
			return nil
		}
		return st.moved(all.Sums[0], false)
	case StageFar:
		sums, moved := st.relocated(all.Picks[0])
		st.Pending = nil
		return st.moved(sums, moved)
	case StageExtent:
		st.Means, st.Farthest = means(all.Sums[0], st.Centers), all.Max[0]
		st.Evaluations += int64(st.Iteration)
		if !st.Current {
			st.Evaluations++
		}
		if st.NInit == 1 {
			st.keep(math.MaxFloat64)
			st.Stage = StageScore
		} else {
			st.Stage = StageValue
		}
	case StageValue:
		st.keep(all.Sums[0].Total64(0))
		if st.Start++; st.Start < st.NInit {
			st.beginStart()
			return nil
		}
		b := st.Best
		st.Start, st.Iteration, st.Converged = b.Start, b.Iterations, b.Converged
		st.Centers, st.Means, st.Farthest = b.Centers, b.Means, b.Farthest
		st.Stage = StageScore
	case StageScore:
		st.Squares = newSums(all.Sums[0])
		if len(all.Labels) == st.N {
			st.LabelsSHA256 = dataset.SHA256Int32(all.Labels)
		}
		st.Best.WCSS = all.Sums[0].Total64(0)
		st.SED = all.Sums[1].Total64(0)
		st.SEDToMeans, st.Stage = st.SED, StageDone
		if len(all.Max) > 0 {
			st.Farthest, st.Stage = all.Max[0], StageAround
		}
	case StageAround:
		st.Around, st.SEDToMeans = newSums(all.Sums[0]), all.Sums[1].Total64(0)
		st.Stage = StageDone
	default:
		return fmt.Errorf("no pass follows stage %q", st.Stage)
	}
	return nil
}

// scanned takes the largest magnitudes of the columns.
func (st *State) scanned(reach []float32) error {
	cfg := st.config()
	if st.Given != nil {
		g := packedGeneral(st.K, st.D, st.Given)
		cfg.Centers = &g
	}
	scales, err := scalesFor(reach, cfg)
	if err != nil {
		return err
	}
	st.Reach, st.Scales, st.Stage = reach, scales, StageMeans
	return nil
}

// summed returns the total of a pass that has to find its scale, or nil and the
// scale in Exponents, with which the pass is repeated.
func (st *State) summed(all *Part) *exact.ScatterSums {
	scale := scalesOf(all.Max[:1])
	if st.Exponents == nil || st.Exponents[0] != scale[0] {
		st.Exponents = scale
		return nil
	}
	st.Exponents = nil
	return all.Sums[0]
}

// moved ends an iteration.
func (st *State) moved(sums *exact.ScatterSums, relocated bool) error {
	for i, bad := range sums.NotFinite {
		if bad {
			return fmt.Errorf("column %d has changed since the first pass: %w", i%st.D+1, ErrForeign)
		}
	}
	next := means(sums, st.Centers)
	shift, same := movement(st.Centers, next)
	tol := st.Tol
	if tol > 0 {
		tol = tol * st.Spread / (float64(st.N) * float64(st.D))
	}
	st.Centers = next
	st.Current = same && !relocated
	st.Iteration++
	st.Converged = same || shift <= tol
	st.Stage = StageStep
	if st.Converged || st.Iteration == st.MaxIter {
		st.Stage = StageExtent
	}
	return nil
}

// empty is the number of labels without rows.
func (s *sums) empty() int {
	n := 0
	for _, c := range s.Count {
		if c == 0 {
			n++
		}
	}
	return n
}

// relocated is fit.relocate on the sums alone: a row leaves one sum and enters
// another, as integers.
func (st *State) relocated(far *picks) (*exact.ScatterSums, bool) {
	s := st.Pending.scatter()
	var empty []int
	for c, n := range s.Count {
		if n == 0 {
			empty = append(empty, c)
		}
	}
	count := slices.Clone(s.Count) // without the rows that clusters are given
	moved := false
	for i := 0; i < len(far.Row) && len(empty) > 0; i++ {
		from := int(far.Label[i])
		if !(far.Key[i] < 0) || count[from] < 2 {
			continue
		}
		count[from]--
		s.Count[from]--
		to := empty[0]
		s.Count[to]++
		for j, x := range far.Values[i*st.D : (i+1)*st.D] {
			hi, lo, _ := exact.ScatterSplit(x, s.Exponent[j])
			s.Hi[from*st.D+j] -= int64(hi)
			s.Lo[from*st.D+j] -= int64(lo)
			s.Hi[to*st.D+j] += int64(hi)
			s.Lo[to*st.D+j] += int64(lo)
		}
		empty = empty[1:]
		moved = true
	}
	return s, moved
}

// keep keeps the start if it is the best so far.
func (st *State) keep(wcss float64) {
	if st.Best == nil || wcss < st.Best.WCSS {
		st.Best = &best{Start: st.Start, Iterations: st.Iteration, Converged: st.Converged, WCSS: wcss,
			Centers: st.Centers, Means: st.Means, Farthest: st.Farthest}
	}
}
