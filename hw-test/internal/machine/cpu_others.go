//go:build !linux

package machine

func cpuModel() string { return "" }
