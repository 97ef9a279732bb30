package shaders

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Variant is the defines that choose among the texts of one shader; sizes of tiles and names of functions that stand
// for one another are not part of it, unless they bring barriers with them.
type Variant map[string]string

func (v Variant) String() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(v)) {
		parts = append(parts, k+"="+v[k])
	}
	return strings.Join(parts, " ")
}

// Variants lists the variants of a shader that the OpenGL backend compiles, at least one.
func Variants(name string) []Variant {
	switch name {
	case "categorical":
		return []Variant{{}, {"MERGE": "1"}}
	case "centres", "distances":
		return metrics(nil)
	case "gumbelsoftmax", "rank", "select":
		return stages(3, nil)
	case "scattersum":
		return stages(2, nil)
	case "softmaxblocks":
		return append(stages(5, nil), stages(4, Variant{"LOG_SUM_EXP": "1"})...)
	case "nearest":
		var all []Variant
		for _, stage := range stages(3, nil) {
			all = append(all, metrics(stage)...)
		}
		return all
	case "colreduce", "rowreduce":
		return []Variant{{"REDUCE": "reduce_sum"}, {"REDUCE": "reduce_pick"}, {"REDUCE": "reduce_magnitude"}}
	case "move":
		return []Variant{{"WORDS": "0"}, {"WORDS": "1"}, {"WORDS": "2"}}
	case "probe":
		return []Variant{{}, {"PROBE_DOUBLE": "1"}}
	}
	return []Variant{{}}
}

// stages is base with each of n values of STAGE.
func stages(n int, base Variant) []Variant {
	var all []Variant
	for i := range n {
		all = append(all, with(base, "STAGE", strconv.Itoa(i)))
	}
	return all
}

// metrics is base with each metric of metric.glsl, and with a shift where one has it.
func metrics(base Variant) []Variant {
	var all []Variant
	for m := range 4 {
		v := with(base, "METRIC", strconv.Itoa(m))
		all = append(all, v)
		if m < 2 {
			all = append(all, with(v, "SHIFTED", "1"))
		}
	}
	return all
}

func with(base Variant, key, value string) Variant {
	v := maps.Clone(base)
	if v == nil {
		v = Variant{}
	}
	v[key] = value
	return v
}
