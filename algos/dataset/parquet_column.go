package dataset

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	layout "github.com/parquet-go/parquet-go/format"
)

// parquetColumn reads one column of a row group from any row on.
type parquetColumn struct {
	index    int // among the file's leaf columns
	number   int // for messages, from 1
	name     string
	allowNaN bool
	unsigned bool
	text     func(i int, v parquet.Value) // set for a label: takes the values as they are

	pages  parquet.Pages // nil before the first row of a group
	page   parquet.Page
	values parquet.ValueReader
	buffer [512]parquet.Value
}

// takeType refuses what is stored as a number and is none.
func (c *parquetColumn) takeType(t parquet.Type) error {
	if t.Kind() == parquet.ByteArray {
		return errorf("the column holds text, not numbers")
	}
	if logical := t.LogicalType(); logical != nil && logical.Value != nil {
		integer, ok := logical.Value.(*layout.IntType)
		if !ok {
			return errorf("the column holds values of type %s, not numbers", logical)
		}
		c.unsigned = !integer.IsSigned
	}
	switch t.Kind() {
	case parquet.Boolean, parquet.Int32, parquet.Int64, parquet.Float, parquet.Double:
		return nil
	}
	return errorf("the column holds values of type %s, not numbers", t)
}

// place completes an error with the column, and with the row where that is not 0.
func (c *parquetColumn) place(err error, row int) error {
	e, ok := damaged(err).(*Error)
	if !ok {
		return err
	}
	e.Row, e.Column, e.ColumnName = row, c.number, c.name
	return e
}

// read gives n values, from the row numbered first within the group on, to take. row is the number of the first in the
// whole file.
func (c *parquetColumn) read(group parquet.RowGroup, first, n, row int, take func(i int, v float32)) error {
	if c.pages == nil {
		c.pages = group.ColumnChunks()[c.index].Pages()
		if first > 0 {
			if err := c.pages.SeekToRow(int64(first)); err != nil {
				return c.place(err, 0)
			}
		}
	}
	for i := 0; i < n; {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return c.place(err, 0)
			}
			c.page, c.values = page, page.Values()
		}
		m, err := c.values.ReadValues(c.buffer[:min(len(c.buffer), n-i)])
		for p, v := range c.buffer[:m] {
			if c.text != nil {
				c.text(i+p, v)
				continue
			}
			x, bad := c.number32(v)
			if bad != nil {
				return c.place(bad, row+i+p+1)
			}
			take(i+p, x)
		}
		i += m
		if err == io.EOF {
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		} else if err != nil {
			return c.place(err, 0)
		} else if m == 0 {
			return c.place(io.ErrNoProgress, 0)
		}
	}
	return nil
}

// number32 rounds a value once, to nearest even.
func (c *parquetColumn) number32(v parquet.Value) (float32, error) {
	var x float32
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			x = 1
		}
	case parquet.Int32:
		if x = float32(v.Int32()); c.unsigned {
			x = float32(v.Uint32())
		}
	case parquet.Int64:
		if x = float32(v.Int64()); c.unsigned {
			x = float32(v.Uint64())
		}
	case parquet.Float:
		x = v.Float()
	case parquet.Double:
		x = float32(v.Double())
	default:
		if v.IsNull() && c.allowNaN {
			return nan32, nil
		}
		if v.IsNull() {
			return 0, errorf("the value is null")
		}
		return 0, fmt.Errorf("a value of kind %v", v.Kind())
	}
	if x-x == 0 {
		return x, nil
	}
	text := floatText(float64(x), 32)
	if v.Kind() == parquet.Double {
		text = floatText(v.Double(), 64)
	}
	if err := notFinite(text, c.allowNaN); err != nil {
		return 0, err
	}
	if x != x {
		x = math.Float32frombits(canonicalNaN)
	}
	return x, nil
}

// close forgets the place in the group.
func (c *parquetColumn) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		c.pages.Close()
	}
	c.pages, c.page, c.values = nil, nil, nil
}

// readPageHeader decodes one page header and returns the bytes it took. Headers hold statistics, the smallest and
// largest value of a page, and may be long where those are texts.
func readPageHeader(r *io.SectionReader) (h layout.PageHeader, length int64, err error) {
	for size := int64(1 << 10); ; size *= 16 {
		size = min(size, r.Size())
		head := make([]byte, size)
		if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
			return h, 0, err
		}
		in := new(thrift.CompactProtocol).NewReaderFromBytes(head)
		h = layout.PageHeader{}
		err := thrift.NewDecoder(in).Decode(&h)
		if err == nil {
			return h, int64(in.BytesRead()), nil
		}
		const longest = 1 << 20
		if size == r.Size() || size > longest {
			return h, 0, fmt.Errorf("a page header of the first %s bytes: %w", strconv.FormatInt(size, 10), err)
		}
	}
}
