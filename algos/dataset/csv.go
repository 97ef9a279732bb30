package dataset

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"
)

// readCSV reads text: one record a line, cells separated by comma, semicolon or tab (whichever fits the first two
// lines), quotes as in RFC 4180, LF or CRLF, with or without a byte order mark. Blank lines are allowed before the first
// record and after the last.
func readCSV(ctx context.Context, in *input, opts Options) (*Table, error) {
	r, err := newCSVRows(in, opts)
	if err != nil {
		return nil, err
	}
	for {
		row, line, err := r.next()
		if err != nil {
			return nil, err
		}
		if row == nil {
			return r.table.table(opts.Label), nil
		}
		if err := r.table.add(row, line); err != nil {
			return nil, err
		}
	}
}

// csvRows hands out the records that hold data, one after the other.
type csvRows struct {
	records *recordReader
	table   *csvTable
	pending []csvRow // read to tell a header from data
}

type csvRow struct {
	cells [][]byte
	line  int
}

// newCSVRows reads the first two records and decides on the header.
func newCSVRows(in *input, opts Options) (*csvRows, error) {
	r := newRecordReader(in)
	first, firstLine, err := r.next()
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, errorf("the file holds blank lines only")
	}
	top := make([]string, len(first))
	for j, cell := range first {
		top[j] = string(cell)
	}
	second, secondLine, err := r.next()
	if err != nil {
		return nil, err
	}

	header := opts.Header == HeaderPresent
	if opts.Header == HeaderAuto {
		header = looksLikeHeader(top, second, opts.Label)
	}
	p := &csvTable{cols: len(top), widthLine: firstLine, allowNaN: opts.AllowNaN, interned: map[string]string{}}
	if header {
		p.names = top
	}
	if p.label, err = labelIndex(opts.Label, p.names, p.cols); err != nil {
		return nil, err
	}
	rows := &csvRows{records: r, table: p}
	if header {
		if second == nil {
			return nil, &Error{Line: firstLine, Msg: "a header, and no rows below it"}
		}
		err = p.refuseText(second, secondLine)
	} else {
		cells := make([][]byte, len(top))
		for j := range top {
			cells[j] = []byte(top[j])
		}
		rows.pending = append(rows.pending, csvRow{cells, firstLine})
		err = p.refuseText(cells, firstLine)
	}
	if second != nil {
		rows.pending = append(rows.pending, csvRow{second, secondLine})
	}
	return rows, err
}

// next returns the next record, whose cells hold until the call after, and the line it begins on; nil at the end.
func (r *csvRows) next() ([][]byte, int, error) {
	if len(r.pending) > 0 {
		row := r.pending[0]
		r.pending = r.pending[1:]
		return row.cells, row.line, nil
	}
	return r.records.next()
}

// csvTable grows a table record by record.
type csvTable struct {
	names     []string // of all columns, nil when the file has none
	cols      int      // columns of the file
	widthLine int      // the line that set cols
	label     int      // index of the label column, or -1
	allowNaN  bool

	data     []float32
	labels   []string
	interned map[string]string // labels are few and repeat
	rows     int
}

// maxInterned bounds the labels shared between rows, so that a column of distinct texts costs no map entry each.
const maxInterned = 4096

func (p *csvTable) add(cells [][]byte, line int) error {
	if len(cells) != p.cols {
		return &Error{Line: line, Msg: countCells(len(cells)) + ", and line " + strconv.Itoa(p.widthLine) + " has " +
			strconv.Itoa(p.cols)}
	}
	for j, cell := range cells {
		if j == p.label {
			p.labels = append(p.labels, p.intern(cell))
			continue
		}
		v, ok := parseNumber(cell)
		if !ok || v-v != 0 {
			var err error
			if v, err = p.unusual(cell); err != nil {
				e := err.(*Error)
				e.Line, e.Column, e.ColumnName = line, j+1, p.name(j)
				return e
			}
		}
		p.data = append(p.data, v)
	}
	p.rows++
	return nil
}

// unusual reads a cell that is not the text of a finite float32.
func (p *csvTable) unusual(cell []byte) (float32, error) {
	switch v, kind := missingValue(cell); {
	case kind != missingNot && p.allowNaN:
		return v, nil
	case len(cell) == 0:
		return 0, errorf("the cell is empty")
	case kind == missingNonFinite:
		return 0, errorf("%s is not a finite number", quote(cell))
	}
	if _, ok := parseNumber(cell); ok {
		return 0, errorf("%s overflows float32", quote(cell))
	}
	return 0, errorf("%s is not a number", quote(cell))
}

// refuseText says of a first row with nothing but words that the table has no numbers, which is more than that its first
// word is none.
func (p *csvTable) refuseText(row [][]byte, line int) error {
	if len(row) != p.cols || p.cols < 2 {
		return nil
	}
	text := -1
	for j, cell := range row {
		if j == p.label {
			continue
		}
		if kindOf(cell) != textCell {
			return nil
		}
		if text < 0 {
			text = j
		}
	}
	return &Error{Line: line, Msg: "no numeric column: every cell is text, the first is " + quote(row[text])}
}

func (p *csvTable) intern(cell []byte) string {
	if s, ok := p.interned[string(cell)]; ok {
		return s
	}
	s := string(cell)
	if len(p.interned) < maxInterned {
		p.interned[s] = s
	}
	return s
}

func (p *csvTable) name(j int) string {
	if p.names == nil {
		return ""
	}
	return p.names[j]
}

func (p *csvTable) table(label string) *Table {
	d := p.cols
	t := &Table{LabelName: label}
	if p.label >= 0 {
		d--
		t.Label = p.labels
	}
	if p.names != nil {
		t.Columns = make([]string, 0, d)
		for j, name := range p.names {
			if j != p.label {
				t.Columns = append(t.Columns, name)
			}
		}
	}
	t.Matrix = blas32.General{Rows: p.rows, Cols: d, Stride: d, Data: p.data}
	return t
}

func countCells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return strconv.Itoa(n) + " cells"
}

// looksLikeHeader applies the rule at HeaderAuto to the first record; second is nil when there is no other.
func looksLikeHeader(first []string, second [][]byte, label string) bool {
	texts, numbers, ascending := 0, 0, true
	last := -1
	for _, cell := range first {
		switch kindOf(cell) {
		case textCell:
			texts++
		case numberCell:
			numbers++
			n, err := strconv.Atoi(cell)
			ascending = ascending && err == nil && n > last
			last = n
		}
	}
	if texts == 0 {
		return false
	}
	index, err := strconv.Atoi(label)
	if label != "" && err != nil {
		for _, cell := range first {
			if cell == label {
				return true
			}
		}
	}
	if numbers == 0 {
		return true
	}
	if !ascending {
		return false
	}
	for j, cell := range first {
		if kindOf(cell) == textCell && j < len(second) && j+1 != index && kindOf(second[j]) != textCell {
			return true
		}
	}
	return false
}

type cellKind int

const (
	textCell cellKind = iota
	numberCell
	missingCell
)

func kindOf[T string | []byte](cell T) cellKind {
	if _, ok := parseNumber([]byte(cell)); ok {
		return numberCell
	}
	if _, kind := missingValue([]byte(cell)); kind != missingNot {
		return missingCell
	}
	return textCell
}

// parseNumber reads a decimal number, rounded once to the nearest float32, ties to even. A number out of range gives an
// infinity. Hexadecimal, underscores and names are no numbers here.
func parseNumber(cell []byte) (float32, bool) {
	if len(cell) == 0 {
		return 0, false
	}
	for _, c := range cell {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(cell), 32)
	return float32(v), err == nil || errors.Is(err, strconv.ErrRange)
}

type missingKind int

const (
	missingNot missingKind = iota
	missingEmpty
	missingNonFinite
)

// missingValue reads the usual ways to write a value that is absent or not finite.
func missingValue(cell []byte) (float32, missingKind) {
	const longest = len("-infinity")
	if len(cell) > longest {
		return 0, missingNot
	}
	switch s := strings.ToLower(string(cell)); s {
	case "", "?", "na", "n/a", "null":
		return nan32, missingEmpty
	case "nan", "+nan", "-nan":
		return nan32, missingNonFinite
	case "inf", "+inf", "infinity", "+infinity":
		return inf32, missingNonFinite
	case "-inf", "-infinity":
		return -inf32, missingNonFinite
	}
	return 0, missingNot
}
