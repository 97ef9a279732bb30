// Package shaders holds the compute shaders of the OpenGL backend as GLSL 4.30 text, one .comp file an operation and
// the .glsl files they include. It needs neither OpenGL nor a C compiler.
package shaders

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strings"
)

//go:embed *.comp *.glsl
var files embed.FS

// Names lists the shaders that Source knows, sorted.
func Names() []string {
	paths, err := fs.Glob(files, "*.comp")
	if err != nil {
		return nil // the pattern is constant and sound
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(p, ".comp")
	}
	sort.Strings(names)
	return names
}

// include is a line that another file's text replaces, once in a shader.
var include = regexp.MustCompile(`^\s*#include\s+"([^"]+)"\s*$`)

// Source returns the whole text of a shader for glShaderSource: the version, the defines in alphabetical order, and
// the file name.comp with every `#include "x.glsl"` line resolved, each file once. Lines keep the numbers they have in
// their files, so that [Explain] can say where a compiler's complaint belongs. An unknown shader, an unknown include
// or a bad define is an error.
func Source(name string, defines map[string]string) (string, error) {
	var out strings.Builder
	out.WriteString("#version 430 core\n")
	keys := make([]string, 0, len(defines))
	for k := range defines {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if !macroName.MatchString(k) || strings.ContainsAny(defines[k], "\n\\") {
			return "", fmt.Errorf("shader %s: bad define %q = %q", name, k, defines[k])
		}
		fmt.Fprintf(&out, "#define %s %s\n", k, defines[k])
	}
	r := resolver{out: &out, numbers: map[string]int{}}
	if err := r.file(name + ".comp"); err != nil {
		return "", fmt.Errorf("shader %s: %w", name, err)
	}
	return out.String(), nil
}

var macroName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// resolver writes a file and what it includes, giving each file a number.
type resolver struct {
	out     *strings.Builder
	numbers map[string]int // the files seen so far
}

func (r *resolver) file(path string) error {
	text, err := files.ReadFile(path)
	if err != nil {
		return fmt.Errorf("no file %s", path)
	}
	number := len(r.numbers)
	r.numbers[path] = number
	fmt.Fprintf(r.out, "%s%d: %s\n#line 1 %d\n", fileMark, number, path, number)
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		m := include.FindStringSubmatch(line)
		if m == nil {
			r.out.WriteString(line + "\n")
			continue
		}
		if _, seen := r.numbers[m[1]]; !seen {
			if err := r.file(m[1]); err != nil {
				return fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
		}
		fmt.Fprintf(r.out, "#line %d %d\n", i+2, number)
	}
	return nil
}

// fileMark begins the comment that gives a file its number; #line takes numbers alone.
const fileMark = "// file "

var (
	markLine = regexp.MustCompile(`(?m)^` + fileMark + `(\d+): (\S+)$`)
	// A compiler's complaint begins "0:12(3): " (Mesa), "0(12) : " (NVIDIA) or "ERROR: 0:12: " (others).
	complaint = regexp.MustCompile(`(?m)^(ERROR: |WARNING: )?(\d+)([:(])(\d+)`)
)

// Explain puts file names for the file numbers in a compiler's log on a text that [Source] made.
func Explain(source, log string) string {
	names := map[string]string{}
	for _, m := range markLine.FindAllStringSubmatch(source, -1) {
		names[m[1]] = m[2]
	}
	return complaint.ReplaceAllStringFunc(log, func(s string) string {
		m := complaint.FindStringSubmatch(s)
		name, ok := names[m[2]]
		if !ok {
			return s
		}
		return m[1] + name + m[3] + m[4]
	})
}
