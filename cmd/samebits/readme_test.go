package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readme returns README.md.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeProgramIsTheTestedExample holds the README's one Go program to
// backend/example_test.go, whose output is checked where it stands.
func TestReadmeProgramIsTheTestedExample(t *testing.T) {
	source, err := os.ReadFile("../../backend/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	program, output, found := strings.Cut(string(source), "\t// Output:\n")
	if !found {
		t.Fatal("the example checks no output")
	}
	program = strings.Replace(program+"}\n", "package backend_test", "package main", 1)
	program = regexp.MustCompile(`(?m)^// .*\n`).ReplaceAllString(program, "")
	program = strings.Replace(program, "func Example()", "func main()", 1)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) != 1 {
		t.Fatalf("README.md has %d Go programs, want 1", len(blocks))
	}
	if blocks[0][1] != program {
		t.Errorf("README.md shows\n%s\nthe tested example is\n%s", blocks[0][1], program)
	}
	for _, line := range strings.Split(output, "\n") {
		if want := strings.TrimPrefix(line, "\t// "); want != "}" && want != "" && !strings.Contains(readme(t), "\n"+want+"\n") {
			t.Errorf("README.md does not show the output %q", want)
		}
	}
}

// TestReadmeListsTheCommands holds the README's table to the commands there are.
func TestReadmeListsTheCommands(t *testing.T) {
	var listed, there []string
	_, section, _ := strings.Cut(readme(t), "\n## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)[^|]*` \\|").FindAllStringSubmatch(section, -1) {
		listed = append(listed, m[1])
	}
	for _, c := range new(app).rootCommand().Commands() {
		if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
			there = append(there, c.Name())
		}
	}
	slices.Sort(listed)
	slices.Sort(there)
	if !slices.Equal(listed, there) {
		t.Errorf("README.md lists %v, the program has %v", listed, there)
	}
}
