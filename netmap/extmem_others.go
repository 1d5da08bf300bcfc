//go:build !unix

package netmap

import "fmt"

func mapFile(string) ([]byte, error) {
	return nil, fmt.Errorf("a file as external memory on this system: %w", ErrNotSupported)
}

func unmapFile([]byte) {}
