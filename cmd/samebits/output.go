package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"samebits/backend"
	"samebits/backend/exact"
)

// envelope holds the fields of every --json object.
type envelope struct {
	Command  string           `json:"command"`
	Backend  string           `json:"backend"` // as asked
	Device   *string          `json:"device"`  // null where there is no single one
	Profile  *backend.Profile `json:"profile"`
	Contract int              `json:"contract"`
	Seed     uint64           `json:"seed"`
	Seconds  float64          `json:"seconds"`
}

// envelope describes this run on dev, which may be nil.
func (a *app) envelope(command string, dev *backend.Device, start time.Time) envelope {
	e := envelope{Command: command, Backend: a.backend, Contract: exact.ContractVersion, Seed: a.seed,
		Seconds: time.Since(start).Seconds()}
	if dev != nil {
		name, profile := dev.Info().Name, dev.Profile()
		e.Device, e.Profile = &name, &profile
	}
	return e
}

// printJSON prints v as one JSON object.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// checkedWriter remembers the first error of writing, so that output that a
// full disk swallowed is not taken for success.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// number is a float64 whose undefined values are null in JSON.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func numbers(v []float64) []number {
	out := make([]number, len(v))
	for i, x := range v {
		out[i] = number(x)
	}
	return out
}

// table prints rows in columns that line up; a column whose first cell starts
// with '>' is aligned to the right.
func table(w io.Writer, header []string, rows [][]string) {
	right := make([]bool, len(header))
	width := make([]int, len(header))
	for j, h := range header {
		if strings.HasPrefix(h, ">") {
			right[j] = true
			header[j] = h[1:]
		}
		width[j] = utf8.RuneCountInString(header[j])
	}
	for _, r := range rows {
		for j, c := range r {
			width[j] = max(width[j], utf8.RuneCountInString(c))
		}
	}
	line := func(cells []string) {
		var b strings.Builder
		for j, c := range cells {
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(c))
			if j > 0 {
				b.WriteString("  ")
			}
			if right[j] {
				b.WriteString(pad + c)
			} else {
				b.WriteString(c + pad)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(header)
	for _, r := range rows {
		line(r)
	}
}

// count gives a number with its noun: "1 row", "2 rows".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
