package gpu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// A software renderer may run dispatches one after the other whatever it is
// told, so that a missing barrier between two would show on hardware alone:
// the source has to show it. After each gl.DispatchCompute the same function
// calls gl.MemoryBarrier.
func TestEveryDispatchIsFollowedByABarrier(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	dispatches := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			var open token.Pos // a dispatch without a barrier so far
			ast.Inspect(decl, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch name, ok := call.Fun.(*ast.SelectorExpr); {
				case !ok:
				case strings.HasPrefix(name.Sel.Name, "DispatchCompute"):
					dispatches++
					open = call.Pos()
				case name.Sel.Name == "MemoryBarrier":
					open = token.NoPos
				}
				return true
			})
			if open != token.NoPos {
				t.Errorf("%s: a dispatch has no barrier after it", file)
			}
		}
	}
	if dispatches == 0 {
		t.Error("no dispatch was found")
	}
}
