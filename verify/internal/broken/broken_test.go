package broken

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

func TestSetAndRestore(t *testing.T) {
	a, b := mutants[0].Name, mutants[1].Name
	first, second := Set(a), Set(a)
	if !Is(a) || Is(b) {
		t.Errorf("%s on: Is(%s) = %v, Is(%s) = %v", a, a, Is(a), b, Is(b))
	}
	first()
	first()
	if !Is(a) {
		t.Error("a restore that is called twice undoes another Set")
	}
	second()
	if Is(a) || active.Load() != 0 {
		t.Errorf("after both: Is = %v, active = %d", Is(a), active.Load())
	}
	defer func() {
		if recover() == nil {
			t.Error("a name that is not listed is accepted")
		}
	}()
	Set("no-such-mutant")
}

func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for _, m := range mutants {
		wg.Go(func() {
			for range 100 {
				restore := Set(m.Name)
				if !Is(m.Name) {
					t.Errorf("%s is off between Set and restore", m.Name)
				}
				restore()
			}
		})
	}
	wg.Wait()
	if active.Load() != 0 {
		t.Errorf("%d mutants are left on", active.Load())
	}
}

// TestEveryMutantIsAskedForAtOnePlace: below verify, outside of tests.
func TestEveryMutantIsAskedForAtOnePlace(t *testing.T) {
	own, err := os.ReadFile("broken.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // constant to mutant
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += "([\w-]+)"$`).FindAllStringSubmatch(string(own), -1) {
		names[m[1]] = m[2]
	}
	if len(names) != len(mutants) {
		t.Fatalf("%d constants for %d mutants", len(names), len(mutants))
	}
	used := map[string]int{}
	ask := regexp.MustCompile(`broken\.Is\(broken\.(\w+)\)`)
	err = filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range ask.FindAllStringSubmatch(string(text), -1) {
			used[names[m[1]]]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		if used[m.Name] != 1 {
			t.Errorf("%s is asked for at %d places, want 1", m.Name, used[m.Name])
		}
	}
}
