package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samebits/backend"
	"samebits/verify/manifest"
)

// replayFlags are the flags of samebits replay.
type replayFlags struct {
	set   []string
	input []string
}

func (a *app) replayCommand() *cobra.Command {
	var fl replayFlags
	cmd := &cobra.Command{
		Use:   "replay MANIFEST",
		Short: "Run a recorded command again and compare every step's digest",
		Long: "replay reads what another run wrote with --manifest, runs the same command again on the\n" +
			"device asked for, under the recorded profile and seed unless --profile or --seed says\n" +
			"otherwise, and compares the digests of inputs, steps and outputs. Exit code 1 names the\n" +
			"first that differs. It writes no result files. A recorded input is looked for under its\n" +
			"own name, then beside the manifest.",
		Example: "  samebits cluster points.csv --k 8 --manifest run.json\n" +
			"  samebits replay run.json --backend gl\n" +
			"  samebits replay run.json --input points.csv=/data/points.csv --threads 2",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("replay takes one manifest, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.replay(cmd, args[0], fl) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&fl.set, "set", nil, "NAME=VALUE: replay with another value of this parameter, and name what follows")
	f.StringArrayVar(&fl.input, "input", nil, "RECORDED=PATH: where a recorded input lies here")
	return cmd
}

// replayReport is the JSON object of samebits replay.
type replayReport struct {
	envelope
	Manifest   string                 `json:"manifest"`
	Replayed   string                 `json:"replayed"` // the command
	RecordedOn string                 `json:"recorded_on"`
	Same       bool                   `json:"same"`
	Steps      int                    `json:"steps"`   // compared
	Outputs    int                    `json:"outputs"` // compared
	Changed    []*manifest.Difference `json:"changed"` // what was asked to be other than recorded
	Difference *manifest.Difference   `json:"difference"`
}

func (a *app) replay(cmd *cobra.Command, path string, fl replayFlags) error {
	start := time.Now()
	rep := replayReport{Manifest: path, Changed: []*manifest.Difference{}}
	m, err := manifest.ReadFile(path)
	if m != nil {
		rep.Replayed, rep.RecordedOn = m.Command, m.Device
	}
	if d := asDifference(err); d != nil { // another contract, or a parameter that was edited
		rep.Difference = d
		return a.reportReplay(rep, nil, start)
	}
	if err != nil {
		return err
	}
	inner, args, changed, err := a.replayed(cmd, path, m, fl)
	if d := asDifference(err); d != nil { // a field that was edited
		rep.Difference = d
		return a.reportReplay(rep, nil, start)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rep.Changed = append(rep.Changed, changed...)
	err = inner.execute(cmd.Context(), args)
	rep.Difference = asDifference(err)
	if err != nil && rep.Difference == nil {
		return err
	}
	rep.Steps, rep.Outputs = inner.rec.Counts()
	rep.Same = rep.Difference == nil
	a.backend, a.profile, a.seed = inner.backend, inner.profile, inner.seed
	return a.reportReplay(rep, inner, start)
}

// replayed prepares the recorded command: a program whose recorder compares,
// its command line, and what is asked to be other than recorded.
func (a *app) replayed(cmd *cobra.Command, path string, m *manifest.Manifest, fl replayFlags) (*app, []string, []*manifest.Difference, error) {
	inner := &app{stdout: io.Discard, stderr: a.stderr, rec: manifest.Against(m), replaying: true}
	dir := filepath.Dir(path)
	root := inner.rootCommand()
	target, _, err := root.Find([]string{m.Command})
	if err != nil || target == root || target.Annotations[recordsManifest] == "" {
		return nil, nil, nil, fmt.Errorf("command %q cannot be replayed: %w", m.Command, manifest.ErrMalformed)
	}
	known := map[string]*pflag.Flag{seedParameter: target.InheritedFlags().Lookup("seed"), profileParameter: target.InheritedFlags().Lookup("profile")}
	parameterFlags(target, func(f *pflag.Flag) { known[f.Name] = f })
	where, err := inputsHere(m, dir, fl.input)
	if err != nil {
		return nil, nil, nil, err
	}
	set := fl.set
	for _, name := range []string{seedParameter, profileParameter} {
		if f := cmd.Flags().Lookup(name); f.Changed {
			set = append(set, name+"="+f.Value.String())
		}
	}
	values, changed, err := settings(m, set, known)
	if err != nil {
		return nil, nil, nil, err
	}
	args := []string{m.Command}
	for _, p := range m.Parameters {
		v := values[p.Name]
		if here, ok := where[v]; ok {
			v = here
		}
		args = append(args, "--"+p.Name+"="+v)
	}
	args = append(args, "--backend="+a.backend, "--threads="+strconv.Itoa(a.threads), "--quiet="+strconv.FormatBool(a.quiet || a.json), "--")
	for _, v := range m.Arguments {
		if here, ok := where[v]; ok {
			v = here
		}
		args = append(args, v)
	}
	return inner, args, changed, nil
}

// settings returns each parameter's value, after --set. known are the flags
// that the command has now.
func settings(m *manifest.Manifest, set []string, known map[string]*pflag.Flag) (map[string]string, []*manifest.Difference, error) {
	values := map[string]string{}
	for _, p := range m.Parameters {
		if known[p.Name] == nil {
			return nil, nil, fmt.Errorf("%s has no parameter %q: %w", m.Command, p.Name, manifest.ErrMalformed)
		}
		values[p.Name] = p.Value
	}
	for name := range known {
		if _, ok := values[name]; !ok {
			return nil, nil, fmt.Errorf("parameter %s of %s is missing: %w", name, m.Command, manifest.ErrMalformed)
		}
	}
	for name, field := range map[string]string{seedParameter: strconv.FormatUint(m.Seed, 10), profileParameter: m.Profile.Mac.String()} {
		if values[name] != field {
			return nil, nil, &manifest.Difference{Kind: "parameter", Name: name, Recorded: values[name], Now: field}
		}
	}
	var changed []*manifest.Difference
	seen := map[string]bool{}
	for _, s := range set {
		name, now, ok := strings.Cut(s, "=")
		was, recorded := values[name]
		if !ok || !recorded {
			return nil, nil, usagef("--set %s: want NAME=VALUE with one of %s", s, strings.Join(sortedKeys(values), ", "))
		}
		if seen[name] {
			return nil, nil, usagef("%s is set twice", name)
		}
		seen[name] = true
		if err := known[name].Value.Set(now); err != nil {
			return nil, nil, usagef("--set %s: %v", s, err)
		}
		now = known[name].Value.String() // 1e-4 is 0.0001
		values[name] = now
		if now != was {
			changed = append(changed, &manifest.Difference{Kind: "parameter", Name: name, Recorded: was, Now: now})
		}
	}
	return values, changed, nil
}

// inputsHere says where each recorded input lies: where --input says, else
// under its own name, else beside the manifest.
func inputsHere(m *manifest.Manifest, dir string, given []string) (map[string]string, error) {
	where := map[string]string{}
	for _, s := range given {
		i := slices.IndexFunc(m.Inputs, func(in manifest.Input) bool { return strings.HasPrefix(s, in.Path+"=") })
		if i < 0 {
			if len(m.Inputs) == 0 {
				return nil, usagef("--input %s: the run read no file", s)
			}
			var paths []string
			for _, in := range m.Inputs {
				paths = append(paths, in.Path)
			}
			return nil, usagef("--input %s: want RECORDED=PATH with one of %s", s, strings.Join(paths, ", "))
		}
		where[m.Inputs[i].Path] = s[len(m.Inputs[i].Path)+1:]
	}
	for _, in := range m.Inputs {
		here, ok := where[in.Path]
		if !ok {
			here = in.Path
		}
		_, err := os.Stat(here)
		if err != nil && !ok && !filepath.IsAbs(in.Path) {
			if beside := filepath.Join(dir, in.Path); exists(beside) {
				where[in.Path] = beside
				continue
			}
		}
		if err != nil {
			return nil, usagef("input %s: %v; --input %s=PATH says where it lies", in.Path, errorText(err), in.Path)
		}
	}
	return where, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// errorText is a file error without the operation's name.
func errorText(err error) string {
	if p, ok := err.(*os.PathError); ok {
		return filepath.Base(p.Path) + ": " + p.Err.Error()
	}
	return err.Error()
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// execute runs a command line of the program inside the program.
func (a *app) execute(ctx context.Context, args []string) error {
	root := a.rootCommand()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

func (a *app) reportReplay(rep replayReport, inner *app, start time.Time) error {
	var dev *backend.Device
	rep.envelope = a.envelope("replay", dev, start)
	if inner != nil {
		rep.envelope.Device, rep.envelope.Profile = inner.ranOn, inner.ranUnder
	}
	if a.json {
		if err := a.printJSON(rep); err != nil {
			return err
		}
	} else {
		a.printReplay(rep)
	}
	if d := rep.Difference; d != nil {
		return fmt.Errorf("%w: %s %s", errDifference, d.Kind, d.Name)
	}
	return nil
}

func (a *app) printReplay(r replayReport) {
	w := a.stdout
	fmt.Fprintf(w, "%s, recorded on %s", r.Replayed, r.RecordedOn)
	if r.Device != nil {
		fmt.Fprintf(w, ", replayed on %s, profile %v", *r.Device, *r.Profile)
	}
	fmt.Fprintln(w)
	for _, c := range r.Changed {
		fmt.Fprintf(w, "changed %s %s: recorded %s, now %s\n", c.Kind, c.Name, c.Recorded, c.Now)
	}
	if d := r.Difference; d != nil {
		fmt.Fprintf(w, "DIFFERENT: %s %s\n  recorded %s\n  now      %s\n", d.Kind, d.Name, d.Recorded, d.Now)
		return
	}
	fmt.Fprintf(w, "same: %s and %s have the recorded digests; %.3g s\n", count(r.Steps, "step"), count(r.Outputs, "output"), r.Seconds)
}
