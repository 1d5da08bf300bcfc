//go:build !unix

package netmap

func mapAnonymous(int) ([]byte, error) { return nil, ErrNotSupported }

func unmapAnonymous([]byte) {}
