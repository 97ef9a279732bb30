package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"samebits/backend"
	"samebits/backend/exact"
)

// A Record is what one machine computed: a digest of every case of a run. It
// is written as JSON, and another machine compares itself with it, [Against].
type Record struct {
	Format      string          `json:"format"`  // RecordFormat
	Version     int             `json:"version"` // RecordVersion
	Contract    int             `json:"contract"`
	Suite       Suite           `json:"suite"`
	Op          string          `json:"op"`   // what Options.Op left of the suite, empty for all
	Only        string          `json:"case"` // what Options.Only chose instead, empty for none
	Seed        uint64          `json:"seed"`
	Profile     backend.Profile `json:"profile"`
	Environment Environment     `json:"environment"`
	Count       int             `json:"count"`   // of Cases
	Skipped     []string        `json:"skipped"` // cases that the machine does not support
	Cases       []Recorded      `json:"cases"`
	// Sum is the SHA-256 of all fields: of the record's compact JSON with an
	// empty Sum. It tells damage from what a machine computed; whoever wants to
	// deceive can compute it too.
	Sum string `json:"sum"`
}

// Recorded is one case of a record.
type Recorded struct {
	Case     string `json:"case"`
	Elements int    `json:"elements"` // output words
	Inputs   string `json:"inputs"`   // SHA-256 of the data, as digest.go says
	Outputs  string `json:"outputs"`  // SHA-256 of the results
}

// What a record says first, and its schema's version.
const (
	RecordFormat  = "samebits verify record"
	RecordVersion = 2
)

// Limits of a record that is read.
const (
	maxRecordBytes = 64 << 20
	maxRecordText  = 1024      // bytes of a name
	maxRecordSeed  = 1<<53 - 1 // what a JSON number carries exactly
)

// NewRecord makes the record of a run that had Options.Digests. The error
// says why there is none: the run proves nothing, see [Report.Err], or had an
// error planted into it.
func NewRecord(o Options, r *Report) (*Record, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	if r.Fault != "" {
		return nil, fmt.Errorf("the error %s was planted into the device", r.Fault)
	}
	rec := &Record{Format: RecordFormat, Version: RecordVersion, Contract: exact.ContractVersion, Suite: r.Suite, Op: o.Op, Only: o.Only,
		Seed: o.Seed, Profile: o.Tested.Profile(), Environment: r.Environment, Skipped: []string{}}
	for _, c := range r.Results {
		if c.Skipped != "" {
			rec.Skipped = append(rec.Skipped, c.Case)
			continue
		}
		if c.Outputs == "" {
			return nil, fmt.Errorf("%s: the run took no digests: %w", c.Case, backend.ErrArgument)
		}
		rec.Cases = append(rec.Cases, Recorded{Case: c.Case, Elements: c.Elements, Inputs: c.Inputs, Outputs: c.Outputs})
	}
	return rec, rec.seal()
}

// seal sets Count and Sum to what they must be.
func (rec *Record) seal() (err error) {
	rec.Count = len(rec.Cases)
	rec.Sum, err = rec.sum()
	return err
}

// sum is what Sum must be.
func (rec *Record) sum() (string, error) {
	bare := *rec
	bare.Sum = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:]), nil
}

// Encode writes the record as JSON, Count and Sum as they must be.
func (rec *Record) Encode(w io.Writer) error {
	sealed := *rec
	if err := sealed.seal(); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(sealed)
}

// ReadRecord reads a file that holds what Encode wrote. The error wraps backend.ErrArgument
// for one that is no record, is cut short, too large, or of another version.
func ReadRecord(path string) (*Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, bareFileError(err), backend.ErrArgument)
	}
	defer f.Close()
	rec, err := DecodeRecord(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

// DecodeRecord reads a record; see [ReadRecord]. It holds no more than 64 MiB
// of what r gives.
func DecodeRecord(r io.Reader) (*Record, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRecordBytes+1))
	if err == nil && len(text) > maxRecordBytes {
		err = fmt.Errorf("larger than %d bytes", maxRecordBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, backend.ErrArgument)
	}
	rec, err := parseRecord(text)
	if err != nil {
		return nil, fmt.Errorf("no record of verify: %w: %w", err, backend.ErrArgument)
	}
	return rec, nil
}

func parseRecord(text []byte) (*Record, error) {
	// A record of another version may have any other fields.
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, jsonError(text, err)
	}
	if head.Format != RecordFormat {
		return nil, fmt.Errorf("format %.40q, want %q", head.Format, RecordFormat)
	}
	if head.Version != RecordVersion {
		return nil, fmt.Errorf("version %d, this program reads %d", head.Version, RecordVersion)
	}
	rec := &Record{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(rec); err != nil {
		return nil, jsonError(text, err)
	}
	return rec, rec.check()
}

// check says what is wrong with the values.
func (rec *Record) check() error {
	p := rec.Profile
	switch {
	case rec.Seed > maxRecordSeed:
		return fmt.Errorf("seed %d, most is 2^53-1", rec.Seed)
	case rec.Suite == "" || rec.Suite.Check() != nil:
		return fmt.Errorf("suite %.40q", string(rec.Suite))
	case p.Mode != backend.ExactMode && p.Mode != backend.BoundedMode:
		return fmt.Errorf("profile: mode %.40q", string(p.Mode))
	case p.Subnormals != backend.KeepSubnormals && p.Subnormals != backend.FlushSubnormals:
		return fmt.Errorf("profile: subnormals %.40q", string(p.Subnormals))
	case len(rec.Cases) == 0:
		return errors.New("it has no cases")
	}
	e := rec.Environment
	for _, s := range []string{rec.Op, rec.Only, e.Tested.Name, e.Tested.Kind, e.Tested.Renderer, e.Tested.Driver, e.Processor,
		e.Platform, e.Go, e.Program, e.Revision, e.Date} {
		if err := checkPrintable(s); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(rec.Cases))
	for i, c := range rec.Cases {
		if err := checkPrintable(c.Case); err != nil {
			return fmt.Errorf("case %d: %w", i+1, err)
		}
		switch {
		case c.Case == "":
			return fmt.Errorf("case %d has no name", i+1)
		case seen[c.Case]:
			return fmt.Errorf("case %q stands in it twice", c.Case)
		case c.Elements < 0:
			return fmt.Errorf("case %q: %d elements", c.Case, c.Elements)
		case !isDigest(c.Inputs) || !isDigest(c.Outputs):
			return fmt.Errorf("case %q: a digest is no SHA-256 in lower-case hexadecimal", c.Case)
		}
		seen[c.Case] = true
	}
	for _, name := range rec.Skipped {
		if err := checkPrintable(name); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("case %q stands in it twice", name)
		}
		seen[name] = true
	}
	if rec.Count != len(rec.Cases) {
		return fmt.Errorf("it says that it has %d cases and holds %d: cut or damaged", rec.Count, len(rec.Cases))
	}
	if sum, err := rec.sum(); err != nil || sum != rec.Sum {
		return errors.New("its sum is not that of its contents: damaged or edited")
	}
	return nil
}

// checkPrintable refuses what would spoil a terminal or a report.
func checkPrintable(s string) error {
	if len(s) > maxRecordText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("text %.40q: want at most %d bytes without control characters", s, maxRecordText)
	}
	return nil
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
