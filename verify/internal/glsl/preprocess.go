// Package glsl reads compute shaders far enough to see whether shared memory
// that one invocation of a work group writes and another reads has a barrier
// in between; see [Barriers]. It knows the part of GLSL 4.30 that kernels use:
// no structures, no recursion, conditions of the preprocessor on integers.
package glsl

import (
	"fmt"
	"strconv"
	"strings"
)

// preprocess returns a shader's tokens with its conditions decided and macros
// without parameters expanded.
func preprocess(source string) ([]token, error) {
	p := preprocessor{macros: map[string][]token{}}
	for n, line := range strings.Split(strings.ReplaceAll(source, "\\\n", " "), "\n") {
		if i := strings.Index(line, "//"); i >= 0 {
			line = line[:i]
		}
		var err error
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "#") {
			err = p.directive(strings.TrimSpace(text[1:]))
		} else if p.live() {
			p.out = append(p.out, p.expand(scan(line), n+1, nil)...)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if len(p.open) > 0 {
		return nil, fmt.Errorf("%d conditions are not closed", len(p.open))
	}
	return p.out, nil
}

type preprocessor struct {
	macros map[string][]token
	open   []condition
	out    []token
}

// condition is an #if that is not closed: live now, and whether a branch of it
// has been.
type condition struct{ live, taken bool }

func (p *preprocessor) live() bool {
	for _, c := range p.open {
		if !c.live {
			return false
		}
	}
	return true
}

func (p *preprocessor) directive(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "if", "ifdef", "ifndef":
		live := false
		if p.live() { // what is dead need not make sense
			var err error
			if live, err = p.decide(word, rest); err != nil {
				return err
			}
		}
		p.open = append(p.open, condition{live, live})
		return nil
	case "elif", "else", "endif":
		if len(p.open) == 0 {
			return fmt.Errorf("#%s without #if", word)
		}
		last := &p.open[len(p.open)-1]
		if word == "endif" {
			p.open = p.open[:len(p.open)-1]
			return nil
		}
		taken := last.taken
		last.live = false
		if taken {
			return nil
		}
		last.live = true
		if word == "elif" {
			if outer := (&preprocessor{macros: p.macros, open: p.open[:len(p.open)-1]}); outer.live() {
				var err error
				if last.live, err = p.decide("if", rest); err != nil {
					return err
				}
			}
		}
		last.taken = last.live
		return nil
	}
	if !p.live() {
		return nil
	}
	switch word {
	case "define":
		name, body, _ := strings.Cut(rest, " ")
		if !strings.Contains(name, "(") { // macros with parameters stay as they are
			p.macros[name] = scan(body)
		}
	case "undef":
		delete(p.macros, rest)
	case "error":
		return fmt.Errorf("#error %s", rest)
	}
	return nil
}

func (p *preprocessor) decide(word, rest string) (bool, error) {
	_, defined := p.macros[rest]
	switch word {
	case "ifdef":
		return defined, nil
	case "ifndef":
		return !defined, nil
	}
	e := evaluator{macros: p.macros, tokens: scan(rest)}
	v, err := e.binary(0)
	if err == nil && e.at < len(e.tokens) {
		err = fmt.Errorf("#if %s: %q is left over", rest, e.tokens[e.at].text)
	}
	return v != 0, err
}

// expand replaces macros, each at most once on the way down.
func (p *preprocessor) expand(in []token, line int, within []string) []token {
	var out []token
next:
	for _, t := range in {
		t.line = line
		body, ok := p.macros[t.text]
		for _, w := range within {
			if w == t.text {
				ok = false
			}
		}
		if !ok {
			out = append(out, t)
			continue next
		}
		out = append(out, p.expand(body, line, append(within, t.text))...)
	}
	return out
}

// token is a word, a number or a sign.
type token struct {
	text string
	line int
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// signs of two and three letters, the longer first.
var signs = []string{"<<=", ">>=", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="}

func scan(line string) []token {
	var out []token
	for i := 0; i < len(line); {
		c := line[i]
		if c == ' ' || c == '\t' || c == '\r' {
			i++
			continue
		}
		n := 1
		if isWord(c) {
			for i+n < len(line) && (isWord(line[i+n]) || line[i+n] == '.') {
				n++
			}
			if c > '9' { // a name ends at its point
				if dot := strings.IndexByte(line[i:i+n], '.'); dot > 0 {
					n = dot
				}
			}
		} else {
			for _, s := range signs {
				if strings.HasPrefix(line[i:], s) {
					n = len(s)
					break
				}
			}
		}
		out = append(out, token{text: line[i : i+n]})
		i += n
	}
	return out
}

// evaluator works out the expression of an #if.
type evaluator struct {
	macros map[string][]token
	tokens []token
	at     int
	depth  int
}

func (e *evaluator) peek() string {
	if e.at < len(e.tokens) {
		return e.tokens[e.at].text
	}
	return ""
}

var precedence = map[string]int{"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6}

func (e *evaluator) binary(least int) (int, error) {
	x, err := e.unary()
	for err == nil {
		op := e.peek()
		level := precedence[op]
		if level == 0 || level <= least {
			break
		}
		e.at++
		var y int
		if y, err = e.binary(level); err == nil {
			x = operate(op, x, y)
		}
	}
	return x, err
}

func operate(op string, x, y int) int {
	truth := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	switch op {
	case "||":
		return truth(x != 0 || y != 0)
	case "&&":
		return truth(x != 0 && y != 0)
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<":
		return truth(x < y)
	case ">":
		return truth(x > y)
	case "<=":
		return truth(x <= y)
	case ">=":
		return truth(x >= y)
	case "+":
		return x + y
	case "-":
		return x - y
	}
	return x * y
}

func (e *evaluator) unary() (int, error) {
	t := e.peek()
	e.at++
	switch {
	case t == "!":
		v, err := e.unary()
		return operate("==", v, 0), err
	case t == "(":
		v, err := e.binary(0)
		if err == nil && e.peek() != ")" {
			err = fmt.Errorf("a parenthesis of #if is not closed")
		}
		e.at++
		return v, err
	case t == "defined":
		name := e.peek()
		e.at++
		if name == "(" {
			name = e.peek()
			e.at += 2
		}
		_, ok := e.macros[name]
		return operate("!=", map[bool]int{true: 1}[ok], 0), nil
	case t != "" && t[0] >= '0' && t[0] <= '9':
		v, err := strconv.ParseInt(strings.TrimRight(t, "uU"), 0, 64)
		return int(v), err
	}
	if body, ok := e.macros[t]; ok && e.depth < 20 {
		inner := evaluator{macros: e.macros, tokens: body, depth: e.depth + 1}
		return inner.binary(0)
	}
	return 0, fmt.Errorf("#if knows no %q", t)
}
