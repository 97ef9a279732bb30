package verify

import (
	"runtime"
	"runtime/debug"
	"time"

	"samebits/backend"
	"samebits/backend/exact"
)

// Environment says where and by what a report or record was made.
type Environment struct {
	Tested     Machine  `json:"tested"`
	Against    *Machine `json:"against"`    // nil where the run compared with a record
	Processor  string   `json:"processor"`  // its own name, empty where no device was the processor
	Processors int      `json:"processors"` // that the program may use
	Platform   string   `json:"platform"`   // operating system and architecture
	Go         string   `json:"go"`
	Program    string   `json:"program"`  // its version
	Revision   string   `json:"revision"` // of its source, empty where the build holds none
	Contract   int      `json:"contract"`
	Seed       uint64   `json:"seed"`
	Date       string   `json:"date"` // RFC 3339, UTC
}

// Machine is a device of a run.
type Machine struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Renderer string          `json:"renderer"`
	Driver   string          `json:"driver"`
	Software bool            `json:"software"`
	Profile  backend.Profile `json:"profile"`
}

// machineOf describes a device.
func machineOf(d *backend.Device) Machine {
	in := d.Info()
	return Machine{Name: in.Name, Kind: in.Kind, Renderer: in.Renderer, Driver: in.Driver, Software: in.Software, Profile: d.Profile()}
}

// Environment describes a run of the options here and now. Devices may be nil.
func (o Options) Environment() Environment {
	e := Environment{Tested: machineOf(o.Tested), Processors: runtime.GOMAXPROCS(0), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Program: "unknown", Contract: exact.ContractVersion, Seed: o.Seed, Date: time.Now().UTC().Format(time.RFC3339)}
	if o.Against != nil {
		m := machineOf(o.Against)
		e.Against = &m
	}
	for _, d := range []*backend.Device{o.Tested, o.Against, o.Referee} {
		if in := d.Info(); e.Processor == "" && (in.Kind == "cpu" || in.Kind == plainStatements) {
			e.Processor = in.Renderer
		}
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		e.Program = build.Main.Version
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				e.Revision = s.Value
			}
		}
	}
	return e
}
