//go:build !race

package vm

const race = false
