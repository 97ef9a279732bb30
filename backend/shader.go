package backend

// ShaderHasher is implemented by drivers that build programs from source text
// while they run.
type ShaderHasher interface {
	// ShaderHash is the SHA-256, in hexadecimal, of the texts of all programs
	// that have run for an operation so far; empty where none has. Device
	// calls it as it calls a Driver.
	ShaderHash(op string) string
}

// ShaderHash is the SHA-256 of the programs that the device has run for an
// operation, empty for a device that builds none or has run none for it.
func (d *Device) ShaderHash(op string) string {
	if d == nil {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.driver.(ShaderHasher)
	if !ok || d.closed {
		return ""
	}
	return h.ShaderHash(op)
}
