//go:build gl && cgo

package gpu

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
	"samebits/shaders"
)

// programID is GL's name of a linked program; a type of its own, so that no buffer can be passed for one.
type programID uint32

// A program is a compiled shader with its uniforms. It lives as long as its context.
type program struct {
	name      string // the shader's name, for messages
	id        programID
	source    string
	groupSize int // invocations of a work group, as the shader's layout says
	locations map[string]int32
	ops       map[string]bool // the operations that it has run for
}

// programCache holds the programs of one context by shader and defines. It is used on the GL thread alone.
type programCache struct {
	common map[string]string // defines that every program gets: the profile's mac and the planted error
	built  map[string]*program
}

func newProgramCache(common map[string]string) *programCache {
	return &programCache{common: common, built: map[string]*program{}}
}

// get returns the program of a shader under the defines, compiling it the first time.
func (c *programCache) get(shader string, defines map[string]string) (*program, error) {
	key := programKey(shader, defines)
	if p, ok := c.built[key]; ok {
		return p, nil
	}
	all := maps.Clone(c.common)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, defines)
	p, err := buildProgram(shader, all)
	if err != nil {
		return nil, err
	}
	c.built[key] = p
	return p, nil
}

func programKey(shader string, defines map[string]string) string {
	if len(defines) == 0 {
		return shader
	}
	var b strings.Builder
	b.WriteString(shader)
	for _, k := range slices.Sorted(maps.Keys(defines)) {
		fmt.Fprintf(&b, " %s=%s", k, defines[k])
	}
	return b.String()
}

// buildProgram compiles and links shaders/<shader>.comp. The error wraps
// backend.ErrInternal and holds the compiler's log with file names and lines.
func buildProgram(shader string, defines map[string]string) (*program, error) {
	source, err := shaders.Source(shader, defines)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, backend.ErrInternal)
	}
	sh := gl.CreateShader(gl.COMPUTE_SHADER)
	defer gl.DeleteShader(sh)
	text, free := gl.Strs(source + "\x00")
	gl.ShaderSource(sh, 1, text, nil)
	free()
	gl.CompileShader(sh)
	var ok int32
	if gl.GetShaderiv(sh, gl.COMPILE_STATUS, &ok); ok != gl.TRUE {
		log := infoLog(sh, gl.GetShaderiv, gl.GetShaderInfoLog)
		return nil, fmt.Errorf("compile %s: %s: %w", programKey(shader, defines), oneLine(shaders.Explain(source, log)), backend.ErrInternal)
	}
	id := gl.CreateProgram()
	gl.AttachShader(id, sh)
	gl.LinkProgram(id)
	gl.DetachShader(id, sh)
	if gl.GetProgramiv(id, gl.LINK_STATUS, &ok); ok != gl.TRUE {
		log := infoLog(id, gl.GetProgramiv, gl.GetProgramInfoLog)
		gl.DeleteProgram(id)
		return nil, fmt.Errorf("link %s: %s: %w", programKey(shader, defines), oneLine(shaders.Explain(source, log)), backend.ErrInternal)
	}
	var size [3]int32
	gl.GetProgramiv(id, gl.COMPUTE_WORK_GROUP_SIZE, &size[0])
	return &program{
		name: shader, id: programID(id), source: source, groupSize: int(size[0] * size[1] * size[2]),
		locations: map[string]int32{}, ops: map[string]bool{},
	}, nil
}

// infoLog reads a shader's or a program's log.
func infoLog(id uint32, get func(uint32, uint32, *int32), read func(uint32, int32, *int32, *uint8)) string {
	var n int32
	get(id, gl.INFO_LOG_LENGTH, &n)
	if n <= 0 {
		return "the driver gives no reason"
	}
	buf := make([]uint8, n+1)
	read(id, int32(len(buf)), &n, &buf[0])
	return string(buf[:n])
}

// oneLine joins the first lines of a log.
func oneLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	const enough = 8
	if len(lines) > enough {
		lines = append(lines[:enough], fmt.Sprintf("(%d more lines)", len(lines)-enough))
	}
	return strings.Join(lines, "; ")
}

// location returns where a uniform is set; −1 where the compiler left it out because nothing depends on it. A name
// that the source does not hold at all is an error of the host code.
func (p *program) location(name string) (int32, error) {
	if at, ok := p.locations[name]; ok {
		return at, nil
	}
	at := gl.GetUniformLocation(uint32(p.id), gl.Str(name+"\x00"))
	if at < 0 && !strings.Contains(p.source, name) {
		return 0, fmt.Errorf("shader %s has no uniform %s: %w", p.name, name, backend.ErrInternal)
	}
	p.locations[name] = at
	return at, nil
}

// set gives a uniform its value. The program must be in use.
func (p *program) set(name string, value any) error {
	at, err := p.location(name)
	if err != nil {
		return err
	}
	switch v := value.(type) {
	case uint32:
		gl.Uniform1ui(at, v)
	case int32:
		gl.Uniform1i(at, v)
	case float32:
		gl.Uniform1f(at, v)
	case [2]float32:
		gl.Uniform2f(at, v[0], v[1])
	case [2]uint32:
		gl.Uniform2ui(at, v[0], v[1])
	case [4]uint32:
		gl.Uniform4ui(at, v[0], v[1], v[2], v[3])
	default:
		return fmt.Errorf("uniform %s of shader %s: no way to pass %T: %w", name, p.name, value, backend.ErrInternal)
	}
	return nil
}
