package shaders

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func allFiles(t *testing.T) map[string]string {
	t.Helper()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range entries {
		b, err := files.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts[e.Name()] = string(b)
	}
	if len(texts) < 10 {
		t.Fatalf("only %d shader files", len(texts))
	}
	return texts
}

func TestEveryShaderResolves(t *testing.T) {
	for _, name := range Names() {
		text, err := Source(name, map[string]string{"MAC_FUSED": "1", "B": "2", "A": "3"})
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(text, "#version 430 core\n#define A 3\n#define B 2\n#define MAC_FUSED 1\n// file 0: "+name+".comp\n#line 1 0\n") {
			t.Errorf("%s begins\n%.200s", name, text)
		}
		if strings.Contains(text, "#include") && include.MatchString(text) {
			t.Errorf("%s has an include left", name)
		}
		if n := strings.Count(text, "float ct_div("); n > 1 {
			t.Errorf("%s holds contract.glsl %d times", name, n)
		}
		if !strings.Contains(text, "void main()") {
			t.Errorf("%s has no main", name)
		}
	}
}

func TestSourceRefusesWhatIsNotThere(t *testing.T) {
	if _, err := Source("no-such", nil); err == nil || !strings.Contains(err.Error(), "no file no-such.comp") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []map[string]string{{"A B": "1"}, {"A": "1\n#define X"}, {"": "1"}} {
		if _, err := Source("map", bad); err == nil {
			t.Errorf("define %q accepted", bad)
		}
	}
}

func TestExplainNamesFiles(t *testing.T) {
	source, err := Source("map", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := Explain(source, "0:12(3): error: a\n1(7) : error C0: b\nERROR: 0:3: c\n99:1: d\n")
	want := "map.comp:12(3): error: a\ncontract.glsl(7) : error C0: b\nERROR: map.comp:3: c\n99:1: d\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every file begins with prose that says what it computes.
func TestHeadComments(t *testing.T) {
	for name, text := range allFiles(t) {
		head := 0
		for _, line := range strings.Split(text, "\n") {
			if !strings.HasPrefix(line, "//") {
				break
			}
			head++
		}
		if head < 3 {
			t.Errorf("%s: a head of %d lines of comment", name, head)
		}
	}
}

var (
	comments = regexp.MustCompile(`//[^\n]*`)
	// Functions of GLSL on floats whose rounding, or treatment of NaN and zeros, is left open.
	forbidden = regexp.MustCompile(`\b(radians|degrees|sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|pow|exp|log|exp2|log2|` +
		`sqrt|inversesqrt|abs|sign|floor|trunc|round|ceil|fract|mod|modf|min|max|clamp|mix|step|smoothstep|isnan|isinf|frexp|ldexp|` +
		`length|distance|dot|cross|normalize|faceforward|reflect|refract|matrixCompMult|outerProduct|transpose|determinant|inverse)\s*\(`)
	division = regexp.MustCompile(`/=?\s*([A-Za-z_][A-Za-z_0-9]*|[0-9.]+[a-z]*|\()`)
	integer  = regexp.MustCompile(`^[0-9]+u?$`)
)

// No kernel calls a float built-in that the contract does not know, nor divides floats.
func TestNoForeignArithmetic(t *testing.T) {
	texts := allFiles(t)
	fma := 0
	for name, text := range texts {
		code := comments.ReplaceAllString(text, "")
		for _, call := range forbidden.FindAllString(code, -1) {
			t.Errorf("%s calls %s)", name, call)
		}
		for _, m := range division.FindAllStringSubmatch(code, -1) {
			by := m[1]
			if integer.MatchString(by) || isInteger(texts, code, by) {
				continue
			}
			t.Errorf("%s divides by %s, which is not known to be an integer", name, by)
		}
		if strings.Contains(code, "fma(") {
			fma++
			if name != "contract.glsl" && name != "probe.comp" {
				t.Errorf("%s calls fma outside ct_mac", name)
			}
		}
	}
	if fma != 2 {
		t.Errorf("fma is called in %d files; the check sees nothing", fma)
	}
}

// isInteger reports whether a name is declared uint or int, or defined as a macro of one, in the code or an include; a
// parenthesis or a uint(...) is taken for one.
func isInteger(texts map[string]string, code, name string) bool {
	if name == "(" || name == "uint" || name == "int" {
		return true
	}
	declared := regexp.MustCompile(`\b(uint|int)\b[^;(){}]*\b` + name + `\b|#define ` + name + ` (\(TS \*|[0-9]+u?\b|\()`)
	if declared.MatchString(code) || regexp.MustCompile(`[(,]\s*(uint|int) `+name+`\b`).MatchString(code) {
		return true
	}
	for file, text := range texts {
		if strings.HasSuffix(file, ".glsl") && declared.MatchString(comments.ReplaceAllString(text, "")) {
			return true
		}
	}
	return false
}

// The check itself must find what it forbids.
func TestForeignArithmeticIsFound(t *testing.T) {
	for _, bad := range []string{"x = exp (y);", "y=max(a,b)", "z = 1.0 + sqrt(2.0)"} {
		if !forbidden.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
	for _, good := range []string{"ct_exp(x)", "lesser(a, b)", "atomicMax(a, b)", "roundEven(x)"} {
		if forbidden.MatchString(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"x / y", "a /2.5", "x /= z"} {
		m := division.FindStringSubmatch(bad)
		if m == nil || integer.MatchString(m[1]) || isInteger(nil, "float x, y, z;", m[1]) {
			t.Errorf("%q passes", bad)
		}
	}
}
