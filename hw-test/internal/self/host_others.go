//go:build !linux

package self

func kernelRelease() string { return "unknown" }

func inUserNS() bool { return false }
