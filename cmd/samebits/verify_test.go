package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samebits/backend"
	"samebits/cpu"
)

func TestVerifyReport(t *testing.T) {
	r := runJSON(t, "verify", "--suite", "quick", "--backend", "cpu", "--profile", "split", "--seed", "3")
	for _, field := range []string{"command", "backend", "device", "profile", "contract", "seed", "seconds", "suite", "tested", "against", "mode",
		"cases", "compared", "elements", "bit_identical", "within_bound", "failed", "skipped", "uncompared", "failures", "ops", "checks", "checks_failed",
		"unsupported", "skip_budget", "skips_counted", "environment", "worst_error"} {
		if r[field] == nil {
			t.Errorf("no field %q", field)
		}
	}
	n := func(f string) float64 { return r[f].(float64) }
	if n("compared") < 500 || n("bit_identical") != n("compared") || n("within_bound") != n("compared") || n("failed") != 0 ||
		n("cases") != n("compared")+float64(len(r["skipped"].([]any))) || r["tested"] != "cpu" || r["against"] != "reference" {
		t.Errorf("%v", r)
	}
	seen := map[string]bool{}
	for _, o := range r["ops"].([]any) {
		op := o.(map[string]any)
		seen[op["op"].(string)] = op["compared"].(float64) > 0
		if h := op["errors"].(map[string]any); h["over"].(float64) != 0 || h["nan"].(float64) != 0 || len(h["counts"].([]any)) != len(h["log2_upper"].([]any)) {
			t.Errorf("%v: errors %v", op["op"], h)
		}
	}
	for _, op := range backend.OpNames() {
		if !seen[op] {
			t.Errorf("no case of %s was compared", op)
		}
	}
}

func TestVerifyFindsAPlantedError(t *testing.T) {
	const fault = "matmul-k-tail-dropped"
	for _, name := range []string{"cpu", "auto"} {
		if name == "auto" && withOpenGL {
			continue // auto may take a device
		}
		code, out, errOut := sh("verify", "--backend", name, "--op", "matmul", "--fault", fault)
		if code != exitDifference || !strings.Contains(out, "FAILED matmul/float32/") || !strings.Contains(out, "wrong: cpu") || !strings.Contains(errOut, "failed") {
			t.Fatalf("exit %d: %s%s", code, out, errOut)
		}
		// The command it prints repeats the one case; without the error it passes.
		_, line, _ := strings.Cut(out, "samebits verify ")
		line, _, _ = strings.Cut(line, "\n")
		args := append([]string{"verify"}, strings.Fields(line)...)
		if code, out, _ := sh(args...); code != exitDifference || !strings.Contains(out, "1 case, 1 compared") {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
		if code, out, _ := sh(args[:len(args)-2]...); code != exitDone {
			t.Errorf("%v: exit %d: %s", args[:len(args)-2], code, out)
		}
	}
}

// TestVerifyReportsASurvivor: an error that the chosen cases cannot show is a
// failure of the verification too.
func TestVerifyReportsASurvivor(t *testing.T) {
	code, out, errOut := sh("verify", "--backend", "cpu", "--op", "copy", "--fault", "matmul-k-tail-dropped", "--json", "--quiet")
	if code != exitDifference || !strings.Contains(out, `"failed":0`) || !strings.Contains(out, `"passed":false,"verdict":"the planted error matmul-k-tail-dropped was not found`) || !strings.Contains(errOut, "was not found") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestVerifyFailuresInJSON(t *testing.T) {
	code, out, _ := sh("verify", "--backend", "cpu", "--op", "reduce", "--fault", "reduce-nan-blind-argmax", "--json", "--quiet")
	if code != exitDifference || strings.Count(out, "\n") != 1 {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, field := range []string{`"case":"reduce/`, `"side":"cpu"`, `"first_difference":`, `"bits":"7fc00000","number":null`, `"repeat":"samebits verify --backend cpu`, `--fault reduce-nan-blind-argmax"`} {
		if !strings.Contains(out, field) {
			t.Errorf("no %s in %.600s", field, out)
		}
	}
}

func TestVerifyBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"--suite", "slow"}, exitUsage, "want quick, full or nightly"},
		{[]string{"--fault", "matmul-k-tail-droped"}, exitUsage, "did you mean matmul-k-tail-dropped"},
		{[]string{"--fault", "matmul-tail"}, exitUsage, "did you mean matmul-k-tail-dropped or matmul-odd-tail-skipped"},
		{[]string{"--fault", "nothing"}, exitUsage, "--fault list shows all"},
		{[]string{"--case", "copy", "--suite", "quick"}, exitUsage, "searches the cases of every suite"},
		{[]string{"--suite", ""}, exitUsage, "--suite: the value is empty"},
		{[]string{"--case", ""}, exitUsage, "--case: the value is empty"},
		{[]string{"--op", ""}, exitUsage, "--op: the value is empty"},
		{[]string{"--fault="}, exitUsage, "--fault: the value is empty"},
		{[]string{"--record", ""}, exitUsage, "--record: the value is empty"},
		{[]string{"--against", ""}, exitUsage, "--against: the value is empty"},
		{[]string{"--artefacts", ""}, exitUsage, "--artefacts: the value is empty"},
		{[]string{"--faults", "--op", "copy"}, exitUsage, "chooses its own cases; leave out --op"},
		{[]string{"--faults", "--record", "x"}, exitUsage, "nothing to record"},
		{[]string{"--faults", "--artefacts", "x"}, exitUsage, "keeps no data"},
		{[]string{"--faults", "--max-skipped", "1"}, exitUsage, "no budget"},
		{[]string{"--case", "sort/float32"}, exitUsage, "sort/float32"},
		{[]string{"--op", "sort"}, exitUsage, "matmul"},
		{[]string{"--op", "copy", "--case", "copy"}, exitUsage, "give one"},
		{[]string{"file"}, exitUsage, "takes no argument"},
	} {
		code, out, errOut := sh(append([]string{"verify", "--backend", "cpu", "--quiet"}, c.args...)...)
		if code != c.code || !strings.Contains(errOut, c.say) || out != "" || strings.Count(errOut, "\n") != 1 || len(errOut) > 400 || strings.Contains(errOut, "invalid argument") {
			t.Errorf("%v: exit %d: %s%s", c.args, code, out, errOut)
		}
	}
	if !withOpenGL {
		if code, _, errOut := sh("verify", "--backend", "gl"); code != exitUnavailable {
			t.Errorf("no OpenGL: exit %d: %s", code, errOut)
		}
	}
}

// TestOneLineLeavesOutTheSentinel: it stands behind each message, wherever
// messages are joined.
func TestOneLineLeavesOutTheSentinel(t *testing.T) {
	a, b := fmt.Errorf("a: %w: %w", backend.ErrArgument, backend.ErrArgument), fmt.Errorf("b: %w", backend.ErrArgument)
	if got := oneLine(errors.Join(a, b).Error()); got != "a; b" {
		t.Errorf("%q", got)
	}
}

// TestOnlyVerifyPlantsErrors: no other command has a flag for it or uses package
// verify, nothing else in the module sets Config.Fault, and the configuration
// of every command leaves it empty.
func TestOnlyVerifyPlantsErrors(t *testing.T) {
	a := &app{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		look := func(f *pflag.Flag) {
			if strings.Contains(f.Name, "fault") && c.Name() != "verify" {
				t.Errorf("%s has --%s", c.CommandPath(), f.Name)
			}
		}
		c.Flags().VisitAll(look)
		c.PersistentFlags().VisitAll(look)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.rootCommand())
	if f := a.config().Fault; f != "" {
		t.Errorf("the common configuration plants %q", f)
	}
	if len(cpu.Faults()) == 0 {
		t.Error("there is no error to plant")
	}
	root := filepath.Join("..", "..")
	found := false
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		// Package verify plants errors too, and serves no other command.
		ofVerify := strings.HasPrefix(rel, "verify/")
		for _, imp := range file.Imports {
			if imp.Path.Value == `"samebits/verify"` && !ofVerify && !strings.HasPrefix(rel, "cmd/samebits/verify") {
				t.Errorf("%s imports package verify", rel)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			set, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for _, l := range set.Lhs {
				if s, ok := l.(*ast.SelectorExpr); ok && s.Sel.Name == "Fault" {
					if rel != "cmd/samebits/verify.go" && !ofVerify {
						t.Errorf("%s sets Fault", rel)
					}
					found = true
				}
			}
			return true
		})
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if sel, ok := lit.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Config" {
				return true
			}
			for _, el := range lit.Elts {
				if kv, ok := el.(*ast.KeyValueExpr); ok {
					if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "Fault" && !ofVerify {
						t.Errorf("%s sets Config.Fault", rel)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil || !found {
		t.Errorf("walked the module: %v, found verify's own: %t", err, found)
	}
}
