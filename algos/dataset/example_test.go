package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"samebits/algos/dataset"
)

// folder makes a scratch folder for an example.
func folder() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "dataset")
	if err != nil {
		panic(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func ExampleRead() {
	dir, remove := folder()
	defer remove()
	path := filepath.Join(dir, "iris.csv")
	os.WriteFile(path, []byte("length,width,class\n5.1,3.5,setosa\n6.3,3.3,virginica\n"), 0o644)

	table, err := dataset.Read(context.Background(), path, dataset.Options{Label: "class"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(table.Matrix.Rows, "×", table.Matrix.Cols, table.Columns)
	fmt.Println(table.Matrix.Data)
	fmt.Println(table.LabelName, table.Label)
	// Output:
	// 2 × 2 [length width]
	// [5.1 3.5 6.3 3.3]
	// class [setosa virginica]
}

func ExampleError() {
	dir, remove := folder()
	defer remove()
	os.WriteFile(filepath.Join(dir, "cancer.csv"), []byte("clump_thickness,bare_nuclei\n5,1\n8,?\n"), 0o644)

	_, err := dataset.Read(context.Background(), filepath.Join(dir, "cancer.csv"), dataset.Options{})
	var e *dataset.Error
	if errors.As(err, &e) {
		e.Path = filepath.Base(e.Path)
		fmt.Println(e)
		fmt.Println("line", e.Line, "column", e.Column)
	}
	// Output:
	// cancer.csv:3: column 2 (bare_nuclei): "?" is not a number
	// line 3 column 2
}

func ExampleWriteNpyFloat32() {
	dir, remove := folder()
	defer remove()
	path := filepath.Join(dir, "centroids.npy")

	centroids := []float32{5.006, 3.428, 6.262, 2.872}
	if err := dataset.WriteNpyFloat32(path, 2, 2, centroids); err != nil {
		fmt.Println(err)
		return
	}
	table, err := dataset.Read(context.Background(), path, dataset.Options{})
	fmt.Println(table.Matrix.Rows, table.Matrix.Cols, table.Matrix.Data, err)
	// Output: 2 2 [5.006 3.428 6.262 2.872] <nil>
}

func ExampleWriteNpyInt32() {
	dir, remove := folder()
	defer remove()
	path := filepath.Join(dir, "labels.npy")

	if err := dataset.WriteNpyInt32(path, []int32{0, 1, 1, 0}); err != nil {
		fmt.Println(err)
		return
	}
	info, err := os.Stat(path)
	fmt.Println(info.Size(), "bytes: a header of 128 and 4 a label;", err)
	// Output: 144 bytes: a header of 128 and 4 a label; <nil>
}

func ExampleEncodeNpyInt32() {
	var file bytes.Buffer
	if err := dataset.EncodeNpyInt32(&file, []int32{7}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", file.Bytes()[:10])
	fmt.Printf("%s\n", bytes.TrimSpace(file.Bytes()[10:128]))
	fmt.Println(file.Bytes()[128:])
	// Output:
	// "\x93NUMPY\x01\x00v\x00"
	// {'descr': '<i4', 'fortran_order': False, 'shape': (1,), }
	// [7 0 0 0]
}

func ExampleSHA256Int32() {
	fmt.Println(dataset.SHA256Int32([]int32{0, 1, 2}))
	// Output: ad5dc1478de06a4c2728ea528bd9361a4b945e92a414bf4d180cedaaeaa5f4cc
}
