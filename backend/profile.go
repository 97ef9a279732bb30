package backend

import (
	"fmt"

	"samebits/backend/exact"
)

// Subnormals says what a device does with subnormal operands and results.
type Subnormals string

// The two treatments of subnormal numbers.
const (
	KeepSubnormals  Subnormals = "keep"
	FlushSubnormals Subnormals = "flush"
)

// Mode says how a device's results are to be judged.
type Mode string

const (
	// ExactMode promises the contract's bits.
	ExactMode Mode = "exact"
	// BoundedMode promises only derived error bounds, because the device
	// cannot follow the contract.
	BoundedMode Mode = "bounded"
)

// Profile is the arithmetic a device runs, as its probe found it. The
// canonical profile, and the default everywhere, is fused and keep.
type Profile struct {
	// Mac is the multiply-accumulate the results follow.
	Mac exact.Mac `json:"mac"`
	// Subnormals is what the device's own arithmetic does with them.
	Subnormals Subnormals `json:"subnormals"`
	// Precise says whether the device honours the order of operations that
	// its shaders ask for.
	Precise bool `json:"precise"`
	// Emulated says that Mac is computed in float64 because the device lacks
	// it: the same bits, slower.
	Emulated bool `json:"emulated"`
	// Mode is exact unless the device cannot follow the contract.
	Mode Mode `json:"mode"`
}

// Canonical returns the profile whose bits are the right answer everywhere.
func Canonical() Profile {
	return Profile{Mac: exact.Fused, Subnormals: KeepSubnormals, Precise: true, Mode: ExactMode}
}

func (p Profile) String() string {
	s := fmt.Sprintf("%v, %s", p.Mac, p.Subnormals)
	if p.Emulated {
		s += ", emulated"
	}
	if p.Mode == BoundedMode {
		s += ", bounded"
	}
	return s
}

// ProfileRequest is the profile a run asks a device for.
type ProfileRequest string

const (
	// ProfileFused asks for the canonical bits: one rounding a multiply-accumulate.
	ProfileFused ProfileRequest = "fused"
	// ProfileSplit asks for two roundings a multiply-accumulate.
	ProfileSplit ProfileRequest = "split"
	// ProfileNative takes whichever of the two the device runs fastest.
	ProfileNative ProfileRequest = "native"
)

// Check returns ErrArgument unless r names a profile; empty means fused.
func (r ProfileRequest) Check() error {
	switch r {
	case "", ProfileFused, ProfileSplit, ProfileNative:
		return nil
	}
	return fmt.Errorf("profile %q: want fused, split or native: %w", string(r), ErrArgument)
}
