package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/backend/exact"
	"samebits/verify/manifest"
)

// Annotations: a command that can write a manifest, and a flag that says where
// results go, not what they are.
const (
	recordsManifest = "records-manifest"
	namesOutput     = "names-output"
)

// Parameters that every command has.
const (
	seedParameter    = "seed"
	profileParameter = "profile"
)

// recordable makes a command one that takes --manifest and that replay can run
// again. outputs are the flags that change no result.
func (a *app) recordable(cmd *cobra.Command, outputs ...string) *cobra.Command {
	cmd.Annotations = map[string]string{recordsManifest: "yes"}
	cmd.Flags().StringVar(&a.manifest, "manifest", "", "record the run's parameters and digests in this file, for samebits replay")
	for _, name := range append(outputs, "manifest") {
		if err := cmd.Flags().SetAnnotation(name, namesOutput, []string{"yes"}); err != nil {
			panic(err) // the flag's name is misspelt
		}
	}
	return cmd
}

// parameterFlags calls f for each flag of a command that can change a result.
func parameterFlags(cmd *cobra.Command, f func(*pflag.Flag)) {
	cmd.LocalNonPersistentFlags().VisitAll(func(fl *pflag.Flag) {
		if _, output := fl.Annotations[namesOutput]; !output && fl.Name != "help" {
			f(fl)
		}
	})
}

// checkManifest refuses --manifest where it cannot be written, before anything
// is computed.
func (a *app) checkManifest(cmd *cobra.Command) error {
	if a.manifest == "" {
		return nil
	}
	if a.manifest == "-" {
		return usagef("--manifest takes a file, not standard output")
	}
	if dir, err := os.Stat(filepath.Dir(a.manifest)); err != nil || !dir.IsDir() {
		return usagef("--manifest %s: no such folder", a.manifest)
	}
	a.rec = manifest.NewRecorder()
	return nil
}

// notTheManifest refuses files of a run that --manifest would replace.
func (a *app) notTheManifest(paths ...string) error {
	if a.manifest == "" {
		return nil
	}
	m := samePath(a.manifest)
	for _, p := range paths {
		if p != "" && samePath(p) == m {
			return usagef("--manifest %s: the file is also an input or an output of the run", a.manifest)
		}
	}
	return nil
}

// samePath returns one name for the names of one file.
func samePath(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		path = p
	}
	if p, err := filepath.Abs(path); err == nil {
		path = p
	}
	return path
}

// finishManifest ends the recording of a run on dev: it writes --manifest, or
// ends a replay's comparison.
func (a *app) finishManifest(cmd *cobra.Command, args []string, dev *backend.Device) error {
	if a.rec == nil {
		return nil
	}
	version, revision := buildVersion()
	m := manifest.Manifest{Program: version + " (" + revision + ")", Contract: exact.ContractVersion, Command: cmd.Name(), Arguments: slices.Clone(args),
		Parameters: []manifest.Parameter{}, Seed: a.seed, Device: dev.Info().Name + " (" + dev.Info().Renderer + ")", Profile: dev.Profile()}
	if m.Arguments == nil {
		m.Arguments = []string{}
	}
	parameterFlags(cmd, func(f *pflag.Flag) {
		m.Parameters = append(m.Parameters, manifest.NewParameter(f.Name, f.Value.String()))
	})
	// These stand in fields of their own too; here an edited one is noticed.
	m.Parameters = append(m.Parameters, manifest.NewParameter(seedParameter, strconv.FormatUint(a.seed, 10)),
		manifest.NewParameter(profileParameter, m.Profile.Mac.String()))
	if a.manifest != "" && m.Profile.Mode != backend.ExactMode {
		return fmt.Errorf("--manifest: %s promises no bits to record: %w", dev.Info().Name, backend.ErrNotSupported)
	}
	done, err := a.rec.Finish(m)
	if err != nil || a.manifest == "" {
		return err
	}
	return dataset.WriteFile(a.manifest, done.Encode)
}

// asDifference returns the difference that ended a replay, if one did.
func asDifference(err error) *manifest.Difference {
	var d *manifest.Difference
	if errors.As(err, &d) {
		return d
	}
	return nil
}
