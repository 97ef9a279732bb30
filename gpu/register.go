//go:build gl && cgo

package gpu

import (
	"context"
	"fmt"
	"log/slog"

	"samebits/backend"
)

func init() {
	backend.Register("gl", family{}, backend.Traits{Fragile: true, Accelerator: true})
}

// family lists and opens the OpenGL devices of this machine.
type family struct{}

// Devices implements backend.Backend. It opens a context on each device, which takes some 100 ms, and closes it again.
func (family) Devices(ctx context.Context, cfg backend.Config) []backend.Info {
	devs, err := candidates()
	if err != nil {
		return []backend.Info{{Name: "gl", Kind: "gl", Reason: err.Error(), Limits: map[string]int64{}}}
	}
	var infos []backend.Info
	usable := false
	for _, d := range devs {
		if d.lastResort && usable {
			break
		}
		infos = append(infos, look(ctx, d, cfg))
		usable = usable || infos[len(infos)-1].Usable
	}
	return infos
}

// look opens a device to describe it.
func look(ctx context.Context, d deviceInfo, cfg backend.Config) backend.Info {
	info := backend.Info{
		Name: fmt.Sprintf("gl:%d", d.index), Kind: "gl", Renderer: d.renderer, Software: d.software,
		Limits: map[string]int64{},
	}
	if err := ctx.Err(); err != nil {
		info.Reason = err.Error()
		return info
	}
	drv, err := open(d, cfg)
	if err != nil {
		info.Reason = err.Error()
		return info
	}
	info = drv.info
	if err := drv.Close(); err != nil {
		info.Usable, info.Profile, info.Reason = false, nil, "closing its context: "+err.Error()
	}
	return info
}

// Open implements backend.Backend. backend.AnyDevice takes the first that opens.
func (family) Open(ctx context.Context, index int, cfg backend.Config) (backend.Driver, error) {
	if err := checkFault(cfg.Fault); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	devs, err := candidates()
	if err != nil {
		return nil, err
	}
	if index >= len(devs) {
		return nil, fmt.Errorf("device %d of %d: %w", index, len(devs), backend.ErrUnavailable)
	}
	if index >= 0 {
		devs = devs[index : index+1]
	}
	var d *driver
	none := &unavailableError{}
	for _, dev := range devs {
		if d, err = open(dev, cfg); err == nil {
			break
		}
		none.add(dev, err)
	}
	if d == nil && len(devs) == 1 {
		return nil, err
	}
	if d == nil {
		return nil, none
	}
	if p := d.info.Profile; p.Emulated && cfg.Logger != nil {
		cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "fma emulated in float64: profile native is faster, with other bits",
			slog.String("device", d.info.Name), slog.String("renderer", d.info.Renderer))
	}
	return d, nil
}
