//go:build gl && cgo

package gpu

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// ShaderHash implements backend.ShaderHasher: the defines are part of a program's text, and so is a planted error's.
func (d *driver) ShaderHash(op string) string {
	hash := sha256.New()
	ran := false
	err := d.do(func() error {
		for _, key := range slices.Sorted(maps.Keys(d.programs.built)) {
			if p := d.programs.built[key]; p.ops[op] {
				ran = true
				fmt.Fprintf(hash, "%s\n%d\n%s", key, len(p.source), p.source)
			}
		}
		return nil
	})
	if err != nil || !ran {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}
