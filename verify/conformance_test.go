package verify_test

import (
	"context"
	"testing"

	"samebits/backend"
	_ "samebits/cpu"
	"samebits/verify"
)

func TestConformanceOfTheProcessor(t *testing.T) {
	verify.RunAll(t, func(p backend.ProfileRequest) (*backend.Device, error) {
		return backend.Open(context.Background(), "cpu", backend.Config{Profile: p})
	})
}
