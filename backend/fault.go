package backend

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Fault describes an error that a driver can plant into its own kernels
// (Config.Fault), so that a verifier can prove that it would find it.
type Fault struct {
	Name string `json:"name"` // the operation, or family, first: matmul-k-tail-dropped
	// Ops are the operations whose results it can change.
	Ops []string `json:"ops"`
	// About says in one line what goes wrong.
	About string `json:"about"`
	// Silent says that results need not show it, as a missing barrier that
	// this device happens not to need; a check of the source must.
	Silent bool `json:"silent"`
}

var faults struct {
	sync.Mutex
	of      map[string][]Fault
	sources map[string]func(fault string) (map[string]string, error)
}

// RegisterFaults makes the planted errors of a driver known. It panics on a
// fault without operations, an unknown operation or a name given twice:
// mistakes of the driver's author.
func RegisterFaults(driver string, list ...Fault) {
	faults.Lock()
	defer faults.Unlock()
	if faults.of == nil {
		faults.of = map[string][]Fault{}
	}
	for _, f := range list {
		if len(f.Ops) == 0 || slices.ContainsFunc(f.Ops, func(op string) bool { return !slices.Contains(OpNames(), op) }) {
			panic(fmt.Sprintf("backend: fault %q of %s: operations %q", f.Name, driver, f.Ops))
		}
		if slices.ContainsFunc(faults.of[driver], func(g Fault) bool { return g.Name == f.Name }) {
			panic(fmt.Sprintf("backend: fault %q of %s is registered twice", f.Name, driver))
		}
		faults.of[driver] = append(faults.of[driver], f)
	}
}

// Faults returns the planted errors that a driver knows, by name.
func Faults(driver string) []Fault {
	faults.Lock()
	defer faults.Unlock()
	return slices.SortedFunc(slices.Values(faults.of[driver]), func(a, b Fault) int { return strings.Compare(a.Name, b.Name) })
}

// Sources returns a driver's kernels as its compiler gets them, by name; with
// an error planted, those that it changes. It has none where a driver
// registered none.
func Sources(driver, fault string) (map[string]string, error) {
	faults.Lock()
	f := faults.sources[driver]
	faults.Unlock()
	if f == nil {
		return nil, nil
	}
	return f(fault)
}

// RegisterSources says where [Sources] finds the text of a driver's kernels.
// It needs no device.
func RegisterSources(driver string, sources func(fault string) (map[string]string, error)) {
	faults.Lock()
	defer faults.Unlock()
	if faults.sources == nil {
		faults.sources = map[string]func(string) (map[string]string, error){}
	}
	faults.sources[driver] = sources
}
