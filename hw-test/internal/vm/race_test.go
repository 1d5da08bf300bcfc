//go:build race

package vm

// The race detector needs more address space than User-Mode Linux gives.
const race = true
