//go:build !amd64

package cpu

func multiplyAddKernels() []multiplyAdds { return []multiplyAdds{scalarMultiplyAdds} }

func copyKernels() []copier { return []copier{plainCopier} }
