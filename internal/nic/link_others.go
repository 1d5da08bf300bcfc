//go:build !linux

package nic

import "fmt"

func speed(name string) (float64, error) {
	return 0, fmt.Errorf("the link speed of interface %s: %w", name, ErrNotSupported)
}

func nodeOf(string, string) (int, []int) { return 0, nil }
func allowed([]int) []int                { return nil }
