package gpu

import (
	"errors"
	"strings"
	"testing"

	"samebits/backend"
)

// listing is a provider that lists what it is given and opens nothing.
type listing struct {
	devs []deviceInfo
	err  error
}

func (l listing) name() string                       { return "EGL" }
func (l listing) devices() ([]deviceInfo, error)     { return l.devs, l.err }
func (l listing) open(deviceInfo) (glContext, error) { return nil, errors.New("not for opening") }

func TestHardwareIsCountedFirst(t *testing.T) {
	devs, err := listDevices([]provider{
		listing{devs: []deviceInfo{{node: "a", software: true}, {node: "b"}, {node: "c"}}},
		listing{err: errors.New("broken")},
		listing{devs: []deviceInfo{{node: "d", software: true}, {node: "e"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var order string
	for i, d := range devs {
		order += d.node
		if d.index != i {
			t.Errorf("device %s has index %d at position %d", d.node, d.index, i)
		}
	}
	if order != "bcaed" {
		t.Errorf("order %s, want bcaed", order)
	}
}

func TestNoDeviceNamesAllThatWasTried(t *testing.T) {
	inner := &unavailableError{why: "no EGL library", tried: []attempt{
		{"libEGL.so.1", errors.New("no such file")}, {"libEGL.so", errors.New("not an ELF file")}}}
	_, err := listDevices([]provider{listing{err: inner}})
	if !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("%v is not backend.ErrUnavailable", err)
	}
	want := "no OpenGL: tried EGL (no EGL library: tried libEGL.so.1 (no such file), libEGL.so (not an ELF file))"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}

	_, err = listDevices(nil)
	if !errors.Is(err, backend.ErrUnavailable) || !strings.HasPrefix(err.Error(), noOpenGL) {
		t.Errorf("without providers: %v", err)
	}
}

func TestSoftwareRenderers(t *testing.T) {
	for renderer, want := range map[string]bool{
		"llvmpipe (LLVM 15.0.6, 256 bits)": true,
		"softpipe":                         true,
		"Software Rasterizer":              true,
		"zink Vulkan 1.3(llvmpipe (LLVM 15.0.6, 256 bits) (MESA_LLVM))": true,
		"NVIDIA H100 PCIe/PCIe/SSE2":                                    false,
		"AMD Radeon RX 6800 (radeonsi, navi21, LLVM 15.0.6, DRM 3.49)":  false,
		"Mesa Intel(R) UHD Graphics 620 (KBL GT2)":                      false,
		"": false,
	} {
		if got := isSoftware(renderer); got != want {
			t.Errorf("isSoftware(%q) = %v", renderer, got)
		}
	}
}
