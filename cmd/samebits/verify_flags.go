package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"samebits/verify"
)

// notWithFaults says why flags do not go with --faults.
var notWithFaults = []struct{ flag, why string }{
	{"fault", "it plants every error already"},
	{"suite", "it chooses its own cases"}, {"case", "it chooses its own cases"}, {"op", "it chooses its own cases"},
	{"record", "kernels with a planted error leave nothing to record"},
	{"against", "it compares with the plain statements on this machine"},
	{"artefacts", "its failures are planted, so it keeps no data of them; --fault NAME does"},
	{"fold", "it draws no heat maps"},
	{"max-skipped", "it has no budget of skips: every planted error must be found"},
}

// checkVerifyFlags refuses values that cannot be meant, flags that do not go
// together, and files and folders that cannot be written or would overwrite each
// other, before anything runs.
func (a *app) checkVerifyFlags(fl verifyFlags, given func(flag string) bool) error {
	if fl.faults {
		for _, f := range notWithFaults {
			if given(f.flag) {
				return usagef("--faults and --%s: %s; leave out --%s", f.flag, f.why, f.flag)
			}
		}
	}
	for _, f := range []struct{ name, value string }{{"suite", fl.suite}, {"case", fl.caseIn}, {"op", fl.op}, {"fault", fl.fault}, {"record", fl.record},
		{"against", fl.against}, {"junit", fl.junit}, {"html", fl.html}, {"artefacts", fl.artefacts}, {"fold", fl.fold}, {"max-skipped", fl.maxSkipped}} {
		if f.value == "" && given(f.name) {
			return usagef("--%s: the value is empty", f.name)
		}
	}
	switch {
	case a.manifest != "" && (fl.faults || fl.fault != "" || fl.against != ""):
		return usagef("--manifest records a run of the suite itself: no --fault, --faults or --against with it")
	case given("case") && given("suite"):
		return usagef("--case and --suite: --case searches the cases of every suite; give one of them")
	case fl.caseIn != "" && fl.op != "":
		return usagef("--case and --op: give one of them")
	case fl.record != "" && fl.against != "":
		return usagef("--record and --against: give one of them")
	}
	return a.checkVerifyFiles(fl)
}

// checkVerifyFiles checks the files and the folder of a run.
func (a *app) checkVerifyFiles(fl verifyFlags) error {
	if err := a.notTheManifest(fl.record, fl.junit, fl.html, fl.artefacts); err != nil {
		return err
	}
	files := []struct {
		flag, path string
		check      func(path string) error
	}{{"against", fl.against, nil}, {"record", fl.record, verify.CheckOutput}, {"html", fl.html, verify.CheckOutput},
		{"junit", fl.junit, verify.CheckOutput}, {"artefacts", fl.artefacts, verify.CheckFolder}}
	for i, f := range files {
		if f.path == "" {
			continue
		}
		if f.path == "-" {
			return usagef("--%s takes a name, not standard input or output", f.flag)
		}
		for _, before := range files[:i] {
			if before.path != "" && sameFile(before.path, f.path) {
				return usagef("--%s and --%s both name %s: one would overwrite the other", before.flag, f.flag, f.path)
			}
		}
	}
	for _, f := range files {
		if f.path == "" || f.check == nil {
			continue
		}
		if err := f.check(f.path); err != nil {
			return usagef("--%s %s", f.flag, oneLine(err.Error()))
		}
	}
	return nil
}

// sameFile says whether two names are of one file, which need not be there yet.
func sameFile(p, q string) bool {
	whole := func(path string) string {
		path = samePath(path)
		return filepath.Join(samePath(filepath.Dir(path)), filepath.Base(path))
	}
	if whole(p) == whole(q) {
		return true
	}
	a, errA := os.Stat(p)
	b, errB := os.Stat(q)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// nearest returns up to three of the names that are most like one that is
// unknown: those that share most of its words, or else take few edits to become
// it.
func nearest(name string, names []string) []string {
	const most = 3
	type likeness struct {
		name          string
		shared, edits int
	}
	var like []likeness
	words := strings.Split(name, "-")
	for _, n := range names {
		l := likeness{n, 0, edits(name, n)}
		for _, w := range strings.Split(n, "-") {
			if slices.Contains(words, w) {
				l.shared++
			}
		}
		if l.shared > 0 || l.edits <= max(2, len(name)/3) {
			like = append(like, l)
		}
	}
	slices.SortStableFunc(like, func(a, b likeness) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.edits, b.edits))
	})
	var best []string
	for _, l := range like[:min(most, len(like))] {
		best = append(best, l.name)
	}
	return best
}

// edits is the Levenshtein distance of two names, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
