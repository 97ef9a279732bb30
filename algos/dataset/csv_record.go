package dataset

import (
	"bufio"
	"bytes"
	"io"
)

const (
	maxLineBytes = 64 << 20 // of one record
	maxCellBytes = 64 << 10
	maxColumns   = 1 << 20
)

// recordReader cuts text into records of cells.
type recordReader struct {
	in        *input
	separator byte
	line      int    // number of the line read last
	long      []byte // a line that did not fit the buffer
	cells     [][]byte
	unquoted  []byte // backs the cells of a record that has quotes
	started   bool   // a record has been returned
	blank     int    // first of the blank lines since the last record, or 0
}

func newRecordReader(in *input) *recordReader {
	if head, _ := in.Peek(3); string(head) == "\xef\xbb\xbf" {
		in.Discard(3)
	}
	head, _ := in.Peek(bufferBytes)
	return &recordReader{in: in, separator: sniffSeparator(head)}
}

// sniffSeparator picks the separator that occurs outside quotes equally often in the first two lines, and the most
// frequent one among several or none such. Head is the beginning of the file.
func sniffSeparator(head []byte) byte {
	const candidates = ",;\t"
	var count [2][len(candidates)]int
	line, quoted, content := 0, false, false
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if c == '\n' && content {
			if line++; line == 2 {
				break
			}
			content = false
			continue
		}
		content = content || c > ' '
		if i := bytes.IndexByte([]byte(candidates), c); i >= 0 {
			count[line][i]++
		}
	}
	best, bestScore := 0, 0
	for i := range candidates {
		score := count[0][i]
		if score > 0 && (line == 0 || count[1][i] == score) {
			score += len(head) + 1
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	return candidates[best]
}

// next returns the cells of the next record, which hold until the call after, and the line it begins on. The cells are
// nil at the end of the file.
func (r *recordReader) next() ([][]byte, int, error) {
	for {
		line, err := r.readLine()
		if err == io.EOF {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if len(trim(line)) == 0 && (r.separator != '\t' || bytes.IndexByte(line, '\t') < 0) {
			if r.blank == 0 {
				r.blank = r.line
			}
			continue
		}
		if r.blank > 0 && r.started {
			return nil, 0, &Error{Line: r.blank, Msg: "a blank line between rows"}
		}
		r.started, r.blank = true, 0
		first := r.line
		if bytes.IndexByte(line, '"') >= 0 {
			err = r.splitQuoted(line)
		} else {
			err = r.split(line)
		}
		return r.cells, first, err
	}
}

// readLine returns the next line without its end.
func (r *recordReader) readLine() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		r.long = append(r.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = r.in.ReadSlice('\n')
			if len(r.long)+len(line) > maxLineBytes {
				return nil, &Error{Line: r.line + 1, Msg: "the line is longer than 64 MiB"}
			}
			r.long = append(r.long, line...)
		}
		line = r.long
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	r.line++
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

func (r *recordReader) split(line []byte) error {
	r.cells = r.cells[:0]
	start := 0
	for i, c := range line {
		if c == r.separator {
			if err := r.emit(line[start:i], r.line); err != nil {
				return err
			}
			start = i + 1
		}
	}
	return r.emit(line[start:], r.line)
}

func (r *recordReader) emit(cell []byte, line int) error {
	return r.emitExact(trim(cell), line)
}

func (r *recordReader) emitExact(cell []byte, line int) error {
	if len(cell) > maxCellBytes {
		return &Error{Line: line, Column: len(r.cells) + 1, Msg: "the cell is longer than 64 KiB"}
	}
	if len(r.cells) == maxColumns {
		return &Error{Line: line, Msg: "more than 1048576 columns"}
	}
	r.cells = append(r.cells, cell)
	return nil
}

// splitQuoted splits a record that has quotes, and reads on while a quoted cell spans lines.
func (r *recordReader) splitQuoted(line []byte) error {
	r.cells = r.cells[:0]
	// A record's cells must not move while it grows, so each gets its own place; capacity regrown leaves the old backing
	// alive for the cells that point into it.
	r.unquoted = r.unquoted[:0]
	opened := r.line
	for {
		rest := line
		for len(rest) > 0 && isBlank(rest[0]) && rest[0] != r.separator {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0] != '"' {
			end := bytes.IndexByte(line, r.separator)
			last := end < 0
			if last {
				end = len(line)
			}
			begin := len(r.unquoted)
			r.unquoted = append(r.unquoted, line[:end]...)
			if err := r.emit(r.unquoted[begin:], opened); err != nil {
				return err
			}
			if last {
				return nil
			}
			line = line[end+1:]
			continue
		}

		column := len(r.cells) + 1
		begin := len(r.unquoted)
		rest = rest[1:]
		cellLine := r.line
		for {
			end := bytes.IndexByte(rest, '"')
			if end >= 0 {
				r.unquoted = append(r.unquoted, rest[:end]...)
				rest = rest[end+1:]
				if len(rest) > 0 && rest[0] == '"' {
					r.unquoted = append(r.unquoted, '"')
					rest = rest[1:]
					continue
				}
				break
			}
			r.unquoted = append(append(r.unquoted, rest...), '\n')
			if len(r.unquoted)-begin > maxCellBytes {
				return &Error{Line: cellLine, Column: column, Msg: "the cell is longer than 64 KiB; is a closing quote missing?"}
			}
			if len(r.unquoted) > maxLineBytes {
				return &Error{Line: opened, Msg: "the record is longer than 64 MiB"}
			}
			next, err := r.readLine()
			if err == io.EOF {
				return &Error{Line: cellLine, Column: column, Msg: "the quote is never closed"}
			}
			if err != nil {
				return err
			}
			rest = next
		}
		if err := r.emitExact(r.unquoted[begin:], cellLine); err != nil {
			return err
		}
		end := bytes.IndexByte(rest, r.separator)
		last := end < 0
		if last {
			end = len(rest)
		}
		if after := trim(rest[:end]); len(after) > 0 {
			return &Error{Line: r.line, Column: column, Msg: "text after the closing quote: " + quote(after)}
		}
		if last {
			return nil
		}
		line = rest[end+1:]
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trim(cell []byte) []byte {
	for len(cell) > 0 && isBlank(cell[0]) {
		cell = cell[1:]
	}
	for len(cell) > 0 && isBlank(cell[len(cell)-1]) {
		cell = cell[:len(cell)-1]
	}
	return cell
}
