package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test binary is also a worker: with the arguments "fake MODE" it answers
// the protocol, and in all modes but "right" fails in one way. With "self"
// before them, the arguments are the program's own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "self" {
		a := &app{stdout: os.Stdout, stderr: os.Stderr, sizes: tinySizes}
		os.Exit(a.main(context.Background(), os.Args[2:]))
	}
	if len(os.Args) == 3 && os.Args[1] == "fake" {
		fakeWorker(os.Args[2])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fake returns how a worker of one mode is started.
func fake(mode string) []string { return []string{os.Args[0], "fake", mode} }

func fakeWorker(mode string) {
	switch mode {
	case "exit0", "exit1", "exit130":
		code, _ := strconv.Atoi(strings.TrimPrefix(mode, "exit"))
		os.Exit(code)
	case "missing":
		fmt.Println("missing\tno such library")
		return
	case "stillborn":
		fmt.Fprintln(os.Stderr, "first line\nlibrary.so: cannot open")
		os.Exit(127)
	}
	fmt.Println("ready\tFake 1.0\tkernel of", mode)
	var n int
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		switch {
		case mode == "garbage":
			fmt.Println("no protocol")
		case words[0] == "load" && mode == "refuse":
			fmt.Println("error\tno such work")
		case words[0] == "load":
			fmt.Sscan(words[2], &n)
			fmt.Println("ok")
		case words[0] == "run" && mode == "crash":
			fmt.Fprintln(os.Stderr, "illegal instruction")
			os.Exit(3)
		case words[0] == "run" && mode == "hang":
			time.Sleep(time.Minute)
		case words[0] == "run" && mode == "liar":
			fmt.Println("seconds\tNaN")
		case words[0] == "run":
			fmt.Println("seconds\t0.001")
		case words[0] == "result":
			writeProduct(words[1], n, mode == "wrong")
			fmt.Println("ok\tfloat32")
		case words[0] == "quit":
			return
		}
	}
}

// writeProduct writes a·b, or zeros.
func writeProduct(path string, n int, wrong bool) {
	a, errA := readValues("a", "float32")
	b, errB := readValues("b", "float32")
	if errA != nil || errB != nil {
		os.Exit(4)
	}
	c := make([]float32, n*n)
	for i := range n {
		for j := range n {
			sum := 0.0
			for k := 0; k < n && !wrong; k++ {
				sum += float64(a.floats[i*n+k]) * float64(b.floats[k*n+j])
			}
			c[i*n+j] = float32(sum)
		}
	}
	raw, _ := binary.Append(nil, binary.LittleEndian, c)
	os.WriteFile(path, raw, 0o600)
}
