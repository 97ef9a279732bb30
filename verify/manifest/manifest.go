// Package manifest records what a run did, so that another machine can do it
// again and show the same bits, or name the first step where it did not.
//
// A [Manifest] holds the digests of a run's inputs, its parameters, seed and
// arithmetic, and the digests of its intermediate steps and outputs. A
// [Recorder] makes one while the run goes on; made by [Against] it compares the
// run with an old manifest instead.
package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"samebits/backend"
	"samebits/backend/exact"
)

// Format is the version of the file format that this package writes and reads.
const Format = 1

// maxFile bounds the files that Read takes: 2²⁰ steps of 150 bytes fit.
const maxFile = 192 << 20

// ErrMalformed says that a file is no manifest, or a damaged one.
var ErrMalformed = errors.New("not a manifest")

// Manifest is the record of one run of a command.
type Manifest struct {
	Format     int         `json:"samebits_manifest"`
	Program    string      `json:"program"` // the version that wrote it
	Contract   int         `json:"contract"`
	Command    string      `json:"command"`
	Arguments  []string    `json:"arguments"` // positional
	Parameters []Parameter `json:"parameters"`
	Inputs     []Input     `json:"inputs"`
	Seed       uint64      `json:"seed"`
	// Device is where the run took place. It does not enter the comparison:
	// any device that follows Profile's mac must show the same digests.
	Device  string          `json:"device"`
	Profile backend.Profile `json:"profile"`
	Steps   []Digest        `json:"steps"`
	Outputs []Digest        `json:"outputs"`
}

// Parameter is one setting of the run that can change a result. Sum ties its
// value to its name, so that an edited one is noticed and named.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Sum   string `json:"sum"` // the first 16 digits of SHA-256(name ‖ 0 ‖ value)
}

// Input is one file that the run read.
type Input struct {
	Path   string `json:"path"` // as it was given
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Digest is the SHA-256 of an intermediate result or an output.
type Digest struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// NewParameter returns a parameter with its sum.
func NewParameter(name, value string) Parameter {
	return Parameter{Name: name, Value: value, Sum: sumOf(name, value)}
}

func sumOf(name, value string) string {
	h := sha256.Sum256([]byte(name + "\x00" + value))
	return hex.EncodeToString(h[:8])
}

// HashFile returns the length and digest of a file.
func HashFile(path string) (Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return Input{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return Input{}, err
	}
	return Input{Path: path, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// Encode writes the manifest as indented JSON.
func (m *Manifest) Encode(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(m)
}

// ReadFile reads a manifest; see Decode. With a *Difference it returns the
// manifest too.
func ReadFile(path string) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := Decode(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return m, err
}

// Decode reads and checks a manifest of at most 192 MiB. Errors wrap
// ErrMalformed; a parameter whose value is not the recorded one is a
// *Difference that names it, and so is another version of the contract.
func Decode(r io.Reader) (*Manifest, error) {
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	dec := json.NewDecoder(limited)
	var m Manifest
	if err := dec.Decode(&m); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("more than %d bytes: %w", maxFile, ErrMalformed)
		}
		return nil, fmt.Errorf("%v: %w", err, ErrMalformed)
	}
	if dec.More() {
		return nil, fmt.Errorf("text after the end: %w", ErrMalformed)
	}
	return &m, m.check()
}

func (m *Manifest) check() error {
	if text, bad := m.unprintable(); bad {
		return fmt.Errorf("%.40q: want at most %d bytes without control characters: %w", text, maxText, ErrMalformed)
	}
	switch {
	case m.Format == 0:
		return fmt.Errorf("samebits_manifest is missing: %w", ErrMalformed)
	case m.Format != Format:
		return fmt.Errorf("format %d, this program reads %d: %w", m.Format, Format, ErrMalformed)
	case m.Command == "":
		return fmt.Errorf("no command: %w", ErrMalformed)
	case m.Seed > 1<<53-1:
		return fmt.Errorf("seed %d passes 2⁵³−1: %w", m.Seed, ErrMalformed)
	case m.Profile.Mode != backend.ExactMode:
		return fmt.Errorf("mode %q promises no bits to compare: %w", m.Profile.Mode, ErrMalformed)
	case len(m.Outputs) == 0 && len(m.Steps) == 0:
		return fmt.Errorf("neither steps nor outputs: %w", ErrMalformed)
	}
	for _, in := range m.Inputs {
		if !isDigest(in.SHA256) || in.Bytes < 0 {
			return fmt.Errorf("input %q: size or digest: %w", in.Path, ErrMalformed)
		}
	}
	for _, list := range [][]Digest{m.Steps, m.Outputs} {
		for _, d := range list {
			if !isDigest(d.SHA256) || d.Name == "" {
				return fmt.Errorf("step or output %q: no digest: %w", d.Name, ErrMalformed)
			}
		}
	}
	if m.Contract != exact.ContractVersion {
		return &Difference{Kind: "contract", Name: "version", Recorded: fmt.Sprint(m.Contract), Now: fmt.Sprint(exact.ContractVersion)}
	}
	seen := map[string]bool{}
	for _, p := range m.Parameters {
		if p.Name == "" || seen[p.Name] {
			return fmt.Errorf("parameter %q is missing or there twice: %w", p.Name, ErrMalformed)
		}
		seen[p.Name] = true
		if p.Sum != sumOf(p.Name, p.Value) {
			return &Difference{Kind: "parameter", Name: p.Name, Recorded: "another value", Now: p.Value}
		}
	}
	return nil
}

// maxText bounds each text of a manifest, in bytes.
const maxText = 4096

// unprintable returns a text that a terminal must not see, or one that is too
// long for what it is.
func (m *Manifest) unprintable() (string, bool) {
	texts := append([]string{m.Program, m.Command, m.Device, m.Profile.Mac.String(), string(m.Profile.Subnormals)}, m.Arguments...)
	for _, p := range m.Parameters {
		texts = append(texts, p.Name, p.Value, p.Sum)
	}
	for _, in := range m.Inputs {
		texts = append(texts, in.Path)
	}
	for _, list := range [][]Digest{m.Steps, m.Outputs} {
		for _, d := range list {
			texts = append(texts, d.Name)
		}
	}
	i := slices.IndexFunc(texts, func(s string) bool {
		return len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	})
	if i < 0 {
		return "", false
	}
	return texts[i], true
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}
