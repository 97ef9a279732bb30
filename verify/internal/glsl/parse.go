package glsl

import (
	"fmt"
	"slices"
)

// shader is what a compute shader declares that matters here.
type shader struct {
	shared    map[string]bool // names of shared variables
	functions map[string]*function
}

type function struct {
	name string
	body *statement
	// own maps a local variable to what it says of the invocation.
	own map[string]bool // variables that hold the invocation's number in its group
}

// statement is one statement; which fields count depends on kind.
type statement struct {
	kind       string // block, if, for, while, simple
	list       []*statement
	init, cond []token
	step       []token
	body, or   *statement
	tokens     []token // of a simple statement
}

type parser struct {
	tokens []token
	at     int
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].text
	}
	return ""
}

// upto returns the tokens up to a closing sign at this level, and passes it.
func (p *parser) upto(end string) ([]token, error) {
	from, depth := p.at, 0
	for ; p.at < len(p.tokens); p.at++ {
		switch t := p.tokens[p.at].text; {
		case depth == 0 && t == end:
			p.at++
			return p.tokens[from : p.at-1], nil
		case t == "(" || t == "[" || t == "{":
			depth++
		case t == ")" || t == "]" || t == "}":
			depth--
		}
	}
	return nil, fmt.Errorf("no %q is found", end)
}

// parse reads the declarations of a shader.
func parse(tokens []token) (*shader, error) {
	s := &shader{shared: map[string]bool{}, functions: map[string]*function{}}
	p := &parser{tokens: tokens}
	for p.at < len(p.tokens) {
		from := p.at
		// Up to what ends a declaration: ';', or a '{' that follows ')'.
		for p.at < len(p.tokens) && p.peek() != ";" && p.peek() != "{" {
			p.at++
		}
		head := p.tokens[from:p.at]
		if p.peek() == ";" || p.at == len(p.tokens) {
			p.at++
			if len(head) > 2 && head[0].text == "shared" {
				for i, t := range head[2:] {
					if next := i + 3; isWord(t.text[0]) && (head[i+1].text == "," || i == 0) && (next >= len(head) || head[next].text == "[" || head[next].text == ",") {
						s.shared[t.text] = true
					}
				}
			}
			continue
		}
		p.at++                                              // {
		if head[len(head)-1].text != ")" || len(head) < 4 { // a block of a buffer, an initialiser
			if _, err := p.upto("}"); err != nil {
				return nil, err
			}
			continue
		}
		body, err := p.block()
		if err != nil {
			return nil, err
		}
		f := &function{name: head[1].text, body: body, own: map[string]bool{}}
		f.findOwn(body)
		s.functions[f.name] = f
	}
	if s.functions["main"] == nil {
		return nil, fmt.Errorf("the shader has no main")
	}
	return s, nil
}

// block reads statements up to the closing brace.
func (p *parser) block() (*statement, error) {
	b := &statement{kind: "block"}
	for p.peek() != "}" {
		if p.at >= len(p.tokens) {
			return nil, fmt.Errorf("a block is not closed")
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		b.list = append(b.list, s)
	}
	p.at++
	return b, nil
}

func (p *parser) statement() (*statement, error) {
	var err error
	switch word := p.peek(); word {
	case "{":
		p.at++
		return p.block()
	case "if", "while", "for":
		s := &statement{kind: word}
		p.at += 2 // the word and (
		if word == "for" {
			if s.init, err = p.upto(";"); err != nil {
				return nil, err
			}
			if s.cond, err = p.upto(";"); err != nil {
				return nil, err
			}
			s.step, err = p.upto(")")
		} else {
			s.cond, err = p.upto(")")
		}
		if err != nil {
			return nil, err
		}
		if s.body, err = p.statement(); err != nil {
			return nil, err
		}
		if word == "if" && p.peek() == "else" {
			p.at++
			s.or, err = p.statement()
		}
		return s, err
	case "do", "switch":
		return nil, fmt.Errorf("line %d: %s is not understood", p.tokens[p.at].line, word)
	}
	s := &statement{kind: "simple"}
	s.tokens, err = p.upto(";")
	return s, err
}

// findOwn finds local variables that hold the invocation's number: declared
// as it, and counters of loops that run from it in steps of the group's size.
func (f *function) findOwn(s *statement) {
	if s == nil {
		return
	}
	for _, c := range s.list {
		f.findOwn(c)
	}
	f.findOwn(s.body)
	f.findOwn(s.or)
	declaration := s.tokens
	if s.kind == "for" {
		declaration = s.init
	}
	for len(declaration) > 3 && declaration[0].text == "uint" && declaration[2].text == "=" {
		end := slices.IndexFunc(declaration, func(t token) bool { return t.text == "," })
		one := declaration
		if end > 0 {
			one = declaration[:end]
		}
		name, value := one[1].text, text(one[3:])
		switch {
		case value == "gl_LocalInvocationID.x" || value == "gl_LocalInvocationIndex":
			f.own[name] = s.kind == "simple"
		case s.kind == "for" && f.own[value] && text(s.step) == name+"+=64u":
			f.own[name] = true
		}
		if end < 0 {
			break
		}
		declaration = append([]token{{text: "uint"}}, declaration[end+1:]...)
	}
}

// text joins tokens without spaces.
func text(ts []token) string {
	n := 0
	for _, t := range ts {
		n += len(t.text)
	}
	b := make([]byte, 0, n)
	for _, t := range ts {
		b = append(b, t.text...)
	}
	return string(b)
}
