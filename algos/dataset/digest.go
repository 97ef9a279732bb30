package dataset

import (
	"crypto/sha256"
	"encoding/hex"
)

// SHA256Float32 is the SHA-256 of the values as little-endian binary32, every NaN as 0x7fc00000, in lower-case
// hexadecimal. Values equal in bits, NaN apart, have equal digests; −0 and +0 differ. It costs one pass over the data.
func SHA256Float32(data []float32) string {
	digest := sha256.New()
	encodeFloat32(digest, data) // a hash takes every write
	return hex.EncodeToString(digest.Sum(nil))
}

// SHA256Int32 is the SHA-256 of the values as little-endian int32, in lower-case hexadecimal.
func SHA256Int32(data []int32) string {
	digest := sha256.New()
	encodeInt32(digest, data)
	return hex.EncodeToString(digest.Sum(nil))
}
