//go:build !linux

package session

func cpuModel() string { return "" }
