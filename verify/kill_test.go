package verify

import (
	"context"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
	_ "samebits/cpu"
	"samebits/verify/internal/broken"
)

// meantFor is the check that must kill each mutant of the processor and of the
// verifier, whatever else does; the rest are for bits.
var meantFor = map[string]string{
	"matmul-writes-past-end": byMemory, "matmul-input-overwritten": byMemory,
	"fill-rows-share-numbers": bySamplers, "fill-philox-round-missing": bySamplers,
	"categorical-draws-share-numbers": bySamplers, "matmul-batch-stale": byRelations, "matmul-k-tail-dropped": byOracle,
}

func TestEveryMutantIsKilledByItsCheck(t *testing.T) {
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		r, err := Kill(context.Background(), KillOptions{Drivers: []string{"cpu"}, Config: backend.Config{Profile: p}, Seed: 1, CleanRuns: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Err(); err != nil {
			t.Error(err, r.Alarms)
		}
		if r.Mutants < 35 || r.Killed != r.Mutants || len(r.Matrix) != r.Mutants {
			t.Errorf("%d of %d mutants killed in %d rows", r.Killed, r.Mutants, len(r.Matrix))
		}
		for _, m := range r.Matrix {
			want := meantFor[m.Mutant]
			switch {
			case m.Target == verifier && strings.HasPrefix(m.Mutant, "gradcheck-"):
				want = byGradients
			case m.Target == verifier && want == "" && !slices.Contains(m.KilledBy, byGradients):
				want = bySelf
			case want == "" && m.Target != verifier:
				want = byBits
			}
			if want != "" && !slices.Contains(m.KilledBy, want) {
				t.Errorf("%s: %s is killed by %v, want %s", p, m.Mutant, m.KilledBy, want)
			}
		}
	}
}

// A mutant that does nothing survives, and the report says so.
func TestAHarmlessMutantSurvives(t *testing.T) {
	ctx := context.Background()
	k := &killing{ctx: ctx, o: KillOptions{Drivers: []string{"cpu"}, Seed: 1}, clean: map[string]*backend.Device{}}
	defer k.close()
	if err := k.open(); err != nil {
		t.Fatal(err)
	}
	dev, err := k.device("cpu", "")
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	// An error of another operation, so that gather cannot show it.
	m := mutant{"cpu", backend.Fault{Name: "matmul-k-tail-dropped", Ops: []string{"gather"}}}
	f := newFindings()
	if err := k.mutants.attack(ctx, dev, k.clean["cpu"], m, f); err != nil {
		t.Fatal(err)
	}
	r := &KillReport{Mutants: 1, CleanRuns: 1, CleanCases: 1}
	r.add(m, f)
	if err := r.Err(); err == nil || !slices.Equal(r.Survivors, []string{"cpu/matmul-k-tail-dropped"}) || !slices.Contains(r.Matrix[0].Passed, byBits) {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestFalseAlarmsFail(t *testing.T) {
	r := &KillReport{Mutants: 1, Killed: 1, CleanRuns: 1, CleanCases: 1}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	f := newFindings()
	f.found(byOracle, "something")
	r.accuse("seed 1", f)
	if err := r.Err(); err == nil || r.FalseAlarms != 1 {
		t.Errorf("%v, %d", err, r.FalseAlarms)
	}
	for _, bad := range []*KillReport{{}, {Mutants: 2, Killed: 1, CleanRuns: 1, CleanCases: 1}, {Mutants: 1, Killed: 1}} {
		if bad.Err() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

func TestSelfCheckKillsItsMutants(t *testing.T) {
	if err := SelfCheck(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range broken.Mutants() {
		if !strings.HasPrefix(m.Where, verifier) {
			continue
		}
		restore := broken.Set(m.Name)
		if SelfCheck() == nil {
			t.Errorf("%s passes", m.Name)
		}
		restore()
		n++
	}
	if n < 10 {
		t.Errorf("only %d mutants", n)
	}
}
