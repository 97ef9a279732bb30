//go:build gl && cgo && linux

package gpu

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Debian's gcc links with --as-needed of its own accord, so a program that is clean here may not be clean elsewhere.
// These tests link with a wrapper that switches it off first.

const noAsNeeded = "#!/bin/sh\nexec gcc -Wl,--no-as-needed \"$@\"\n"

var commandBuild struct {
	sync.Once
	path string
	err  error
	log  []byte
}

// buildCommand builds cmd/samebits with OpenGL and without --as-needed by default, once per test run.
func buildCommand(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the command")
	}
	b := &commandBuild
	b.Do(func() {
		dir, err := os.MkdirTemp("", "samebits-elf-")
		if err != nil {
			b.err = err
			return
		}
		wrapper := writeWrapper(t, dir)
		b.path = filepath.Join(dir, "samebits")
		tags := "gl"
		if builtWithGLFW {
			tags = "gl,glfw"
		}
		cmd := exec.Command("go", "build", "-tags", tags, "-ldflags=-linkmode=external -extld="+wrapper, "-o", b.path,
			"samebits/cmd/samebits")
		b.log, b.err = cmd.CombinedOutput()
	})
	if b.err != nil {
		t.Fatalf("building the command: %v\n%s", b.err, b.log)
	}
	return b.path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if commandBuild.path != "" {
		os.RemoveAll(filepath.Dir(commandBuild.path))
	}
	os.Exit(code)
}

func writeWrapper(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "gcc-no-as-needed")
	if err := os.WriteFile(path, []byte(noAsNeeded), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// imports reads what the dynamic linker must find before the program starts.
func imports(t *testing.T, path string) (needed []string, symbols []elf.ImportedSymbol) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if needed, err = f.ImportedLibraries(); err != nil {
		t.Fatal(err)
	}
	if symbols, err = f.ImportedSymbols(); err != nil {
		t.Fatal(err)
	}
	return needed, symbols
}

// The wrapper itself must do what the other tests rely on: a library that nothing uses lands in NEEDED.
func TestLinkerWrapperSwitchesAsNeededOff(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "main")
	if log, err := exec.Command(writeWrapper(t, dir), "-o", out, source, "-lGL").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	needed, _ := imports(t, out)
	if !strings.Contains(strings.Join(needed, " "), "libGL.so") {
		t.Errorf("NEEDED is %v: the wrapper proves nothing", needed)
	}
}

func TestCommandNeedsNoOpenGLLibrary(t *testing.T) {
	if builtWithGLFW {
		t.Skip("GLFW 3.3 links libX11: this holds for the build without the tag glfw")
	}
	needed, symbols := imports(t, buildCommand(t))
	t.Logf("NEEDED %v, %d imported symbols", needed, len(symbols))
	allowed := regexp.MustCompile(`^(libc|libdl|libpthread|libresolv|ld-linux[-_a-z0-9]*|linux-vdso)\.so\.`)
	if len(needed) == 0 {
		t.Error("NEEDED is empty: not the dynamic program this test is about")
	}
	for _, lib := range needed {
		if !allowed.MatchString(lib) {
			t.Errorf("the command needs %s to start", lib)
		}
	}
	graphics := regexp.MustCompile(`^(gl|egl|glX|X|xcb_|glfw)[A-Z_]`)
	for _, s := range symbols {
		if graphics.MatchString(s.Name) {
			t.Errorf("the command imports %s", s.Name)
		}
	}
}

// hiddenLibraries are the names that must not be found; a library's own dependencies are part of it.
const hiddenLibraries = `libEGL|libGL|libOpenGL|libX11|libxcb`

// runHidden runs a program where no OpenGL, EGL or X11 library can be loaded, and returns its standard output and exit
// code. The way is "chroot": a root with nothing but the program and what NEEDED names; or "preload": a dlopen that refuses.
func runHidden(t *testing.T, way, program string, args ...string) (stdout string, exitCode int) {
	t.Helper()
	var cmd *exec.Cmd
	switch way {
	case "chroot":
		if os.Geteuid() != 0 {
			t.Skip("NOT TESTED: chroot needs root")
		}
		root := bareRoot(t, program)
		cmd = exec.Command("/samebits", args...)
		cmd.Path = "/samebits"
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Env = []string{"HOME=/", "PATH=/"}
	case "preload":
		cmd = exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+refusingLoader(t))
	default:
		t.Fatalf("no way %q", way)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		if way == "chroot" && (os.IsPermission(err) || strings.Contains(err.Error(), "not permitted")) {
			t.Skipf("NOT TESTED: chroot is not permitted: %v", err)
		}
		t.Fatalf("%s: %v", way, err)
	}
	if stderr.Len() > 0 {
		t.Logf("stderr: %s", stderr.String())
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// bareRoot makes a directory tree with the program as /samebits and the libraries that ldd finds for it.
func bareRoot(t *testing.T, program string) string {
	t.Helper()
	root := t.TempDir()
	copyTo := func(from, to string) {
		to = filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(program, "samebits")
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Fatalf("ldd: %v", err)
	}
	paths := regexp.MustCompile(`/[^ ()]+`).FindAllString(string(out), -1)
	if len(paths) == 0 {
		t.Fatalf("ldd names no library: %s", out)
	}
	for _, path := range paths {
		if regexp.MustCompile(hiddenLibraries).MatchString(path) {
			t.Fatalf("the program needs %s to start", path)
		}
		copyTo(path, path)
	}
	// What a program that starts another hands it as its input.
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	// What os.Executable reads where /proc is mounted.
	if err := os.MkdirAll(filepath.Join(root, "proc/self"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/samebits", filepath.Join(root, "proc/self/exe")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	return root
}

const refusingLoaderSource = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
void *dlopen(const char *name, int flags) {
	static const char *hidden[] = {"libEGL", "libGL", "libOpenGL", "libX11", "libxcb"};
	for (int i = 0; name != NULL && i < 5; i++) {
		if (strstr(name, hidden[i]) != NULL) {
			return NULL;
		}
	}
	void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	return real(name, flags);
}
`

// refusingLoader compiles a library whose dlopen finds none of hiddenLibraries.
func refusingLoader(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "refuse.c"), filepath.Join(dir, "refuse.so")
	if err := os.WriteFile(source, []byte(refusingLoaderSource), 0o644); err != nil {
		t.Fatal(err)
	}
	if log, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", out, source, "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return out
}

func TestCommandStartsWithoutOpenGLLibraries(t *testing.T) {
	if builtWithGLFW {
		t.Skip("GLFW 3.3 links libX11: this holds for the build without the tag glfw")
	}
	for _, way := range []string{"chroot", "preload"} {
		t.Run(way, func(t *testing.T) {
			out, code := runHidden(t, way, buildCommand(t), "devices", "--json")
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, out)
			}
			var report struct {
				Devices []struct {
					Name, Kind, Reason string
					Usable             bool
				}
			}
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatalf("%v in\n%s", err, out)
			}
			found, cpu := false, false
			for _, d := range report.Devices {
				cpu = cpu || d.Kind == "cpu" && d.Usable
				if d.Kind != "gl" {
					continue
				}
				found = true
				if d.Usable || !strings.Contains(d.Reason, noOpenGL) || !strings.Contains(d.Reason, "libEGL.so.1") {
					t.Errorf("%s: usable %v, reason %q; want unusable, %q and the library's name", d.Name, d.Usable, d.Reason, noOpenGL)
				}
			}
			if !found || !cpu {
				t.Errorf("want an unusable gl device and a usable cpu device in\n%s", out)
			}
		})
	}
}
