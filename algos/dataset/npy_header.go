package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// npyHeader is the dictionary at the head of an .npy file.
type npyHeader struct {
	descr   string // the element type, such as "<f4"
	fortran bool   // columns one after the other, not rows
	shape   []int64
}

// maxAxes is NumPy's own limit.
const maxAxes = 64

// parseNpyHeader reads the Python literal that .npy stores its layout in:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (150, 4), }
//
// Each of the three keys must be there once, and no other.
func parseNpyHeader(text string) (npyHeader, error) {
	p := &literalParser{text: text}
	var h npyHeader
	seen := map[string]bool{}
	err := p.dict(func(key string) (err error) {
		if seen[key] {
			return errorf("the header has %s twice", quote(key))
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				return errorf("the elements are records with fields; one plain number type is needed")
			}
			h.descr, err = p.str()
		case "fortran_order":
			h.fortran, err = p.boolean()
		case "shape":
			h.shape, err = p.ints()
		default:
			err = errorf("the header has an unknown key %s", quote(key))
		}
		return err
	})
	if err != nil {
		return h, err
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, errorf("the header lacks %q", key)
		}
	}
	return h, nil
}

// literalParser reads the small part of Python's literals that .npy headers are made of.
type literalParser struct {
	text string
	pos  int
}

func (p *literalParser) fail(want string) error {
	rest := p.text[p.pos:]
	if rest == "" {
		return errorf("the header ends where %s should stand", want)
	}
	return errorf("header byte %d: %s should stand at %s", p.pos+1, want, quote(rest))
}

func (p *literalParser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// peek is the next byte after white space, 0 at the end.
func (p *literalParser) peek() byte {
	p.space()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *literalParser) accept(c byte) bool {
	if p.peek() != c || p.pos == len(p.text) {
		return false
	}
	p.pos++
	return true
}

func (p *literalParser) expect(c byte) error {
	if !p.accept(c) {
		return p.fail(strconv.QuoteRune(rune(c)))
	}
	return nil
}

// dict reads a dictionary and calls value at each value, which must consume it; nothing may follow.
func (p *literalParser) dict(value func(key string) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	for !p.accept('}') {
		key, err := p.str()
		if err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := value(key); err != nil {
			return err
		}
		if p.accept(',') {
			continue
		}
		if p.peek() != '}' {
			return p.fail("',' or '}'")
		}
	}
	if p.peek() != 0 || p.pos < len(p.text) {
		return p.fail("the end of the header")
	}
	return nil
}

func (p *literalParser) str() (string, error) {
	delimiter := p.peek()
	if delimiter != '\'' && delimiter != '"' {
		return "", p.fail("a quoted string")
	}
	end := strings.IndexByte(p.text[p.pos+1:], delimiter)
	if end < 0 {
		return "", p.fail("a closed string")
	}
	s := p.text[p.pos+1 : p.pos+1+end]
	if strings.IndexByte(s, '\\') >= 0 {
		return "", p.fail("a string without escapes")
	}
	p.pos += end + 2
	return s, nil
}

func (p *literalParser) boolean() (bool, error) {
	p.space()
	for _, word := range []string{"True", "False"} {
		if strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			return word == "True", nil
		}
	}
	return false, p.fail("True or False")
}

// ints reads a tuple of sizes; Python 2 wrote some of them with an L.
func (p *literalParser) ints() ([]int64, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	sizes := []int64{}
	for !p.accept(')') {
		p.space()
		end := p.pos
		for end < len(p.text) && p.text[end] >= '0' && p.text[end] <= '9' {
			end++
		}
		if end == p.pos {
			return nil, p.fail("a size")
		}
		n, err := strconv.ParseInt(p.text[p.pos:end], 10, 64)
		if err != nil {
			return nil, errorf("the header promises a size of %s, which no file can hold", cut(p.text[p.pos:end]))
		}
		if len(sizes) == maxAxes {
			return nil, errorf("the header has more than %d sizes", maxAxes)
		}
		sizes = append(sizes, n)
		p.pos = end
		if p.pos < len(p.text) && p.text[p.pos] == 'L' {
			p.pos++
		}
		if p.accept(',') {
			continue
		}
		if p.peek() != ')' {
			return nil, p.fail("',' or ')'")
		}
	}
	return sizes, nil
}

// shapeText prints sizes as NumPy does.
func shapeText(shape []int64) string {
	if len(shape) == 1 {
		return fmt.Sprintf("(%d,)", shape[0])
	}
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// product multiplies sizes that are not negative, and says whether the result fits an int64.
func product(sizes ...int64) (int64, bool) {
	p, fits := int64(1), true
	for _, n := range sizes {
		if n == 0 {
			return 0, true
		}
		if fits && p > math.MaxInt64/n {
			fits = false
		}
		p *= n
	}
	return p, fits
}
