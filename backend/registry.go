package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Backend is a family of devices that a driver package registers.
type Backend interface {
	// Devices lists every device of the family, usable or not and why, in
	// the order of their numbers. A family without devices returns one entry
	// that is not usable and says why.
	Devices(ctx context.Context, cfg Config) []Info
	// Open opens device number index, or for AnyDevice the first that opens.
	// Errors wrap ErrUnavailable.
	Open(ctx context.Context, index int, cfg Config) (Driver, error)
}

// AnyDevice asks Backend.Open for whichever of its devices opens first.
const AnyDevice = -1

// Traits tell the registry how to treat a backend.
type Traits struct {
	// Fragile marks a backend whose drivers may crash or hang while they are
	// looked at, so that a probe command, if there is one, goes first.
	Fragile bool
	// Accelerator marks a backend that "auto" prefers to the processor.
	Accelerator bool
	// Hidden keeps a backend out of Devices and auto; it opens by name alone.
	Hidden bool
}

type registered struct {
	Backend
	Traits
}

var (
	registryMu sync.RWMutex
	registry   = map[string]registered{}
)

// Register makes a backend known under a name without colons. Driver packages
// call it from init. It panics if the name is taken, like sql.Register.
func Register(name string, b Backend, t Traits) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if _, dup := registry[name]; dup || name == "" || name == "auto" || strings.Contains(name, ":") {
		panic("backend: Register called twice, or with a bad name: " + name)
	}
	registry[name] = registered{b, t}
}

// Names returns the registered backends' names, accelerators first.
func Names() []string {
	registryMu.RLock()
	defer registryMu.RUnlock()
	names := make([]string, 0, len(registry))
	for n, r := range registry {
		if !r.Hidden {
			names = append(names, n)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := registry[names[i]], registry[names[j]]
		if a.Accelerator != b.Accelerator {
			return a.Accelerator
		}
		return names[i] < names[j]
	})
	return names
}

func lookup(name string) (registered, bool) {
	registryMu.RLock()
	defer registryMu.RUnlock()
	r, ok := registry[name]
	return r, ok
}

// Devices lists the devices of all backends, marks the one that "auto" takes,
// and gives each its reason.
func Devices(ctx context.Context, cfg Config) []Info {
	all := allDevices(ctx, cfg)
	explain(all, chooseAuto(all))
	return all
}

func allDevices(ctx context.Context, cfg Config) []Info {
	var all []Info
	for _, name := range Names() {
		r, _ := lookup(name)
		all = append(all, listDevices(ctx, name, r, cfg)...)
	}
	return all
}

// ListInProcess lists the devices of fragile backends without a child
// process. A program's probe subcommand prints this as JSON.
func ListInProcess(ctx context.Context, cfg Config) []Info {
	cfg.ProbeCommand = nil
	var all []Info
	for _, name := range Names() {
		if r, _ := lookup(name); r.Fragile {
			all = append(all, r.Devices(ctx, cfg)...)
		}
	}
	return all
}

// chooseAuto returns the index of the device auto takes: the first usable
// hardware device that promises exact bits, accelerators before the
// processor; −1 if there is none.
func chooseAuto(all []Info) int {
	for i, in := range all {
		if in.Usable && !in.Software && (in.Profile == nil || in.Profile.Mode == ExactMode) {
			return i
		}
	}
	return -1
}

// explain marks the chosen device and completes every usable device's reason.
func explain(all []Info, chosen int) {
	for i := range all {
		in := &all[i]
		r, _ := lookup(in.Kind)
		var why string
		switch {
		case !in.Usable:
			continue
		case i == chosen && r.Accelerator:
			why = "auto takes it: a hardware accelerator with the run's profile"
		case i == chosen:
			why = "auto takes it: no usable hardware accelerator"
		case in.Software:
			why = "auto passes it: software, slower than the CPU path"
		case in.Profile != nil && in.Profile.Mode != ExactMode:
			why = "auto passes it: it cannot promise the contract's bits"
		case r.Accelerator:
			why = "auto takes an earlier one"
		default:
			why = "fallback of auto"
		}
		in.Auto = i == chosen
		if in.Reason != "" {
			why = in.Reason + "; " + why
		}
		in.Reason = why
	}
}

// listDevices asks a backend for its devices, through the probe command when
// the backend is fragile and a command was given.
func listDevices(ctx context.Context, name string, r registered, cfg Config) []Info {
	if !r.Fragile || len(cfg.ProbeCommand) == 0 {
		return r.Devices(ctx, cfg)
	}
	infos, err := probeChild(ctx, cfg)
	if err != nil {
		if ctx.Err() == nil {
			cfg.logger().Warn("device probe failed", "backend", name, "err", err)
		}
		return []Info{{Name: name, Kind: name, Reason: err.Error(), Limits: map[string]int64{}}}
	}
	var own []Info
	for _, in := range infos {
		if in.Kind == name {
			own = append(own, in)
		}
	}
	return own
}

// probeTimeout bounds the child that looks at devices: a driver that hangs
// must cost a message, not the run.
const probeTimeout = 30 * time.Second

func probeChild(ctx context.Context, cfg Config) ([]Info, error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	args := append([]string{}, cfg.ProbeCommand[1:]...)
	if cfg.Profile != "" {
		args = append(args, "--profile", string(cfg.Profile))
	}
	cmd := exec.CommandContext(ctx, cfg.ProbeCommand[0], args...)
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if parent.Err() != nil {
			return nil, parent.Err()
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("the device probe did not answer within %v", probeTimeout)
		}
		msg, _, _ := strings.Cut(strings.TrimSpace(errOut.String()), "\n")
		if msg != "" {
			msg = ": " + msg
		}
		return nil, fmt.Errorf("the device probe failed (%v%s)", err, msg)
	}
	var infos []Info
	if err := json.Unmarshal(out.Bytes(), &infos); err != nil {
		return nil, fmt.Errorf("the device probe printed no device list (%v)", err)
	}
	return infos, nil
}

// Open opens a device by name: "auto", a backend ("cpu", "gl"), or one device
// of it ("gl:1"). "auto" takes a hardware accelerator that gives the profile's
// exact bits, else the processor; Info().Reason says why. A device named
// explicitly is taken as it is, software included, and never replaced: the
// error wraps ErrUnavailable, or ErrArgument for an unknown name.
func Open(ctx context.Context, name string, cfg Config) (*Device, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := cfg.Profile.Check(); err != nil {
		return nil, err
	}
	if cfg.Threads < 0 {
		return nil, fmt.Errorf("threads %d: want 0 or more: %w", cfg.Threads, ErrArgument)
	}
	if name == "auto" {
		return openAuto(ctx, cfg)
	}
	family, index, err := parseName(name)
	if err != nil {
		return nil, err
	}
	r, _ := lookup(family)
	if r.Fragile && len(cfg.ProbeCommand) > 0 {
		infos := listDevices(ctx, family, r, cfg)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := refusal(infos, index); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	drv, err := r.Open(ctx, index, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := NewDevice(drv, cfg)
	if d.info.Reason == "" {
		d.info.Reason = "asked for by name"
	}
	return d, nil
}

// CheckName returns ErrArgument unless name can name a device: "auto", a
// registered backend, or one with a number. It opens nothing.
func CheckName(name string) error {
	if name == "auto" {
		return nil
	}
	_, _, err := parseName(name)
	return err
}

// parseName splits "gl:1" into its backend and number.
func parseName(name string) (family string, index int, err error) {
	family, number, numbered := strings.Cut(name, ":")
	if _, ok := lookup(family); !ok {
		return "", 0, fmt.Errorf("backend %q: want auto, %s: %w", name, strings.Join(Names(), ", "), ErrArgument)
	}
	if !numbered {
		return family, AnyDevice, nil
	}
	index, err = strconv.Atoi(number)
	if err != nil || index < 0 {
		return "", 0, fmt.Errorf("device %q: %q is not a device number: %w", name, number, ErrArgument)
	}
	return family, index, nil
}

// refusal returns why the probe says that the device asked for, or every
// device, cannot be used; nil where it can.
func refusal(infos []Info, index int) error {
	if index >= 0 {
		if index >= len(infos) || infos[index].Usable {
			return nil
		}
		infos = infos[index : index+1]
	}
	var reasons []string
	for _, in := range infos {
		if in.Usable {
			return nil
		}
		reasons = append(reasons, in.Reason)
	}
	return fmt.Errorf("%s: %w", strings.Join(reasons, "; "), ErrUnavailable)
}

// openAuto opens the best device that opens; a device that was usable in the
// probe and fails now is passed with a warning.
func openAuto(ctx context.Context, cfg Config) (*Device, error) {
	all := allDevices(ctx, cfg)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		i := chooseAuto(all)
		if i < 0 {
			return nil, fmt.Errorf("auto: no usable device among %s: %w", strings.Join(Names(), ", "), ErrUnavailable)
		}
		in := &all[i]
		r, _ := lookup(in.Kind)
		_, number, _ := strings.Cut(in.Name, ":")
		index, _ := strconv.Atoi(number)
		drv, err := r.Open(ctx, index, cfg)
		if err != nil {
			cfg.logger().Warn("device passed", "device", in.Name, "err", err)
			in.Usable, in.Reason = false, err.Error()
			continue
		}
		explain(all, i)
		d := NewDevice(drv, cfg)
		d.info.Auto, d.info.Reason = true, in.Reason
		return d, nil
	}
}
