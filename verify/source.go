package verify

import (
	"fmt"
	"maps"
	"slices"

	"samebits/backend"
	"samebits/verify/internal/glsl"
)

// CheckSource reads the kernels of a driver, with an error planted or none
// (""), and returns a complaint for each place where shared memory lacks a
// barrier: what a device that happens not to need it does not show. It needs no
// device. checked is the number of texts read, 0 for a driver without any.
func CheckSource(driver, fault string) (complaints []string, checked int, err error) {
	texts, err := backend.Sources(driver, fault)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		found, err := glsl.Barriers(texts[name])
		if err != nil {
			return nil, checked, fmt.Errorf("shader %s: %w", name, err)
		}
		for _, f := range found {
			complaints = append(complaints, name+": "+f)
		}
		checked++
	}
	return complaints, checked, nil
}
