//go:build !race

package netmaptest_test

const raceEnabled = false
