package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samebits/backend"
)

func TestVerifyFaults(t *testing.T) {
	junit := filepath.Join(t.TempDir(), "r.xml")
	code, out, errOut := sh("verify", "--faults", "--backend", "cpu", "--json", "--quiet", "--junit", junit)
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	var r struct {
		Passed          bool
		Verdict         string
		Mutants, Killed int
		Survivors       []string
		FalseAlarms     int      `json:"false_alarms"`
		CleanRuns       int      `json:"clean_runs"`
		LeftOut         []string `json:"left_out"`
		Matrix          []struct {
			Mutant   string
			KilledBy []string `json:"killed_by"`
			Seconds  float64
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Mutants < 35 || r.Killed != r.Mutants || r.Survivors == nil || len(r.Survivors) > 0 || r.FalseAlarms != 0 || r.CleanRuns != 20 ||
		len(r.Matrix) != r.Mutants || len(r.LeftOut) != 1 || !r.Passed || r.Verdict == "" || r.Matrix[0].Seconds <= 0 {
		t.Errorf("%+v", r)
	}
	text, err := os.ReadFile(junit)
	if err != nil || strings.Contains(string(text), `suite name="verify.run" tests="0"`) || !strings.Contains(string(text), `name="verdict"`) {
		t.Errorf("%v: %.400s", err, text)
	}
	if code, _, errOut := sh("verify", "--faults", "--op", "matmul", "--backend", "cpu"); code != exitUsage || !strings.Contains(errOut, "--op") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// TestVerifyListsFaults: --fault list names each, with what it does.
func TestVerifyListsFaults(t *testing.T) {
	code, out, errOut := sh("verify", "--fault", "list", "--backend", "cpu", "--quiet")
	if code != exitDone || strings.Count(out, "\n") != 1+len(backend.Faults("cpu")) {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	list := runJSON(t, "verify", "--fault", "list", "--backend", "cpu", "--quiet")["faults"].([]any)
	for i, f := range backend.Faults("cpu") {
		if list[i].(map[string]any)["name"] != f.Name || !strings.Contains(out, f.Name) || !strings.Contains(out, f.About) {
			t.Errorf("%s is not listed", f.Name)
		}
	}
}

// No command but verify has a flag, and nothing reads the environment or a
// file, to switch an error on.
func TestOnlyVerificationSetsFaults(t *testing.T) {
	var walk func(c *cobra.Command)
	seen := 0
	walk = func(c *cobra.Command) {
		seen++
		look := func(f *pflag.Flag) {
			if about := f.Name + " " + f.Usage; (strings.Contains(about, "fault") && !strings.Contains(about, "default") || strings.Contains(about, "plant")) && c.Name() != "verify" {
				t.Errorf("%s has --%s: %s", c.CommandPath(), f.Name, f.Usage)
			}
		}
		c.Flags().VisitAll(look)
		c.PersistentFlags().VisitAll(look)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).rootCommand())
	if seen < 6 {
		t.Errorf("only %d commands", seen)
	}

	// Config.Fault is set by verification alone, in the whole module.
	set := 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		allowed := strings.HasPrefix(rel, "verify/") || strings.HasPrefix(rel, "cmd/samebits/verify")
		own := strings.HasPrefix(rel, "cpu/") || strings.HasPrefix(rel, "gpu/") // they read it
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if s, ok := l.(*ast.SelectorExpr); ok && s.Sel.Name == "Fault" {
						set++
						if !allowed {
							t.Errorf("%s sets a Fault", rel)
						}
					}
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Fault" {
					set++
					if !allowed {
						t.Errorf("%s sets a Fault", rel)
					}
				}
			case *ast.SelectorExpr:
				if (n.Sel.Name == "Getenv" || n.Sel.Name == "LookupEnv") && own && strings.Contains(strings.ToLower(string(text)), "cfg.fault") {
					t.Errorf("%s, which opens devices, reads the environment", rel)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if set < 2 {
		t.Error("nothing sets a Fault: the check sees nothing")
	}
}

// Variables of the environment, and files where configuration is looked for,
// change nothing.
func TestEnvironmentPlantsNothing(t *testing.T) {
	home := t.TempDir()
	for _, dir := range []string{"", "samebits", ".samebits", ".config/samebits"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"config.json", ".samebits.json", "samebits.yaml"} {
			if err := os.WriteFile(filepath.Join(home, dir, name), []byte(`{"fault": "gather-row-after"}`), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, key := range []string{"FAULT", "SAMEBITS_FAULT", "SAMEBITS_FAULTS", "SAMEBITS_VERIFY_FAULT"} {
		t.Setenv(key, "gather-row-after")
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Chdir(home)
	if code, _, errOut := sh("verify", "--backend", "cpu", "--op", "gather", "--quiet"); code != exitDone {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, _ := sh("verify", "--backend", "cpu", "--op", "gather", "--quiet", "--fault", "gather-row-after"); code != exitDifference {
		t.Errorf("exit %d with the error planted", code)
	}
}
