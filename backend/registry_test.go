package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// fakeBackend lists what it is told and opens null drivers.
type fakeBackend struct {
	infos   []Info
	openErr error
}

func (f *fakeBackend) Devices(context.Context, Config) []Info { return f.infos }

func (f *fakeBackend) Open(_ context.Context, i int, _ Config) (Driver, error) {
	if f.openErr != nil {
		return nil, f.openErr
	}
	return &nullDriver{info: f.infos[max(0, i)]}, nil
}

// withRegistry replaces the registry for one test.
func withRegistry(t *testing.T, accel, host *fakeBackend) {
	t.Helper()
	saved := registry
	registry = map[string]registered{}
	t.Cleanup(func() { registry = saved })
	Register("acc", accel, Traits{Fragile: true, Accelerator: true})
	Register("host", host, Traits{})
	Register("plain", host, Traits{Hidden: true})
}

func device(name string, usable, software bool, mode Mode) Info {
	p := Canonical()
	p.Mode = mode
	kind, _, _ := strings.Cut(name, ":")
	return Info{Name: name, Kind: kind, Usable: usable, Software: software, Profile: &p}
}

func TestAutoTakesHardwareElseProcessor(t *testing.T) {
	host := &fakeBackend{infos: []Info{device("host", true, false, ExactMode)}}
	cases := []struct {
		name string
		acc  []Info
		want string
	}{
		{"hardware", []Info{device("acc:0", true, false, ExactMode)}, "acc:0"},
		{"second is hardware", []Info{device("acc:0", true, true, ExactMode), device("acc:1", true, false, ExactMode)}, "acc:1"},
		{"software", []Info{device("acc:0", true, true, ExactMode)}, "host"},
		{"bounded", []Info{device("acc:0", true, false, BoundedMode)}, "host"},
		{"not usable", []Info{device("acc:0", false, false, ExactMode)}, "host"},
		{"none", nil, "host"},
	}
	for _, c := range cases {
		withRegistry(t, &fakeBackend{infos: c.acc}, host)
		d, err := Open(ctx, "auto", Config{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if in := d.Info(); in.Name != c.want || in.Reason == "" || !in.Auto {
			t.Errorf("%s: took %+v, want %s", c.name, in, c.want)
		}
		marked := 0
		for _, in := range Devices(ctx, Config{}) {
			if in.Auto {
				marked++
				if in.Name != c.want {
					t.Errorf("%s: Devices marks %s", c.name, in.Name)
				}
			}
		}
		if marked != 1 {
			t.Errorf("%s: %d devices marked", c.name, marked)
		}
	}
}

func TestAutoPassesADeviceThatFailsToOpen(t *testing.T) {
	acc := &fakeBackend{infos: []Info{device("acc:0", true, false, ExactMode)}, openErr: ErrUnavailable}
	withRegistry(t, acc, &fakeBackend{infos: []Info{device("host", true, false, ExactMode)}})
	d, err := Open(ctx, "auto", Config{})
	if err != nil || d.Info().Name != "host" {
		t.Fatalf("%v, %v", d, err)
	}
	if _, err := Open(ctx, "acc", Config{}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("an explicit device fell back: %v", err)
	}
}

func TestOpenRefusesBadNames(t *testing.T) {
	withRegistry(t, &fakeBackend{}, &fakeBackend{infos: []Info{device("host", true, false, ExactMode)}})
	for _, name := range []string{"cuda", "acc:x", "acc:-1", "acc:"} {
		if _, err := Open(ctx, name, Config{}); !errors.Is(err, ErrArgument) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Open(ctx, "host", Config{Profile: "fast"}); !errors.Is(err, ErrArgument) {
		t.Errorf("profile: %v", err)
	}
	if _, err := Open(ctx, "host", Config{Threads: -1}); !errors.Is(err, ErrArgument) {
		t.Errorf("threads: %v", err)
	}
	if d, err := Open(ctx, "plain", Config{}); err != nil || d == nil {
		t.Errorf("hidden backend by name: %v", err)
	}
	for _, n := range Names() {
		if n == "plain" {
			t.Error("hidden backend is listed")
		}
	}
}

// TestMain lets the test binary stand in for a program's probe subcommand.
func TestMain(m *testing.M) {
	switch mode, profile := os.Getenv("BACKEND_TEST_PROBE"), os.Args[len(os.Args)-1]; mode {
	case "good":
		in := device("acc:0", true, false, ExactMode)
		in.Renderer = "child with " + profile
		out, _ := json.Marshal([]Info{in})
		fmt.Println(string(out))
		os.Exit(0)
	case "crash":
		fmt.Fprintln(os.Stderr, "driver fell over")
		os.Exit(139)
	case "garbage":
		fmt.Println("hello")
		os.Exit(0)
	case "hang":
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestProbeCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	withRegistry(t, &fakeBackend{infos: []Info{device("acc:0", true, false, ExactMode)}},
		&fakeBackend{infos: []Info{device("host", true, false, ExactMode)}})
	cases := []struct{ mode, want, reason string }{
		{"good", "acc:0", "auto takes it"},
		{"crash", "host", "driver fell over"},
		{"garbage", "host", "no device list"},
	}
	for _, c := range cases {
		t.Setenv("BACKEND_TEST_PROBE", c.mode)
		cfg := Config{ProbeCommand: []string{self}, Profile: ProfileSplit}
		var all []string
		for _, in := range Devices(ctx, cfg) {
			all = append(all, in.Name+": "+in.Reason)
			if in.Auto && in.Name != c.want {
				t.Errorf("%s: auto is %s", c.mode, in.Name)
			}
			if c.mode == "good" && in.Kind == "acc" && in.Renderer != "child with split" {
				t.Errorf("the profile did not reach the probe: %q", in.Renderer)
			}
		}
		if joined := strings.Join(all, "\n"); !strings.Contains(joined, c.reason) {
			t.Errorf("%s: no reason %q in\n%s", c.mode, c.reason, joined)
		}
		if _, err := Open(ctx, "acc", cfg); (c.mode == "good") != (err == nil) {
			t.Errorf("%s: explicit open: %v", c.mode, err)
		}
	}
	t.Setenv("BACKEND_TEST_PROBE", "hang")
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := probeChild(short, Config{ProbeCommand: []string{self}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging probe: %v", err)
	}
	if time.Since(start) > 10*time.Second {
		t.Error("a hanging probe held the run")
	}
}

func TestRegisterPanicsOnDuplicates(t *testing.T) {
	withRegistry(t, &fakeBackend{}, &fakeBackend{})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Register("host", &fakeBackend{}, Traits{})
}
