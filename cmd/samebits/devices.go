package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"samebits/backend"
	"samebits/backend/exact"
)

func (a *app) devicesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "devices",
		Short: "List every device, usable or not and why, and which one auto takes",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			start := time.Now()
			infos := backend.Devices(cmd.Context(), a.config())
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					envelope
					Devices []backend.Info `json:"devices"`
				}{a.envelope("devices", nil, start), infos})
			}
			rows := make([][]string, 0, len(infos))
			for _, in := range infos {
				usable, profile, auto := "no", "-", ""
				if in.Usable {
					usable = "yes"
				}
				if in.Profile != nil {
					profile = in.Profile.String()
				}
				if in.Auto {
					auto = "auto"
				}
				rows = append(rows, []string{in.Name, usable, auto, profile, in.Renderer, in.Reason})
			}
			table(a.stdout, []string{"device", "usable", "", "profile", "renderer", "reason"}, rows)
			return nil
		},
	}
}

// probeName is the hidden subcommand that looks at devices whose drivers may
// crash or hang, in a child process of the program's own.
const probeName = "probe-devices"

func (a *app) probeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    probeName,
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			infos := backend.ListInProcess(cmd.Context(), backend.Config{Profile: backend.ProfileRequest(a.profile)})
			return json.NewEncoder(a.stdout).Encode(infos)
		},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, contract version and build",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			start := time.Now()
			version, revision := buildVersion()
			if a.json {
				return a.printJSON(struct {
					envelope
					Version  string `json:"version"`
					Revision string `json:"revision"`
					Go       string `json:"go"`
					Platform string `json:"platform"`
					OpenGL   bool   `json:"opengl"`
				}{a.envelope("version", nil, start), version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, withOpenGL})
			}
			gl := "without OpenGL"
			if withOpenGL {
				gl = "with OpenGL"
			}
			fmt.Fprintf(a.stdout, "samebits %s (%s), contract %d, %s %s/%s, %s\n", version, revision, exact.ContractVersion,
				runtime.Version(), runtime.GOOS, runtime.GOARCH, gl)
			return nil
		},
	}
}

// buildVersion returns the module's version and the source revision that the
// toolchain recorded.
func buildVersion() (version, revision string) {
	version, revision = "unknown", "unknown"
	if bi, ok := debug.ReadBuildInfo(); ok {
		version = bi.Main.Version
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = s.Value[:12]
			}
		}
	}
	return version, revision
}

// noArgs refuses positional arguments with a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument %q", cmd.Name(), args[0])
	}
	return nil
}
