package glsl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"samebits/verify/internal/broken"
)

// Barriers returns a message for every pair of accesses to shared memory by
// which one invocation of a work group may read what another writes, or write
// what another still reads, without a barrier and a memory barrier in between;
// none for a sound shader. The error says what of the text is not understood.
//
// The walk follows calls, takes both sides of every if, and goes twice through
// every loop, so that the end of a round meets the beginning of the next. An
// index is an invocation's own where it is the invocation's number modulo the
// group's 64 lanes; two own accesses never meet, nor two atomic ones, nor
// writes of a tile, which are taken to be shared out among the invocations. In
// a block under `if (l < s)` index l + s is apart from index l.
func Barriers(source string) ([]string, error) {
	tokens, err := preprocess(source)
	if err != nil {
		return nil, err
	}
	s, err := parse(tokens)
	if err != nil {
		return nil, err
	}
	w := &walker{shader: s, said: map[string]bool{}, since: map[string]accesses{}}
	w.call("main")
	slices.Sort(w.found)
	return w.found, w.err
}

// kind says how an access reaches memory that other invocations reach too.
type kind uint8

const (
	ownRead kind = iota
	ownWrite
	anyRead
	anyWrite
	atomic
)

// meets says whether two accesses in one phase may touch one element from two
// invocations, one of them writing.
func meets(a, b kind) bool {
	switch {
	case a > b:
		return meets(b, a)
	case a == b || broken.Is(broken.BarriersUnseen):
		return false
	case b == atomic:
		return true
	case a == ownRead:
		return b == anyWrite
	case a == ownWrite:
		return true // any access of others
	}
	return a == anyRead && b == anyWrite
}

// access is one access since the last barrier.
type access struct {
	kind  kind
	index string
	guard guard
}

type accesses map[access]bool

// guard is an `if (low < high)` that is being walked; n tells its visits apart.
type guard struct {
	n         int
	low, high string
}

type walker struct {
	*shader
	since  map[string]accesses // of each shared variable, since the last barrier
	fenced bool                // nothing was touched since the last memory barrier
	stack  []*function
	guards []guard
	visits int
	found  []string
	said   map[string]bool
	err    error
}

func (w *walker) call(name string) {
	for _, f := range w.stack {
		if f.name == name {
			w.err = fmt.Errorf("%s calls itself", name)
			return
		}
	}
	f := w.functions[name]
	w.stack = append(w.stack, f)
	outer := w.guards
	w.guards = nil // names of the caller mean nothing here
	w.statement(f.body)
	w.guards = outer
	w.stack = w.stack[:len(w.stack)-1]
}

func (w *walker) statement(s *statement) {
	if s == nil || w.err != nil {
		return
	}
	switch s.kind {
	case "block":
		for _, c := range s.list {
			w.statement(c)
		}
	case "simple":
		w.expression(s.tokens)
	case "for", "while":
		w.expression(s.init)
		for range 2 {
			w.expression(s.cond)
			w.statement(s.body)
			w.expression(s.step)
		}
	case "if":
		w.expression(s.cond)
		before, fenced := w.copySince(), w.fenced
		if len(s.cond) == 3 && s.cond[1].text == "<" {
			w.visits++
			w.guards = append(w.guards, guard{w.visits, s.cond[0].text, s.cond[2].text})
			w.statement(s.body)
			w.guards = w.guards[:len(w.guards)-1]
		} else {
			w.statement(s.body)
		}
		after, fencedAfter := w.since, w.fenced
		w.since, w.fenced = before, fenced
		w.statement(s.or)
		for name, all := range after { // whichever side was taken
			if w.since[name] == nil {
				w.since[name] = accesses{}
			}
			maps.Copy(w.since[name], all)
		}
		w.fenced = w.fenced && fencedAfter
	}
}

func (w *walker) copySince() map[string]accesses {
	c := map[string]accesses{}
	for name, all := range w.since {
		c[name] = maps.Clone(all)
	}
	return c
}

// expression walks the accesses and calls of an expression or an assignment:
// what is read and called before what is written.
func (w *walker) expression(ts []token) {
	var write *pending
	for i := 0; i < len(ts) && w.err == nil; i++ {
		name := ts[i].text
		switch {
		case name == "memoryBarrierShared" || name == "groupMemoryBarrier" || name == "memoryBarrier":
			w.fenced = true
			i = w.close(ts, i+1)
		case name == "barrier" && w.functions[name] == nil:
			if w.fenced {
				clear(w.since)
			}
			i = w.close(ts, i+1)
		case w.functions[name] != nil && i+1 < len(ts) && ts[i+1].text == "(":
			end := w.close(ts, i+1)
			w.expression(ts[i+2 : end])
			w.call(name)
			i = end
		case strings.HasPrefix(name, "atomic") && i+2 < len(ts) && w.shared[ts[i+2].text]:
			end := w.close(ts, i+1)
			w.access(ts[i+2].text, atomic, "")
			w.expression(ts[i+3 : end])
			i = end
		case w.shared[name]:
			end, index := i, []token(nil)
			if i+1 < len(ts) && ts[i+1].text == "[" {
				end = w.close(ts, i+1)
				index = ts[i+2 : end]
				w.expression(index)
			}
			next := ""
			if end+1 < len(ts) {
				next = ts[end+1].text
			}
			if next == "." && end+3 < len(ts) { // a component
				next = ts[end+3].text
			}
			assigns := i == 0 && strings.HasSuffix(next, "=") && next != "==" && next != "<=" && next != ">=" && next != "!="
			if assigns {
				write = &pending{name, index}
			}
			if !assigns || next != "=" {
				w.access(name, w.reading(index), text(index))
			}
			i = end
		}
	}
	if write != nil {
		w.access(write.name, w.reading(write.index)+1, text(write.index))
	}
}

type pending struct {
	name  string
	index []token
}

// close returns where the parenthesis or bracket that opens at i closes.
func (w *walker) close(ts []token, i int) int {
	depth := 0
	for j := i; j < len(ts); j++ {
		switch ts[j].text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth == 0 {
				return j
			}
		}
	}
	w.err = fmt.Errorf("line %d: a parenthesis is not closed", ts[min(i, len(ts)-1)].line)
	return len(ts)
}

// reading is the kind of a read at an index; that of a write is the next.
func (w *walker) reading(index []token) kind {
	f := w.stack[len(w.stack)-1]
	if n := len(index); n > 0 && f.own[index[n-1].text] {
		if n == 1 || n > 4 && text(index[n-4:n-1]) == "*64u+" {
			return ownRead
		}
	}
	return anyRead
}

// access records an access and complains of those that it meets.
func (w *walker) access(name string, k kind, index string) {
	w.fenced = false
	a := access{kind: k, index: index}
	if len(w.guards) > 0 {
		a.guard = w.guards[len(w.guards)-1]
	}
	for b := range w.since[name] {
		if !meets(a.kind, b.kind) || a.apart(b) || b.apart(a) {
			continue
		}
		m := fmt.Sprintf("%s[%s] and %s[%s] have no barrier between them, in %s", name, b.index, name, a.index, w.stack[len(w.stack)-1].name)
		if !w.said[m] {
			w.said[m] = true
			w.found = append(w.found, m)
		}
	}
	if w.since[name] == nil {
		w.since[name] = accesses{}
	}
	w.since[name][a] = true
}

// apart says that a, at index low, and b, at index low + high, lie under one
// visit of `if (low < high)`.
func (a access) apart(b access) bool {
	g := a.guard
	return g.n != 0 && g == b.guard && a.index == g.low && b.index == g.low+"+"+g.high
}
