//go:build !amd64

package cpu

func multiplyAddKernels() []multiplyAdds { return []multiplyAdds{scalarMultiplyAdds} }

func integerKernels() []multiplyAdds { return []multiplyAdds{scalarProducts} }

func copyKernels() []copier { return []copier{plainCopier} }
